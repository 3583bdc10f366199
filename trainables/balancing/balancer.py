"""The interface of every way of balancing a training set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue
from torch import Tensor

from gan_study.trainables.base.settings import DataError, dump, parse
from gan_study.trainables.classifiers.loss_plans import PLAIN, FittingPlan
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.variant import GanVariant, parse_gan_settings


@dataclass(frozen=True, kw_only=True)
class EpochLosses:
    """Mean losses of one GAN epoch (1-based)."""

    epoch: int
    generator: float
    discriminator: float


@dataclass(frozen=True, kw_only=True)
class BalancedSet:
    """A balanced training set, and how it came about.

    `epoch` is the GAN epoch whose generator filled the set (0 where nothing was trained); `losses` maps what a
    GAN was trained on (a class name, or "all classes") to its losses up to that epoch, `gan_seconds` to the wall
    time of its epochs, `generator_steps` to the number of the generator's steps so far. `growth` maps a label to a
    few images of it by epoch, as bytes [n, C, H, W]. `is_final` marks the answer; versions on the way are not.
    `plan` says how a classifier is to be fitted to it. `wanted` asks for real images that the imbalance took away,
    how many of each label: only the upper bound that no method can have does. `notes` holds a line for each thing
    worth knowing.
    """

    training: TrainingSet
    plan: FittingPlan = PLAIN
    wanted: Mapping[int, int] = field(default_factory=dict)
    epoch: int = 0
    losses: Mapping[str, tuple[EpochLosses, ...]] = field(default_factory=dict)
    gan_seconds: Mapping[str, float] = field(default_factory=dict)
    generator_steps: Mapping[str, int] = field(default_factory=dict)
    growth: Mapping[int, Mapping[int, Tensor]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_final: bool = True


class Balancer(Protocol):
    """A way of balancing, with its settings as its attributes."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Successive balanced versions of `training`, the last being the answer.

        A balancer that trains something may yield versions on the way, so that a study can stop it early;
        all others yield once. Only minority classes are added to. Equal seeds give equal sets, and a version
        does not depend on whether earlier ones were asked for.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class BalancerEntry:
    """A way of balancing as it can be chosen, by `name`; `settings` is the class whose values balance."""

    name: str
    summary: str
    settings: type[Balancer]
    variant: GanVariant | None = None
    """The GAN that it trains, if any."""
    moves_predictions: bool = False
    """Whether it needs a classifier whose logits are log-probabilities."""
    adds_images: bool = False
    """Whether it fills classes up to its setting `balance_to`."""

    @property
    def is_gan(self) -> bool:
        """Whether it trains a GAN."""
        return self.variant is not None

    @property
    def setting_paths(self) -> frozenset[str]:
        """The settings that may be chosen, as slash-separated keys: "balance_to", "gan/epochs"."""
        unused = self.variant.settings_without_use if self.variant else ()
        return frozenset(_leaves(dump_settings(self.parse({}, self.name)))) - {f"gan/{name}" for name in unused}

    def parse(self, values: Mapping[str, object], where: str) -> Balancer:
        """The balancer with these settings, whose keys begin with `where` in errors; raises ConfigError."""
        if self.variant is None:
            return parse(self.settings, values, where=where)
        gan = parse_gan_settings(self.variant, values.get("gan", {}), where=f"{where}.gan")
        return parse(self.settings, {**values, "name": self.name, "gan": gan}, where=where)


def dump_settings(balancer: Balancer) -> dict[str, JsonValue]:
    """A balancer's settings, every default written out. A GAN's name is an attribute, but not a setting."""
    return {key: value for key, value in dump(balancer).items() if key != "name"}


def _leaves(values: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (f"{key}/{leaf}" for leaf in _leaves(value))
        else:
            yield key


def deficits(training: TrainingSet, *, balance_to: float) -> dict[int, int]:
    """Images that each minority class lacks until it has `balance_to` times as many as the largest class.

    Raises DataError if a minority class has no image: there is nothing to make more of.
    """
    counts = training.class_counts()
    for label in training.classes.minority:
        if counts[label] == 0:
            raise DataError(f"class {training.classes.names[label]!r} has no image in the training part")
    target = round(balance_to * max(counts))
    return {label: target - counts[label] for label in training.classes.minority if counts[label] < target}
