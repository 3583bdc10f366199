"""The complete configuration of one trial: strict parse, canonical dump, names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from pydantic import Field, JsonValue, model_validator

from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.balancing.generator import ALL_CLASSES, GeneratorBalancing
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.settings import ConfigError, digest, dump, parse, settings
from gan_study.trainables.classifiers.catalog import classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.pretrained import Pretrained
from gan_study.trainables.data.imbalance import Imbalance
from gan_study.trainables.data.reading.columns import Columns
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.gans.length import TrainingLength
from gan_study.trainables.gans.variant import GanSettings
from gan_study.trainables.image_quality.features import DomainFeatures, ImageFeatures

# Where files lie: no number depends on it.
_PLACES = (
    "data.root",
    "data.labels",
    "evaluation.image_features.weights",
    "evaluation.frozen_baseline.weights",
    "classifier.backbone.weights",
)
# What had no place in the configurations of earlier versions, and its value then: their trials keep their names.
_LATER: Mapping[str, JsonValue] = {
    "classifier.backbone": None,
    "classifier.precision": None,
    "evaluation.frozen_baseline": None,
    "data.train": [],
    "data.test": [],
    "data.exclude": [],
    "data.class_level": None,
    "data.columns": dump(Columns()),
    "data.fit": "squash",
    "data.group": None,
    "data.look_alikes": "together",
    "data.drop_contradictions": False,
}


@settings
class EvaluationConfig:
    """What is evaluated, and with how many fits; neither the balanced set nor the first fit depends on it.

    `test` says whether the test set may be read: only in the confirm phase. With `test_each_epoch` it is also
    read after each epoch of the first fit, so that the report can show the best epoch on the test set, as much of
    the literature does, beside the last. `image_features` are those used to measure generated images.
    """

    test: bool = False
    test_each_epoch: bool = False
    fits: int = Field(default=1, ge=1)
    """Classifiers fitted to the same balanced set, each with a seed of its own; scores are their mean."""
    image_features: ImageFeatures = Field(default_factory=DomainFeatures)
    frozen_baseline: Pretrained | None = None
    """A pretrained network: a linear head on its frozen features is fitted to the unbalanced training set, and
    scored on the test set. This does not change the study's own classifier or any other number."""

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.test_each_epoch and not self.test:
            raise ValueError("test_each_epoch: the test set may not be read in this trial")
        if self.frozen_baseline is not None and not self.test:
            raise ValueError("frozen_baseline: the test set may not be read in this trial")
        return self


@settings
class _Sections:
    """A trial's sections as they are parsed; `balancing` is parsed by its catalog."""

    seed: int
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    data: DataConfig
    imbalance: Imbalance
    classifier: ClassifierConfig
    balancing: Mapping[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """Everything that determines a trial's numbers.

    `seed` determines the images that are kept, the split, the networks' weights and the batches. Raises
    ConfigError if the balancer cannot be used with the classifier.
    """

    seed: int
    evaluation: EvaluationConfig
    data: DataConfig
    imbalance: Imbalance
    classifier: ClassifierConfig
    balancing: BalancingConfig

    def __post_init__(self) -> None:
        model = classifier_model(self.classifier)
        chosen = {"name": self.balancing.name}
        if isinstance(self.balancing.balancer, GeneratorBalancing):
            chosen["plan"] = self.balancing.balancer.plan
        for key, name in chosen.items():
            if model.final_head is not None and BALANCERS[name].moves_predictions:
                raise ConfigError(
                    f"balancing.{key}: {name!r} cannot be used with classifier {model.name!r}; it shifts "
                    "log-probabilities, which this classifier does not give"
                )

    @cached_property
    def trial_id(self) -> str:
        """A name for this configuration; it does not contain the paths of files, since they change no number."""
        return digest(_remove(dump_trial(self), *_PLACES))

    @cached_property
    def setting_id(self) -> str:
        """A name for the configuration without balancing: trials with the same name are compared as pairs."""
        return digest(_remove(dump_trial(self), *_PLACES, "balancing", "evaluation"))


@checked_arguments
def parse_trial(values: Mapping[str, JsonValue]) -> TrialConfig:
    """The trial that a nested mapping describes.

    Parameters
    ----------
    values : mapping
        `seed` and the sections `data`, `imbalance`, `classifier` and `balancing`, perhaps `evaluation`; what a
        section leaves out has its default.

    Returns
    -------
    TrialConfig
        The configuration of one trial.

    Raises
    ------
    ConfigError
        With the full key of the first mistake.

    Examples
    --------
    >>> from gan_study import parse_trial
    >>> imbalance = {"profile": "step", "ratio": 10, "minority_classes": ["3", "8"]}
    >>> data = {"name": "digits", "image_size": 16}
    >>> trial = parse_trial(
    ...     {"seed": 1, "data": data, "imbalance": imbalance, "classifier": {}, "balancing": {"name": "dcgan"}}
    ... )
    >>> trial.imbalance.ratio
    10.0
    """
    sections = parse(_Sections, values, where="")
    return TrialConfig(
        seed=sections.seed,
        evaluation=sections.evaluation,
        data=sections.data,
        imbalance=sections.imbalance,
        classifier=sections.classifier,
        balancing=parse_balancing(sections.balancing, where="balancing"),
    )


def dump_trial(config: TrialConfig) -> dict[str, JsonValue]:
    """The canonical nested dict, whose `parse_trial` gives the same trial.

    Every default is written out except those in `_LATER`.
    """
    return _without_unset(
        {
            "seed": config.seed,
            "evaluation": dump(config.evaluation),
            "data": dump(config.data),
            "imbalance": dump(config.imbalance),
            "classifier": dump(config.classifier),
            "balancing": config.balancing.dump(),
        }
    )


def gan_settings(balancing: BalancingConfig) -> GanSettings | None:
    """The settings of the GAN that balances; None for any other balancer."""
    balancer = balancing.balancer
    return balancer.gan if isinstance(balancer, GanBalancing) else None


def pretrained_on(balancing: BalancingConfig) -> str | None:
    """What the GAN was trained on first; None without pretraining."""
    gan = gan_settings(balancing)
    return ALL_CLASSES if gan is not None and gan.pretrain == "all_classes" else None


def training_length(balancing: BalancingConfig) -> TrainingLength | None:
    """The settings of the training of the generator that balances; None if none is trained."""
    balancer = balancing.balancer
    return balancer.length if isinstance(balancer, GeneratorBalancing) else None


def with_length(balancing: BalancingConfig, length: TrainingLength) -> BalancingConfig:
    """`balancing`, which trains a generator, with other settings of its training."""
    assert isinstance(balancing.balancer, GeneratorBalancing)
    return replace(balancing, balancer=balancing.balancer.with_length(length))


def _remove(values: dict[str, JsonValue], *keys: str) -> dict[str, JsonValue]:
    """`values` itself, without what lies at `keys`, such as "data.root", if anything does."""
    for key in keys:
        *sections, name = key.split(".")
        inner: JsonValue = values
        for section in sections:
            inner = inner.get(section) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(name, None)
    return values


def _without_unset(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """`values` itself, without the settings in `_LATER` that are as they were before there were such settings."""
    unset = []
    for key, before in _LATER.items():
        section, _, name = key.partition(".")
        inner = values[section]
        if isinstance(inner, dict) and inner[name] == before:
            unset.append(key)
    return _remove(values, *unset)
