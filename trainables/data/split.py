"""Stratified draws: which indices go to which part. Pure functions of labels, sizes and a seed."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels

Indices: TypeAlias = npt.NDArray[np.int64]

# One for all trials: where the test part is carved, no trial ever trains on another's test images.
TEST_SEED = 0


def carve(
    labels: Labels, fraction: float, *, seed: int, class_names: Sequence[str] | None = None
) -> tuple[Indices, Indices]:
    """`(rest, carved)`: sorted indices into `labels`, with `fraction` of each class carved off at random.

    Class sizes are those of `per_class_sizes`; a class's draw does not depend on the other classes. Raises
    DataError where a class has fewer than two images; `class_names` [K] lets it name the class.
    """
    present, counts = np.unique(labels, return_counts=True)
    for label, count in zip(present, counts, strict=True):
        if count < 2:
            name = class_names[label] if class_names else str(label)
            raise DataError(f"class {name!r} has {count} image; two are needed to split it")
    sizes = per_class_sizes([int(n) for n in counts], fraction)
    carved = draw(labels, dict(zip(present.tolist(), sizes, strict=True)), seed=seed, purpose="carve")
    rest: Indices = np.setdiff1d(np.arange(len(labels)), carved, assume_unique=True)
    return rest, carved


def per_class_sizes(counts: Sequence[int], fraction: float) -> tuple[int, ...]:
    """How many of each class `carve` takes: `fraction` of it, rounded, with at least one left on either side."""
    return tuple(min(max(round(n * fraction), 1), n - 1) for n in counts)


def proportional_sizes(counts: Sequence[int], total: int) -> tuple[int, ...]:
    """`total` shared out in proportion to `counts`, exactly, by largest remainder (ties: the lower label)."""
    sizes, remainders = np.divmod(np.asarray(counts, dtype=np.int64) * total, sum(counts))
    sizes[np.argsort(-remainders, kind="stable")[: total - sizes.sum()]] += 1
    return tuple(int(n) for n in sizes)


def subsample(labels: Labels, size: int, *, seed: int, class_names: Sequence[str]) -> Indices:
    """Sorted indices of `size` images in the class proportions of `labels`.

    Raises DataError where there are fewer images than that, or where a class would be left with none.
    """
    if size > len(labels):
        raise DataError(f"train_size {size} is more than the {len(labels)} images of the training pool")
    sizes = proportional_sizes(np.bincount(labels, minlength=len(class_names)).tolist(), size)
    lost = [name for name, n in zip(class_names, sizes, strict=True) if n == 0]
    if lost:
        raise DataError(f"train_size {size} leaves no image of class {lost[0]!r}; draw more")
    return draw(labels, dict(enumerate(sizes)), seed=seed, purpose="subsample")


def draw(labels: Labels, sizes: Mapping[int, int], *, seed: int, purpose: str) -> Indices:
    """Sorted indices of `sizes[label]` images of each class, drawn without replacement.

    Each class has its own stream and is dealt from one shuffle, so a smaller draw is a part of a larger one.
    """
    drawn = [
        numpy_generator(seed, purpose, label).permutation(np.flatnonzero(labels == label))[:size]
        for label, size in sizes.items()
    ]
    indices: Indices = np.sort(np.concatenate(drawn)).astype(np.int64)
    return indices
