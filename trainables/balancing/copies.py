"""Copies of minority images, changed or not."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from gan_study.trainables.balancing.balancer import deficits
from gan_study.trainables.base.seeding import derive_seed, index_batches, torch_generator
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
    filled = training
    for label, number in deficits(training, balance_to=balance_to).items():
        originals = training.of_class(label)
        rows = next(index_batches(len(originals), number, torch_generator(seed, "rows", label)))
        copies = originals[rows.to(originals.device)]
        if change is not None:
            copies = change(copies, derive_seed(seed, "change", label))
        labels = torch.full((number,), label, device=training.labels.device)
        filled = filled.extended(copies, labels, synthetic=change is not None)
    return filled
