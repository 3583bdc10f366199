"""Imbalance profiles: how many images of each class the training pool keeps, and which classes are rare.

`counts` is always the number of images of each class in the pool, in label order, before any are removed, and the
imbalance ratio is the largest over the smallest class count.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, PositiveInt, StrictInt

from gan_study.trainables.base.settings import ConfigError, settings
from gan_study.trainables.data.images import Labels, class_label
from gan_study.trainables.data.split import Indices, Units, draw

# 1.0 is neither the name nor the place of a class.
ClassChoice: TypeAlias = Annotated[tuple[str | StrictInt, ...], Field(min_length=1)]


@settings
class _Profile(ABC):
    """How many images each class keeps. `minority_classes` by name or label; None: those smaller than the mean."""

    cuts_minority: ClassVar[bool] = False
    """Whether the minority, unless named, is determined from the original pool, since the profile reduces it."""
    minority_classes: ClassChoice | None = None
    """The rare classes, by name or label; null: those smaller than the mean."""

    @abstractmethod
    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps of a pool with `counts`, in label order, at least one each.

        Raises ConfigError if a class is unknown, has too few images, or no class is the minority.
        """

    def minority(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """The minority's labels, ascending; unless named, the classes below the mean size.

        Raises ConfigError if no class is one, or all are.
        """
        if self.minority_classes is None:
            sizes = counts if self.cuts_minority else self.targets(counts, class_names)
            rare = {label for label, n in enumerate(sizes) if n * len(sizes) < sum(sizes)}
            if not rare:
                raise ConfigError(
                    "all classes are equally large; name the rare ones in imbalance.minority_classes"
                )
        else:
            rare = {class_label(choice, class_names) for choice in self.minority_classes}
            if len(rare) == len(class_names):
                raise ConfigError(
                    "imbalance.minority_classes names every class; leave at least one majority class"
                )
        return tuple(sorted(rare))

    def ratio_of(self, targets: Sequence[int]) -> float:
        """The imbalance ratio shown in tables."""
        return round(max(targets) / min(targets), 2)


@settings
class StepImbalance(_Profile):
    """Every minority class reduced to the largest class's size over `ratio` (step imbalance, Buda et al. 2018).

    A class that already has fewer is not changed. If not named, the minority classes are those below the mean size
    in the pool.

    Examples
    --------
    >>> from gan_study import StepImbalance
    >>> StepImbalance(ratio=10, minority_classes=("3", "8")).targets([150, 120, 90], ["1", "3", "8"])
    (150, 15, 15)
    """

    cuts_minority: ClassVar[bool] = True
    profile: Literal["step"] = "step"
    """Step imbalance."""
    ratio: float = Field(ge=1)
    """The size of the largest class over that of each rare one."""

    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps."""
        rare, size = self.minority(counts, class_names), max(1, round(max(counts) / self.ratio))
        return tuple(min(n, size) if label in rare else n for label, n in enumerate(counts))

    def ratio_of(self, targets: Sequence[int]) -> float:
        """The ratio asked for."""
        return self.ratio


@settings
class Fraction(_Profile):
    """Every minority class reduced to a `fraction` of itself. If not named, the minority is as for
    `StepImbalance`.
    """

    cuts_minority: ClassVar[bool] = True
    profile: Literal["fraction"] = "fraction"
    """A share of each rare class."""
    fraction: float = Field(gt=0, le=1)
    """The share of its images that each rare class keeps."""

    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps."""
        rare = self.minority(counts, class_names)
        return tuple(max(1, round(n * self.fraction)) if label in rare else n for label, n in enumerate(counts))


@settings
class Counts(_Profile):
    """Classes reduced to the sizes in `counts`, by class name; other classes are not changed."""

    profile: Literal["counts"] = "counts"
    """Sizes that are named."""
    counts: Annotated[Mapping[str, PositiveInt], Field(min_length=1)]
    """The number of images that a class keeps, by its name."""

    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps. Raises ConfigError for more images than there are."""
        asked = {class_label(name, class_names): size for name, size in self.counts.items()}
        for label, size in asked.items():
            if size > counts[label]:
                raise ConfigError(
                    f"class {class_names[label]!r} cannot keep {size} images; the pool has {counts[label]}"
                )
        return tuple(asked.get(label, n) for label, n in enumerate(counts))


@settings
class LongTailed(_Profile):
    """Class c of K, in label order, keeps n_max * ratio^(-c / (K - 1)) images, or all if it has fewer.

    n_max is the largest class of the pool; sizes are rounded down. Cao et al. 2019 (LDAM), section 4; the result
    is the same as that of their code (`imbalance_cifar.py`).
    """

    profile: Literal["long_tailed"] = "long_tailed"
    """Sizes that fall exponentially from class to class."""
    ratio: float = Field(ge=1)
    """The size of the first class over that of the last."""

    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps."""
        sizes = (max(counts) * self.ratio ** (-label / (len(counts) - 1)) for label in range(len(counts)))
        # Rounded before it is floored: 49 * 49**-1 is a hair below 1 in floating point.
        return tuple(min(n, max(1, math.floor(round(size, 6)))) for n, size in zip(counts, sizes, strict=True))

    def ratio_of(self, targets: Sequence[int]) -> float:
        """The ratio asked for."""
        return self.ratio


@settings
class Natural(_Profile):
    """The pool without changes."""

    profile: Literal["natural"] = "natural"
    """The original imbalance of the images."""

    def targets(self, counts: Sequence[int], class_names: Sequence[str]) -> tuple[int, ...]:
        """Images that each class keeps: all."""
        return tuple(counts)


Imbalance: TypeAlias = Annotated[
    StepImbalance | Fraction | Counts | LongTailed | Natural, Field(discriminator="profile")
]


def thin(labels: Labels, targets: Sequence[int], *, seed: int, units: Units | None = None) -> Indices:
    """Sorted indices of the images kept, `targets[label]` of each class; two or more images come from at least
    two `units`.

    For equal seeds the images kept at a higher ratio are a subset of those at a lower one.
    """
    return draw(labels, dict(enumerate(targets)), seed=seed, purpose="thin", units=units)
