"""A training set on which every balancer has something to do, and is soon done."""

import torch

from gan_study.trainables.data.images import Classes, TrainingSet


def tiny_training_set() -> TrainingSet:
    """Six, three and two images of 8x8 pixels, mixed; the two smaller classes are the minority."""
    labels = torch.tensor([0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0])
    images = torch.rand(11, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return TrainingSet(
        images=images,
        labels=labels,
        weights=torch.ones(11),
        synthetic=torch.zeros(11, dtype=torch.bool),
        classes=Classes(names=("many", "some", "few"), minority=(1, 2)),
    )
