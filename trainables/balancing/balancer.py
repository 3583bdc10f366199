"""The interface of every way of balancing a training set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from pydantic import Field, JsonValue

from gan_study.trainables.balancing.drawing import FilterCounts
from gan_study.trainables.base.settings import DataError, dump, parse, settings
from gan_study.trainables.classifiers.loss_plans import PLAIN, FittingPlan
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.sampling import Snapshots
from gan_study.trainables.gans.training import TrainedGenerator
from gan_study.trainables.gans.variant import GanVariant, parse_gan_settings


@dataclass(frozen=True, kw_only=True)
class BalancedSet:
    """A balanced training set, and how it was made."""

    training: TrainingSet
    plan: FittingPlan = PLAIN
    """How a classifier is to be fitted to it."""
    wanted: Mapping[int, int] = field(default_factory=dict)
    """How many real images that the imbalance removed it asks for, by label: only the upper bound does."""
    gans: Mapping[str, TrainedGenerator] = field(default_factory=dict)
    """The generators that filled it, by what each was trained on: a class's name, or "all classes"."""
    snapshots: Mapping[int, Snapshots] = field(default_factory=dict)
    """A few images of each label by generator step."""
    filtered: Mapping[int, FilterCounts] = field(default_factory=dict)
    """The images that an applied filter rejected, by label."""
    notes: tuple[str, ...] = ()
    """A line for each note."""
    is_final: bool = True
    """Whether it is the final version."""

    @property
    def generator_steps(self) -> int:
        """Generator steps of the generator that took most; 0 if nothing was trained."""
        return max((gan.generator_steps for gan in self.gans.values()), default=0)


class Balancer(Protocol):
    """A way of balancing, with its settings as its attributes."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Successive balanced versions of `training`; the last is the final one.

        A balancer that trains something may yield intermediate versions, so that a study can stop it early; all
        others yield once. Only minority classes get more images. Equal seeds give equal sets, and a version does
        not depend on whether earlier ones were requested.
        """
        ...


@settings
class FillsClasses:
    """How far a balancer that adds images fills the rare classes."""

    balance_to: float = Field(default=1.0, gt=0)
    """Up to which size rare classes are filled, as a share of the largest class."""
    dose: float = Field(default=1.0, gt=0, le=1)
    """The share of its missing images that a rare class gets, at least one image. It is a share of what is
    missing, so that every dose adds images at every imbalance ratio; 1 is full balancing, the reference of Ma and
    Zhang 2026 ("Synthetic Augmentation in Imbalanced Learning", arXiv 2601.16120)."""

    def additions(self, training: TrainingSet) -> dict[int, int]:
        """Images that each minority class gets, by the label of each that lacks some; raises as `deficits`."""
        missing = deficits(training, balance_to=self.balance_to)
        return {label: max(1, round(self.dose * number)) for label, number in missing.items()}


@dataclass(frozen=True, kw_only=True)
class BalancerEntry:
    """A balancing method as it can be chosen, by `name`; `settings` is the class whose instances balance."""

    name: str
    summary: str
    settings: type[Balancer]
    variant: GanVariant | None = None
    """The GAN that it trains, if any."""
    training_section: str | None = None
    """The section of its settings that says how its generator is trained, "gan" for a GAN; None if it trains
    none."""
    moves_predictions: bool = False
    """Whether it needs a classifier whose logits are log-probabilities."""
    adds_images: bool = False
    """Whether it adds images as its settings `balance_to` and `dose` say."""
    only_plans: bool = False
    """Whether it leaves the images unchanged and only determines how a classifier is fitted to them, so that a
    GAN may name it as its `plan`."""

    @property
    def is_gan(self) -> bool:
        """Whether it trains a GAN."""
        return self.variant is not None

    @property
    def trains_generator(self) -> bool:
        """Whether it trains a GAN or another generator."""
        return self.training_section is not None

    @property
    def generator_kind(self) -> str | None:
        """What texts call its generator: "GAN", "flow" or "autoencoder"; None if it trains none."""
        return "GAN" if self.is_gan else self.training_section

    # A search asks thousands of times.
    @cached_property
    def setting_paths(self) -> frozenset[str]:
        """The settings that may be chosen, as slash-separated keys: "balance_to", "gan/generator_steps"."""
        unused = self.variant.settings_without_use if self.variant else ()
        return frozenset(_leaves(dump(self.parse({}, self.name)))) - {"name", *(f"gan/{name}" for name in unused)}

    def parse(self, values: Mapping[str, object], where: str) -> Balancer:
        """The balancer with these settings, whose keys begin with `where` in errors; raises ConfigError."""
        if self.variant is None:
            return parse(self.settings, values, where=where)
        gan = parse_gan_settings(self.variant, values.get("gan", {}), where=f"{where}.gan")
        return parse(self.settings, {**values, "name": self.name, "gan": gan}, where=where)


@dataclass(frozen=True)
class BalancingConfig:
    """The chosen balancer with its name and settings."""

    name: str
    balancer: Balancer

    def dump(self) -> dict[str, JsonValue]:
        """The canonical nested dict, every default written out; `parse_balancing` reads it back."""
        return {"name": self.name, **dump(self.balancer)}


def _leaves(values: Mapping[str, JsonValue]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (f"{key}/{leaf}" for leaf in _leaves(value))
        else:
            yield key


def deficits(training: TrainingSet, *, balance_to: float) -> dict[int, int]:
    """Images that each minority class lacks until it has `balance_to` times as many as the largest class.

    Raises DataError if a minority class has no image.
    """
    counts = training.class_counts()
    for label in training.classes.minority:
        if counts[label] == 0:
            raise DataError(f"class {training.classes.names[label]!r} has no image in the training set")
    target = round(balance_to * max(counts))
    return {label: target - counts[label] for label in training.classes.minority if counts[label] < target}
