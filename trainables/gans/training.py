"""A GAN's training from epoch to epoch: what is cached of it is not trained again."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from torch import nn

from gan_study.trainables.base.settings import digest, dump
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.sampling import Snapshots
from gan_study.trainables.gans.trainer import GanTrainer, MeanLosses
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData
from gan_study.trainables.runtime.cache import arithmetic, contents

_log = logging.getLogger(__name__)

# Names the layout of `GanTrainer.state`: a cached state of another version is not found.
STATE_VERSION = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedEpoch:
    """A GAN after an epoch: the losses of each epoch so far, and the generator to sample from.

    The generator is the one in training, or its average: it keeps changing once the next epoch is asked for.
    `taken_from` is the epoch (1-based) whose generator it is. `snapshots` has a few images of earlier epochs, and
    of this one. `seconds` is the wall time of all epochs so far and `generator_steps` the number of the
    generator's steps in them, cached epochs included.
    """

    losses: tuple[MeanLosses, ...]
    taken_from: int
    generator: nn.Module
    snapshots: Snapshots = field(default_factory=dict)
    seconds: float = 0.0
    generator_steps: int = 0

    @property
    def epoch(self) -> int:
        """The number of epochs so far."""
        return len(self.losses)


def train_gan(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    at: Collection[int] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Iterator[TrainedEpoch]:
    """`variant` trained on `data`, after each epoch of `at` (by default every one) and after the last.

    With `checkpoints` epochs that have been trained before are not trained again; no number depends on that.
    Runs on the images' device and in their precision. Neither reads nor changes the global random state. Raises
    DivergedError after an epoch in which a loss was not finite.
    """
    trainer = GanTrainer(variant, settings, data, seed=seed)
    # Without checkpoints nobody asks for the name, which has to read all images.
    name = training_id(variant, settings, data, seed=seed) if checkpoints else ""
    for _ in reach(trainer, name, at=at, checkpoints=checkpoints):
        yield report_epoch(trainer)


def reach(
    trainer: GanTrainer, name: str, *, at: Collection[int] | None, checkpoints: Checkpoints | None
) -> Iterator[int]:
    """Each epoch of `at` (by default every one) and the last, once `trainer` has come to it.

    It continues from the latest of the states that are cached under the `name` of the training.
    """
    last, cached = trainer.settings.epochs, checkpoints.of(name) if checkpoints else None
    for epoch in range(1, last + 1) if at is None else sorted({*at, last}):
        state = cached.find(after=trainer.epoch, up_to=epoch) if cached else None
        if state is not None:
            trainer.load(state)
            _log.info("continued from a cached state", extra={"epoch": trainer.epoch})
        while trainer.epoch < epoch:
            trainer.train_epoch()
            if cached:
                cached.offer(trainer.epoch, trainer.state)
        yield epoch


def report_epoch(trainer: GanTrainer) -> TrainedEpoch:
    """What has come of a training so far."""
    return TrainedEpoch(
        losses=tuple(trainer.losses),
        taken_from=trainer.epoch,
        generator=trainer.sampled_generator,
        snapshots={**trainer.snapshots, trainer.epoch: trainer.take_snapshot()},
        seconds=trainer.seconds,
        generator_steps=trainer.steps_taken // trainer.settings.discriminator_steps,
    )


def training_id(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int, execution: str = "eager"
) -> str:
    """A name for everything that the numbers of a training depend on but its length.

    `execution` names how its steps are executed; "eager" is one operation after the other.
    """
    lengths = {"epochs", "milestones"}
    return digest(
        {
            "variant": variant.name,
            "settings": {name: value for name, value in dump(settings).items() if name not in lengths},
            "data": [contents(data.images, data.labels), data.num_classes],
            "seed": seed,
            "made by": [*arithmetic(data.images.device), execution],
            "state": STATE_VERSION,
        }
    )
