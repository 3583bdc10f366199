"""How long a generator is trained: the settings that say so."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from gan_study.trainables.base.settings import settings

# A week of the quickest of these generators on a GPU has fewer; more digits are a slip.
MOST_STEPS = 10**8
# Beyond it a batch or a layer takes gigabytes.
MOST_AT_ONCE = 2**16


@settings
class TrainingLength:
    """How long a generator is trained, in steps or in epochs of batches."""

    generator_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    """Length of the training, in generator steps; the minimum length if `most_generator_steps` is set."""
    most_generator_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    """Training continues up to this length while the images improve (`balancing/training_length.py`); None:
    exactly `generator_steps`."""
    epochs: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    """Alternative to `generator_steps`, for recipes that follow a source which counts epochs: passes over the
    real images, even if there are very few."""
    batch_size: int = Field(ge=2, le=MOST_AT_ONCE)
    """Real images in each step."""
    milestones: tuple[int, ...] = ()
    """Generator steps, ascending, after which the generator is also tested during training."""

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.generator_steps is None) == (self.epochs is None):
            raise ValueError(
                f"generator_steps is {self.generator_steps} and epochs is {self.epochs}: set exactly "
                f"one of them as the length of the training; the other must be null"
            )
        least, most = self.generator_steps, self.most_generator_steps
        if most is not None and least is None:
            raise ValueError(
                f"most_generator_steps is {most} and epochs is {self.epochs}: epochs are an exact "
                f"length; most_generator_steps can only be used with generator_steps, the minimum length"
            )
        if most is not None and least is not None and most < least:
            raise ValueError(f"most_generator_steps is {most}; it must be at least generator_steps, {least}")
        return self

    @model_validator(mode="after")
    def _milestones_lie_on_the_way(self) -> Self:
        last = self.most_generator_steps or self.generator_steps or math.inf
        if any(earlier >= later for earlier, later in pairwise((0, *self.milestones, last))):
            raise ValueError(
                f"milestones {list(self.milestones)} must increase between generator step 1 and the last, {last}"
            )
        return self

    @property
    def batches_per_step(self) -> int:
        """Batches of real images in one generator step."""
        return 1

    def num_generator_steps(self, num_images: int) -> int:
        """Generator steps of a training on `num_images`: the minimum if it may end automatically."""
        if self.generator_steps is not None:
            return self.generator_steps
        assert self.epochs is not None, "_has_one_length saw to it"
        # An epoch has at least as many batches as go to one step of the generator.
        batches = max(math.ceil(num_images / self.batch_size), self.batches_per_step)
        return self.epochs * batches // self.batches_per_step

    def of_length(self, generator_steps: int) -> Self:
        """The same for exactly this number of generator steps, without milestones."""
        return replace(
            self, generator_steps=generator_steps, most_generator_steps=None, epochs=None, milestones=()
        )


# The settings that say how long a generator is trained.
LENGTHS = ("generator_steps", "most_generator_steps", "epochs")


def displaced_lengths(given: Mapping[str, object]) -> frozenset[str]:
    """The length settings that those `given` replace; a given maximum alone keeps the minimum."""
    named = {name for name in LENGTHS if given.get(name) is not None}
    if not named:
        return frozenset()
    stays = {"generator_steps"} if named == {"most_generator_steps"} else set[str]()
    return frozenset(LENGTHS) - given.keys() - stays


def with_one_length(given: object) -> object:
    """The `given` settings of a training, with their length instead of the default one."""
    return {**dict.fromkeys(displaced_lengths(given)), **given} if isinstance(given, Mapping) else given
