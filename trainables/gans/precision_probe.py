"""Bf16 compared with float32 for a GAN's steps on this CPU."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from gan_study.trainables.base.precision_probe import Comparison, compare_trainings, network_gradients
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData

_NUM_IMAGES = 64


class MeasuredGan:
    """A GAN in training; see MeasuredTraining."""

    def __init__(self, trainer: GanTrainer) -> None:
        self.trainer = trainer

    def step(self) -> Tensor:
        """Take a generator step, and the discriminator's steps before it; the losses [2] of the last of each."""
        of_each = self.trainer.take_steps(islice(self.trainer.batches, self.trainer.settings.discriminator_steps))
        return torch.stack([losses[-1] for losses in of_each])

    def outputs(self) -> Tensor:
        """Some images of the generator, from the same latents every time."""
        trainer = self.trainer
        labels, latent_size = trainer.data.labels[:_NUM_IMAGES], trainer.settings.latent_size
        return sample(trainer.networks.generator, labels, latent_size, seed=0)

    def gradients(self) -> Iterator[Tensor]:
        """The gradients of each network's latest step, as one vector."""
        yield network_gradients(self.trainer.networks.generator)
        yield network_gradients(self.trainer.networks.discriminator)


def compare_precisions(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seconds: float
) -> Comparison:
    """Bf16 compared with float32 for this GAN on the CPU that holds `data`; see `compare_trainings`.

    A warm start is left out.
    """
    return compare_trainings(
        lambda precision: MeasuredGan(GanTrainer(variant, replace(settings, precision=precision), data, seed=0)),
        seconds=seconds,
    )
