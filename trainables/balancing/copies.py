"""Copies of minority images, changed or not."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from gan_study.trainables.balancing.balancer import deficits
from gan_study.trainables.base.seeding import derive_seed, repeat_rows
from gan_study.trainables.data.images import TrainingSet

# Images [M, C, H, W] in [-1, 1] and a seed, to as many changed ones.
Change: TypeAlias = Callable[[Tensor, int], Tensor]


def with_copies(
    training: TrainingSet, *, balance_to: float, seed: int, change: Change | None = None
) -> TrainingSet:
    """`training` and copies, until each minority class has `balance_to` times as many as the largest class.

    Each image of a class is copied equally often, to within one. Copies that were changed count as synthetic.
    Raises DataError where a minority class has no image.
    """
    filled, missing = training, deficits(training, balance_to=balance_to)
    for label, rows in repeat_rows(training.labels, missing, seed=seed, purpose="rows").items():
        copies = training.images[rows]
        if change is not None:
            copies = change(copies, derive_seed(seed, "change", label))
        filled = filled.extended(copies, training.labels[rows], synthetic=change is not None)
    return filled
