"""A generator's training from checkpoint to checkpoint: cached steps are not trained again."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor, nn

from gan_study.trainables.base.settings import digest, dump
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL, GeneratorTrainer, MeanLosses
from gan_study.trainables.gans.length import LENGTHS, TrainingLength
from gan_study.trainables.gans.sampling import Snapshots, sample
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import GanSettings, GanVariant, Pretrained, TrainingData
from gan_study.trainables.runtime.cache import arithmetic, contents

_log = logging.getLogger(__name__)

# Names the layout of `GeneratorTrainer.state`: a cached state of another version is not found.
STATE_VERSION = 5


@dataclass(frozen=True, kw_only=True)
class TrainingEnd:
    """Why a generator's training ended."""

    reason: Literal["fixed", "converged", "floor", "cap"]
    """A fixed length, no more improvement, or the smallest or largest length allowed."""
    still_improving: bool | None = None
    """Whether images were still getting better; None if not measured."""
    compared_at: tuple[int, ...] = ()
    """The generator steps at which its images were compared with real ones."""
    distances: tuple[float, ...] = ()
    """The kernel distance at each."""


FIXED = TrainingEnd(reason="fixed")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedGenerator:
    """A generator after some steps of training; it keeps changing when further steps are requested."""

    generator_steps: int
    """Generator steps so far, including cached ones."""
    losses: tuple[MeanLosses, ...]
    """The mean losses of each LOSS_INTERVAL of generator steps; the last interval may be shorter."""
    generator: nn.Module
    """The generator to sample from: the one in training, or its average."""
    latent_size: int
    """Number of normal random numbers that an image is made from."""
    taken_from: int
    """The generator step whose generator it is."""
    snapshots: Snapshots = field(default_factory=dict)
    """A few images of earlier steps, and of this one."""
    seconds: float = 0.0
    """Wall time of all steps so far, including cached ones."""
    sampling_seconds: float = 0.0
    """Wall time of drawing the images that fill its classes."""
    end: TrainingEnd | None = None
    """Why there are no further steps; None if there may be."""

    def sample(self, labels: Tensor, *, seed: int) -> Tensor:
        """An image for each of `labels` [N], as `sampling.sample` makes them."""
        return sample(self.generator, labels, self.latent_size, seed=seed)

    @property
    def loss_steps(self) -> tuple[int, ...]:
        """The generator step at which each interval of `losses` ends."""
        ends = range(LOSS_INTERVAL, LOSS_INTERVAL * len(self.losses) + 1, LOSS_INTERVAL)
        return tuple(min(end, self.generator_steps) for end in ends)


@dataclass(frozen=True, kw_only=True, eq=False)
class WantedTraining:
    """A generator to train."""

    data: TrainingData
    """Its training images."""
    seed: int
    """No other generator of the trial has it."""
    at: frozenset[int]
    """The generator steps after which it is observed, including the last."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunningTraining:
    """A generator whose training runs while its states are requested."""

    states: Iterator[TrainedGenerator]
    """The generator after each observed step."""
    notes: tuple[str, ...] = ()
    """Notes on how it is trained."""


def train_gan(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    at: Collection[int],
    checkpoints: Checkpoints | None = None,
) -> Iterator[TrainedGenerator]:
    """`variant` trained on `data`, after each generator step of `at`, ascending.

    With `checkpoints` no step is trained twice; no number depends on that. The training length in `settings` is
    ignored. Runs on the images' device and in their precision. Neither reads nor changes the global random state.
    Raises DivergedError if a loss is not finite.
    """
    trainer = GanTrainer(variant, settings, data, seed=seed)
    # Without checkpoints nobody asks for the name, which has to read all images.
    name = training_id(variant, settings, data, seed=seed) if checkpoints else ""
    for _ in reach(trainer, name, at=at, checkpoints=checkpoints):
        yield report(trainer)


def pretrain(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> Pretrained:
    """The weights of `variant` after the minimum length on `data`; with `checkpoints` they are trained once."""
    trainer = GanTrainer(variant, settings, data, seed=seed)
    name = training_id(variant, settings, data, seed=seed)
    steps = settings.num_generator_steps(len(data.images))
    policy = replace(checkpoints, generator_steps=checkpoints.generator_steps | {steps}) if checkpoints else None
    for _ in reach(trainer, name, at=[steps], checkpoints=policy):
        pass
    return Pretrained(
        name=f"{name} {steps}",
        generator=trainer.networks.generator.state_dict(),
        discriminator=trainer.networks.discriminator.state_dict(),
    )


def train_generator(
    trainer: GeneratorTrainer,
    settings: TrainingLength,
    *,
    at: Collection[int],
    checkpoints: Checkpoints | None = None,
) -> Iterator[TrainedGenerator]:
    """The generator of `trainer`, one that is no GAN, as `train_gan` for a GAN; `settings` are the trainer's."""
    # Without checkpoints nobody asks for the name, which has to read all images.
    name = settings_id(trainer.name, settings, trainer.data, seed=trainer.seed) if checkpoints else ""
    for _ in reach(trainer, name, at=at, checkpoints=checkpoints):
        yield report(trainer)


