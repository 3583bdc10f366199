"""Bf16 compared with float32 for a classifier's steps on this CPU."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_study.trainables.base.precision_probe import Comparison, compare_trainings, network_gradients
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.training import ClassifierSteps
from gan_study.trainables.data.images import TrainingSet

_NUM_IMAGES = 64


@dataclass(frozen=True, eq=False)
class MeasuredClassifier:
    """A classifier in training; see MeasuredTraining."""

    steps: ClassifierSteps
    images: Tensor

    def step(self) -> Tensor:
        """Take an optimiser step; returns its loss [1]."""
        return self.steps.take().reshape(1)

    @torch.no_grad()
    def outputs(self) -> Tensor:
        """The logits of some images, as they are predicted."""
        network = self.steps.network.eval()
        logits: Tensor = network(self.images)
        network.train()
        return logits

    def gradients(self) -> Iterator[Tensor]:
        """The network's gradients of the latest step, as one vector."""
        yield network_gradients(self.steps.network)


def compare_classifiers(config: ClassifierConfig, training: TrainingSet, *, seconds: float) -> Comparison:
    """Bf16 compared with float32 for the classifier of `config` on the CPU that holds `training`.

    See `compare_trainings`. A head that is fitted after the network is left out: it is always fitted in float32.
    """
    images = training.images[:_NUM_IMAGES]
    return compare_trainings(
        lambda precision: MeasuredClassifier(
            ClassifierSteps(replace(config, precision=precision), training, seed=0), images
        ),
        seconds=seconds,
    )
