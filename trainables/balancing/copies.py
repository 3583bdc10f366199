"""Copies of minority images, changed or not."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed, repeat_rows
from gan_study.trainables.data.byte_images import Images, gather, take
from gan_study.trainables.data.images import TrainingSet

# Images [M, C, H, W] in [-1, 1] and a seed, to as many changed ones, in blocks.
Change: TypeAlias = Callable[[Images, int], Iterable[Tensor]]


def with_copies(
    training: TrainingSet, wanted: Mapping[int, int], *, seed: int, change: Change | None = None
) -> TrainingSet:
    """`training` and after it copies of its images, as many of each label as are `wanted`.

    Each image of a class is copied equally often, to within one, and a copy has the weight of its original. Copies
    that were changed count as synthetic.
    """
    filled = training
    for label, rows in repeat_rows(training.labels, wanted, seed=seed, purpose="rows").items():
        copies = take(training.images, rows)
        if change is not None:
            changed = change(copies, derive_seed(seed, "change", label))
            copies = gather(changed, len(rows), real=training.images)
        filled = filled.extended(
            copies, training.labels[rows], synthetic=change is not None, weights=training.weights[rows]
        )
    return filled
