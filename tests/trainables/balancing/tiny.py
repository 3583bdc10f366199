"""Training sets on which every balancer has something to do, and is soon done."""

import torch

from gan_study.trainables.data.images import Classes, TrainingSet


def tiny_training_set() -> TrainingSet:
    """Six, three and two images of 8x8 pixels, mixed; the two smaller classes are the minority."""
    labels = torch.tensor([0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0])
    return _training_set(labels, names=("many", "some", "few"))


def training_set_of(*counts: int) -> TrainingSet:
    """So many images of 8x8 pixels of "class 0", which is the majority, and of each further one."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return _training_set(labels, names=tuple(f"class {label}" for label in range(len(counts))))


def _training_set(labels: torch.Tensor, *, names: tuple[str, ...]) -> TrainingSet:
    number = len(labels)
    return TrainingSet(
        images=torch.rand(number, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1,
        labels=labels,
        weights=torch.ones(number),
        synthetic=torch.zeros(number, dtype=torch.bool),
        classes=Classes(names=names, minority=tuple(range(1, len(names)))),
    )
