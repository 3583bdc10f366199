"""The training loop of every GAN."""

import logging
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gan_study.trainables.base.batches import index_batches
from gan_study.trainables.base.seeding import derive_seed, seeded_global_state, torch_generator
from gan_study.trainables.base.settings import digest, dump
from gan_study.trainables.gans.batched.execution import EAGER, Execution
from gan_study.trainables.gans.checkpoints import Checkpoints, KeptStates
from gan_study.trainables.gans.ema import AveragedGenerator
from gan_study.trainables.gans.random_streams import GeneratorStream
from gan_study.trainables.gans.snapshots import Growth, is_shown, looked_at
from gan_study.trainables.gans.steps import AlternatingSteps, NetworkDiscriminator, StepLosses, judges_alone
from gan_study.trainables.gans.variant import GanSettings, GanVariant, Networks, TrainingData
from gan_study.trainables.runtime.cache import State, arithmetic, contents

_log = logging.getLogger(__name__)

# Of what a kept state holds: one of another version is as if it were not there.
STATE_VERSION = 3


class DivergedError(RuntimeError):
    """A network's loss is no longer a finite number."""


class MeanLosses(NamedTuple):
    """What the networks' losses were in one epoch, extra terms included: the means over their steps."""

    discriminator: float
    generator: float


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedEpoch:
    """A GAN after an epoch: the losses of each epoch so far, and the generator to sample from.

    The generator is the one in training, or its average: it goes on changing once the next epoch is asked for.
    `taken_from` is the epoch (1-based) whose generator it is. `growth` has a few images of earlier epochs, and of
    this one. `seconds` is the wall time of all epochs, of those that another training had taken before too.
    """

    losses: tuple[MeanLosses, ...]
    taken_from: int
    generator: nn.Module
    growth: Growth = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """How many epochs there have been."""
        return len(self.losses)


def train_gan(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    at: Collection[int] | None = None,
    checkpoints: Checkpoints | None = None,
    execution: Execution = EAGER,
) -> Iterator[TrainedEpoch]:
    """`variant` trained on `data`, after each epoch of `at` (by default every one) and after the last.

    An epoch takes as many discriminator steps as it takes batches to see all images once, and never fewer than go
    to one generator step; a generator step follows every `discriminator_steps` of them, counted on across epochs.
    With `checkpoints` epochs that have been trained before are not trained again; no number depends on that.
    Steps are executed as `execution` says: one operation after the other, or as CUDA graphs.
    Runs on the images' device and in their precision. Neither reads nor changes the global random state. Raises
    DivergedError after an epoch in which a loss was not finite.
    """
    training = Training(variant, settings, data, seed=seed, execution=execution)
    name = training_id(variant, settings, data, seed=seed, execution=execution)
    kept = checkpoints.of(name) if checkpoints else None
    for epoch in reached(training, kept, shown_epochs(settings, at)):
        yield TrainedEpoch(
            losses=tuple(training.losses),
            taken_from=epoch,
            generator=training.gan.answer,
            growth={**training.growth, epoch: training.look()},
            seconds=training.seconds,
        )


class InEpochs(Protocol):
    """A training that goes on epoch by epoch, and can be kept in between."""

    @property
    def epoch(self) -> int:
        """How many epochs there have been."""
        ...

    def train_epoch(self) -> None:
        """One more epoch."""
        ...

    def state(self) -> State:
        """All that the epochs to come depend on."""
        ...

    def load(self, state: State) -> None:
        """Go on from a `state` of the same training."""
        ...


def reached(training: InEpochs, kept: KeptStates | None, epochs: Iterable[int]) -> Iterator[int]:
    """Each of `epochs`, ascending, once `training` has come to it; what is `kept` of it is not trained again."""
    for epoch in epochs:
        state = kept.find(after=training.epoch, up_to=epoch) if kept else None
        if state is not None:
            training.load(state)
            _log.info("went on from a kept state", extra={"epoch": training.epoch})
        while training.epoch < epoch:
            training.train_epoch()
            if kept:
                kept.offer(training.epoch, training.state)
        yield epoch