def reach(
    trainer: GeneratorTrainer, name: str, *, at: Collection[int], checkpoints: Checkpoints | None
) -> Iterator[int]:
    """Each generator step of `at`, when `trainer` has reached it.

    It continues from the latest cached state under the `name` of the training.
    """
    cached = checkpoints.of(name) if checkpoints else None
    stays = sorted(checkpoints.generator_steps) if checkpoints else []
    for step in sorted(at):
        state = cached.find(after=trainer.generator_steps, up_to=step) if cached else None
        if state is not None:
            trainer.load(state)
            _log.info("continued from a cached state", extra={"generator_steps": trainer.generator_steps})
        while trainer.generator_steps < step:
            done = trainer.generator_steps
            # To the end of an interval, or to a step whose state is to stay, whatever comes first.
            ends = [each for each in stays if each > done]
            trainer.train_until(min([done + trainer.steps_to_go(step), *ends]))
            if cached:
                is_looked_at = trainer.generator_steps == step
                cached.offer(trainer.generator_steps, trainer.state, is_looked_at=is_looked_at)
        yield step


def report(trainer: GeneratorTrainer) -> TrainedGenerator:
    """The results of a training so far."""
    unfinished = (trainer.mean_of_latest(),) if trainer.latest_losses[1] else ()
    return TrainedGenerator(
        generator_steps=trainer.generator_steps,
        losses=(*trainer.losses, *unfinished),
        generator=trainer.sampled_generator,
        latent_size=trainer.latent_size,
        taken_from=trainer.generator_steps,
        snapshots={**trainer.snapshots, trainer.generator_steps: trainer.take_snapshot()},
        seconds=trainer.seconds,
    )


def training_id(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int, execution: str = "eager"
) -> str:
    """A name for everything that the numbers of a GAN's training depend on, except its length.

    `execution` names how its steps are executed; "eager" is one operation after the other.
    """
    lengths = {*LENGTHS, "milestones"}
    return digest(
        {
            "variant": variant.name,
            "settings": {name: value for name, value in dump(settings).items() if name not in lengths},
            "data": [contents(data.images, data.labels), data.num_classes],
            "start": data.start.name if data.start else None,
            "seed": seed,
            "made by": [*arithmetic(data.images.device), execution],
            "state": STATE_VERSION,
        }
    )


def settings_id(method: str, settings: TrainingLength, data: TrainingData, *, seed: int) -> str:
    """The same for the training of a `method` that is no GAN."""
    lengths = {*LENGTHS, "milestones"}
    return digest(
        {
            "method": method,
            "settings": {name: value for name, value in dump(settings).items() if name not in lengths},
            "data": [contents(data.images, data.labels), data.num_classes],
            "seed": seed,
            "made by": [*arithmetic(data.images.device)],
            "state": STATE_VERSION,
        }
    )
