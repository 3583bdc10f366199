"""Every way of balancing by name, and the configuration that chooses one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from pydantic import JsonValue

from gan_study.trainables.balancing.balancer import Balancer
from gan_study.trainables.balancing.class_balanced import ClassBalanced
from gan_study.trainables.balancing.class_weights import ClassWeights
from gan_study.trainables.balancing.crt import ClassifierRetraining
from gan_study.trainables.balancing.duplicates import Duplicates
from gan_study.trainables.balancing.feature_smote import FeatureSmote
from gan_study.trainables.balancing.focal import Focal
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.balancing.ldam import Ldam, LdamDrw
from gan_study.trainables.balancing.logit_adjustment import BalancedSoftmax, LogitAdjustment, ThresholdMoving
from gan_study.trainables.balancing.mixing import Cutmix, Mixup
from gan_study.trainables.balancing.none import NoBalancing
from gan_study.trainables.balancing.oversampling import RandomOversampling
from gan_study.trainables.balancing.rand_augment import RandAugment
from gan_study.trainables.balancing.smote import Smote
from gan_study.trainables.balancing.transforms import ImageTransforms
from gan_study.trainables.balancing.undersampling import RandomUndersampling
from gan_study.trainables.balancing.upper_bound import RealUpperBound
from gan_study.trainables.base.settings import ConfigError, dump, nearest, parse
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import GanVariant, parse_gan_settings

B = TypeVar("B", bound=Balancer)


@dataclass(frozen=True, kw_only=True)
class BalancerEntry:
    """A way of balancing as it can be chosen.

    `parse(values, where)` makes one from its settings, the name left out; it raises ConfigError. One that
    `moves_predictions` needs a classifier whose logits are log-probabilities. One that `adds_images` fills classes
    up to its setting `balance_to`, whatever is done with the images afterwards.
    """

    name: str
    summary: str
    parse: Callable[[Mapping[str, object], str], Balancer]
    is_gan: bool = False
    moves_predictions: bool = False
    adds_images: bool = False
    paths_without_use: frozenset[str] = frozenset()

    @property
    def setting_paths(self) -> frozenset[str]:
        """The settings that may be chosen, as slash-separated keys: "balance_to", "gan/epochs"."""
        return frozenset(_leaves(_settings_of(self.parse({}, self.name)))) - self.paths_without_use


@dataclass(frozen=True)
class BalancingConfig:
    """The chosen balancer, by name, and with its settings."""

    name: str
    balancer: Balancer


def parse_balancing(values: Mapping[str, object], where: str = "balancing") -> BalancingConfig:
    """The balancer that `values` describes: its "name" and its settings.

    Raises ConfigError where the name or a key is unknown, or a value is not allowed.
    """
    if "name" not in values:
        raise ConfigError(f"{where}.name: a value is needed; {nearest('', BALANCERS)}")
    name, rest = values["name"], {key: value for key, value in values.items() if key != "name"}
    if not isinstance(name, str) or name not in BALANCERS:
        raise ConfigError(f"{where}.name: {name!r} is unknown; {nearest(str(name), BALANCERS)}")
    return BalancingConfig(name=name, balancer=BALANCERS[name].parse(rest, where))


def dump_balancing(config: BalancingConfig) -> dict[str, JsonValue]:
    """The canonical nested dict, every default written out; `parse_balancing` of it gives the same balancer."""
    return {"name": config.name, **_settings_of(config.balancer)}


def _parse_plain(cls: type[B], values: Mapping[str, object], where: str) -> B:
    return parse(cls, values, where=where)


def _parse_gan(variant: GanVariant, values: Mapping[str, object], where: str) -> GanBalancing:
    given = {key: value for key, value in values.items() if key != "gan"}
    gan = parse_gan_settings(variant, values.get("gan", {}), where=f"{where}.gan")
    return parse(GanBalancing, {**given, "name": variant.name, "gan": gan}, where=where)


def _plain(name: str, cls: type[B], summary: str) -> BalancerEntry:
    return BalancerEntry(name=name, summary=summary, parse=partial(_parse_plain, cls))


def _adding(name: str, cls: type[B], summary: str) -> BalancerEntry:
    return replace(_plain(name, cls, summary), adds_images=True)


def _gan(variant: GanVariant) -> BalancerEntry:
    return BalancerEntry(
        name=variant.name,
        summary=variant.summary,
        parse=partial(_parse_gan, variant),
        is_gan=True,
        adds_images=True,
        paths_without_use=frozenset(f"gan/{name}" for name in variant.settings_without_use),
    )


def _settings_of(balancer: Balancer) -> dict[str, JsonValue]:
    """A balancer's settings; a GAN's name is among its attributes, but not one of its settings."""
    return {key: value for key, value in dump(balancer).items() if key != "name"}


def _leaves(values: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (f"{key}/{leaf}" for leaf in _leaves(value))
        else:
            yield key


_ENTRIES = (
    _plain("none", NoBalancing, "the training set as it is"),
    _adding("random_oversampling", RandomOversampling, "repeats images of the rare classes"),
    _plain("random_undersampling", RandomUndersampling, "discards images of all but the smallest class"),
    _adding(
        "duplicates", Duplicates, "repeats each rare image equally often: the control for the number of images"
    ),
    _adding("image_transforms", ImageTransforms, "adds rotated, shifted, scaled, sheared copies of rare images"),
    _adding("rand_augment", RandAugment, "adds copies of rare images after random changes of shape and colour"),
    _adding("smote", Smote, "adds images between neighbouring rare images"),
    _plain("feature_smote", FeatureSmote, "fits the head anew, with SMOTE on the classifier's features"),
    _plain("mixup", Mixup, "blends the images of a batch, and their labels"),
    _plain("cutmix", Cutmix, "pastes parts of images into others of the batch, and mixes the labels"),
    _plain("class_weights", ClassWeights, "weights each class by the inverse of its size in the loss"),
    _plain("class_balanced_loss", ClassBalanced, "weights each class by the inverse of its effective size"),
    _plain("focal_loss", Focal, "makes images that are easy count less in the loss"),
    _plain("ldam", Ldam, "asks for larger margins in rare classes"),
    _plain("ldam_drw", LdamDrw, "LDAM, and class-balanced weights for the last part of the training"),
    _plain("balanced_softmax", BalancedSoftmax, "adds the logarithm of the class sizes to the logits in the loss"),
    _plain("logit_adjustment", LogitAdjustment, "adds tau times the logarithm of the priors in the loss"),
    replace(
        _plain("threshold_moving", ThresholdMoving, "divides the predicted probabilities by the class priors"),
        moves_predictions=True,
    ),
    _plain("crt", ClassifierRetraining, "fits the head anew, on class-balanced batches"),
    _plain("real_upper_bound", RealUpperBound, "adds real images that were held back: how much there is to gain"),
    *(_gan(variant) for variant in VARIANTS.values()),
)

BALANCERS: Mapping[str, BalancerEntry] = {entry.name: entry for entry in _ENTRIES}