def shown_epochs(settings: GanSettings, at: Collection[int] | None) -> Sequence[int]:
    """The epochs `at`, by default every one, and the last."""
    return range(1, settings.epochs + 1) if at is None else sorted({*at, settings.epochs})


def training_id(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int, execution: Execution
) -> str:
    """A name for everything that the numbers of a training depend on, but for its length."""
    of_length = {"epochs", "milestones"}
    return digest(
        {
            "variant": variant.name,
            "settings": {name: value for name, value in dump(settings).items() if name not in of_length},
            "data": [contents(data.images, data.labels), data.num_classes],
            "seed": seed,
            "made by": [*arithmetic(data.images.device), execution.name],
            "state": STATE_VERSION,
        }
    )


class _Stateful(Protocol):
    """Networks and optimisers."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


class OneGan:
    """The networks of one GAN in training, the data that they see, and what their steps draw from."""

    def __init__(self, variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> None:
        self.settings, self.data = settings, data
        self.networks = initialised(variant, settings, data, seed=seed)
        for network in (self.networks.generator, self.networks.discriminator):
            network.to(data.images).to(memory_format=variant.memory_format)
        decay = settings.ema_decay
        self.average = AveragedGenerator(self.networks.generator, decay) if decay else None
        self.random = torch_generator(seed, "steps", device=data.images.device)
        self.stream = GeneratorStream(self.random)
        self.losses = StepLosses(
            variant=variant,
            settings=settings,
            num_classes=data.num_classes,
            judges_alone=judges_alone(self.networks.discriminator),
        )

    @property
    def answer(self) -> nn.Module:
        """The generator to sample from."""
        return self.networks.generator if self.average is None else self.average

    @property
    def generators(self) -> list[torch.Generator]:
        """All that a step draws from."""
        return [self.random]

    @property
    def generator_weights(self) -> list[Tensor]:
        """What the generator's step moves."""
        return list(self.networks.generator.parameters())

    @property
    def discriminator_weights(self) -> list[Tensor]:
        """What the discriminator's step moves."""
        return list(self.networks.discriminator.parameters())

    def rows(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The real images with the indices `batch`, and their labels."""
        return self.data.images.index_select(0, batch), self.data.labels.index_select(0, batch)

    def latents(self, number: int) -> Tensor:
        """Latents [number, latent_size], the next ones of the stream."""
        return self.stream.normal((number, self.settings.latent_size), self.data.images.dtype)

    def fakes(self, labels: Tensor) -> Tensor:
        """A generated image for each label."""
        images: Tensor = self.networks.generator(self.latents(len(labels)), labels)
        return images.to(self.data.images.dtype)

    def discriminator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the discriminator minimises."""
        discriminator = NetworkDiscriminator(self.networks.discriminator)
        return self.losses.of_discriminator(discriminator, real, fake, labels, self.stream)

    def generator_loss(self, real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
        """What the generator minimises; the discriminator gets no gradient."""
        network = self.networks.discriminator.requires_grad_(False)
        loss = self.losses.of_generator(NetworkDiscriminator(network), real, fake, labels, self.stream)
        network.requires_grad_(True)
        return loss

    def move_average(self) -> None:
        """Brings the average of the generator's weights up to date, where there is one."""
        if self.average is not None:
            self.average.follow(self.networks.generator)


class Training:
    """One GAN, its optimisers and its batches, epoch by epoch."""

    def __init__(
        self, variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int, execution: Execution
    ) -> None:
        self.variant, self.settings, self.data, self.seed = variant, settings, data, seed
        self.num_batches = max(math.ceil(len(data.images) / settings.batch_size), settings.discriminator_steps)
        self.losses: list[MeanLosses] = []
        self.growth: dict[int, Tensor] = {}
        self.seconds = 0.0
        # Of the first epoch that had a loss which was not finite.
        self.divergence: DivergedError | None = None
        self.gan = OneGan(variant, settings, data, seed=seed)
        self.steps = AlternatingSteps(self.gan, settings, execution)
        random = torch_generator(seed, "batches", device=data.images.device)
        self.batches = (
            class_balanced_batches(data.labels, settings.batch_size, random)
            if variant.conditional
            else index_batches(len(data.images), settings.batch_size, random)
        )

    @property
    def epoch(self) -> int:
        """How many epochs there have been."""
        return len(self.losses)

    def state(self) -> State:
        """All that the epochs to come depend on, and what is told of those before."""
        return {
            **{name: part.state_dict() for name, part in self._parts().items()},
            "random": self.gan.random.get_state(),
            "losses": [tuple(losses) for losses in self.losses],
            "growth": dict(self.growth),
            "seconds": self.seconds,
        }

    def load(self, state: State) -> None:
        """Go on from a `state` of the same training."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.steps.prepare()
        self.gan.random.set_state(state["random"])
        self.losses, self.divergence = [], None
        for losses in state["losses"]:
            self._remember(MeanLosses(*losses))
        self.growth, self.seconds = dict(state["growth"]), state["seconds"]
        # The batches up to there are drawn again, and thrown away.
        while self.steps.taken < len(self.losses) * self.num_batches:
            next(self.batches)
            self.steps.taken += 1

    def _parts(self) -> dict[str, "_Stateful"]:
        parts: dict[str, _Stateful] = {
            "generator": self.gan.networks.generator,
            "discriminator": self.gan.networks.discriminator,
            "generator optimiser": self.steps.generator_optimiser,
            "discriminator optimiser": self.steps.discriminator_optimiser,
        }
        return parts if self.gan.average is None else {**parts, "average": self.gan.average}

    def begin(self) -> None:
        """What comes before the first step, and only there: the variant's warm start, where it has one."""
        if not self.losses and self.variant.warm_start:
            random = torch_generator(self.seed, "warm start", device=self.data.images.device)
            self.variant.warm_start(self.gan.networks, self.data, self.settings, random)

    def train_epoch(self) -> None:
        """One more epoch; raises DivergedError where a mean loss is not finite."""
        began_at = perf_counter()
        self.begin()
        # Read once an epoch: a read in every step would make a GPU wait for it.
        of_discriminator, of_generator = self.steps.epoch(islice(self.batches, self.num_batches))
        self.note(MeanLosses(discriminator=of_discriminator.item(), generator=of_generator.item()))
        self.seconds += perf_counter() - began_at
        if self.divergence:
            raise self.divergence

    def look(self) -> Tensor:
        """A few images of the epoch that it has come to."""
        return looked_at(self.gan.answer, self.data.labels, latent_size=self.settings.latent_size, seed=self.seed)

    def note(self, losses: MeanLosses) -> None:
        """One more epoch has had these `losses`; looks at its images where it is one of those that are shown."""
        self._remember(losses)
        if is_shown(self.epoch) and self.divergence is None:
            self.growth[self.epoch] = self.look()
        _log.debug(
            "GAN epoch",
            extra={
                "gan": self.variant.name,
                "epoch": self.epoch,
                "epochs": self.settings.epochs,
                **losses._asdict(),
            },
        )

    def _remember(self, losses: MeanLosses) -> None:
        self.losses.append(losses)
        for network, loss in losses._asdict().items():
            if not math.isfinite(loss) and self.divergence is None:
                name = self.variant.name
                self.divergence = DivergedError(f"{name}: the {network}'s loss is {loss} in epoch {self.epoch}")


def class_balanced_batches(labels: Tensor, batch_size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless row indices [batch_size], each of a class drawn uniformly, for the rows that have `labels` [N].

    A conditional GAN that meets a rare class only as often as it occurs hardly learns it, and the rare classes are
    what it is wanted for: of 60 zeros among 6,000 digits it made other digits. BAGAN draws the labels of its
    fakes so (Mariani et al. 2018).
    """
    shares = 1 / labels.bincount()[labels]
    while True:
        yield shares.multinomial(batch_size, replacement=True, generator=random)


def initialised(variant: GanVariant, settings: GanSettings, data: TrainingData, *, seed: int) -> Networks:
    """The networks with weights drawn on the CPU, so that every device starts from the same ones."""
    with seeded_global_state(derive_seed(seed, "initialisation")):
        return variant.networks(data.shape, settings.latent_size, data.num_classes)
