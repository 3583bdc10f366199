"""Class weights in the loss."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from trainables.balancing.balancer import BalancedSet
from trainables.data.images import TrainingSet
from trainables.settings import settings


@settings
class ClassWeights:
    """Weights each image by w_c = N / (K n_c), for N images of K classes, n_c of its own.

    Every class then weighs N / K in the loss, and all images together weigh N as before.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` with other weights, once."""
        counts = torch.tensor(training.class_counts(), device=training.labels.device)
        weights = len(training) / (len(counts) * counts[training.labels])
        yield BalancedSet(training=replace(training, weights=weights))
