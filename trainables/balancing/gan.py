"""Images of the minority classes made by a GAN."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from gan_study.trainables.balancing.generator import ALL_CLASSES, GeneratorBalancing
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import resized
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.batched import TrialExecution, WantedBy, train_all
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.length import TrainingLength
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import RunningTraining, WantedTraining, pretrain
from gan_study.trainables.gans.variant import GanSettings, Pretrained, TrainingData


@settings
class GanBalancing(GeneratorBalancing):
    """Fills each minority class with images of the GAN variant `name`, up to `balance_to` and `dose`.

    An unconditional variant is trained once for each class that lacks images, on that class alone; a conditional
    one is trained once on everything. If training may end automatically (`gan.most_generator_steps`) and a class
    has enough images, a fifth of them is held out, and the class is filled by the generator nearest to these after
    the minimum length.
    """

    name: str
    """The GAN variant."""
    gan: GanSettings
    """How the GAN is trained."""

    @model_validator(mode="after")
    def _fits_the_variant(self) -> Self:
        needed = VARIANTS.find(self.name, where="balancing.name").term_names
        if set(self.gan.weights) != set(needed):
            raise ValueError(f"{self.name} needs the weights {list(needed)}, not {list(self.gan.weights)}")
        return self

    @property
    def length(self) -> GanSettings:
        """The settings of the training."""
        return self.gan

    def with_length(self, length: TrainingLength) -> Self:
        """The same with other settings of the training."""
        assert isinstance(length, GanSettings)
        return replace(self, gan=length)

    @property
    def knows_classes(self) -> bool:
        """Whether one generator makes the images of all classes."""
        return VARIANTS[self.name].conditional

    def trainer(self, data: TrainingData, *, seed: int) -> GanTrainer:
        """A GAN before its first step on `data`."""
        return GanTrainer(VARIANTS[self.name], self.gan, data, seed=seed)

    def start(
        self,
        wanted: Sequence[WantedTraining],
        *,
        wanted_by: WantedBy,
        checkpoints: Checkpoints | None,
        execution: TrialExecution,
    ) -> list[RunningTraining]:
        """The trainings of `wanted`; iterate over them in turn: some may be one computation.

        `wanted_by` returns what is wanted for another training set and seed.
        """
        return train_all(
            VARIANTS[self.name],
            self.gan,
            wanted,
            wanted_by=wanted_by,
            execution=execution,
            checkpoints=checkpoints,
        )

    def pretrained(
        self, training: TrainingSet, chosen: Tensor, *, seed: int, checkpoints: Checkpoints | None
    ) -> Pretrained | None:
        """What the GANs begin with: weights learned from the `chosen` images of all classes alike, bool [N] on the
        CPU; None for drawn ones.
        """
        if self.gan.pretrain == "none":
            return None
        shown = training.take(torch.nonzero(chosen).squeeze(1).to(training.labels.device))
        images = resized(shown.images, self.image_size)
        # One class to it: its generator knows no labels.
        data = TrainingData(images=images, labels=torch.zeros_like(shown.labels), num_classes=1)
        seed = derive_seed(seed, "gan", ALL_CLASSES)
        return pretrain(VARIANTS[self.name], self.gan, data, seed=seed, checkpoints=checkpoints)
