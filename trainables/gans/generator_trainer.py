"""What every generator in training has in common: its steps, its results so far, and its states."""

import collections
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import fmean
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_study.trainables.base.seeding import torch_generator
from gan_study.trainables.gans.ema import AveragedGenerator
from gan_study.trainables.gans.sampling import has_snapshot, take_snapshot
from gan_study.trainables.gans.variant import TrainingData
from gan_study.trainables.runtime.cache import State

_log = logging.getLogger(__name__)

# The losses are averaged over so many generator steps: the curve of 3,000 steps has two hundred points. Every
# snapshot comes at the end of such an interval (`sampling.FIRST_SNAPSHOT`).
LOSS_INTERVAL = 16


class DivergedError(RuntimeError):
    """A network's loss is not a finite number."""


class MeanLosses(NamedTuple):
    """The networks' losses in an interval of training, extra terms included: the means over their steps."""

    discriminator: float | None
    """None if there is no discriminator."""
    generator: float


class GeneratorTrainer(ABC):
    """A generator in training: its results so far. A subclass has the networks, and takes the steps.

    `name` is that of the method, for messages; `latent_size` as many random numbers as an image is made from.
    """

    network: nn.Module
    """The generator."""
    average: AveragedGenerator | None
    batches: Iterator[Tensor]
    """Row indices of the images, batch by batch, without end."""
    batches_per_step = 1
    """Batches in one generator step."""

    def __init__(self, name: str, data: TrainingData, *, latent_size: int, seed: int) -> None:
        self.name, self.data, self.latent_size, self.seed = name, data, latent_size, seed
        self.device = data.images.device
        self.random = torch_generator(seed, "steps", device=self.device)
        self.generator_steps = 0
        self.losses: list[MeanLosses] = []
        # Those of the steps since the last whole interval, of discriminator and generator.
        self.latest_losses: tuple[list[float], list[float]] = ([], [])
        self.divergence: DivergedError | None = None
        self.snapshots: dict[int, Tensor] = {}
        self.seconds = 0.0

    @abstractmethod
    def take_steps(self, batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
        """The losses of each step of discriminator and generator on `batches` of row indices."""

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers, whose states are saved, by name."""

    @abstractmethod
    def warm_start(self) -> None:
        """Do what comes before the first step, if anything; nothing if that has been taken."""

    def real_images(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The real images [N, C, H, W] of the rows `batch`, and their labels [N]."""
        return self.data.images.index_select(0, batch), self.data.labels.index_select(0, batch)

    def train_until(self, generator_steps: int) -> None:
        """Train until the generator has taken this many steps in all; the warm start comes before the first.

        Raises DivergedError if a loss is not finite.
        """
        began_at = perf_counter()
        self.warm_start()
        while self.generator_steps < generator_steps and self.divergence is None:
            number = self.steps_to_go(generator_steps)
            batches = islice(self.batches, number * self.batches_per_step)
            # Read once an interval: a read in every step would make a GPU wait for it.
            self.end_interval(number, *(losses.tolist() for losses in self.take_steps(batches)))
        self.seconds += perf_counter() - began_at
        if self.divergence:
            raise self.divergence

    def steps_to_go(self, generator_steps: int) -> int:
        """Take generator steps up to this many in all, but not beyond the end of an interval."""
        return min(generator_steps - self.generator_steps, LOSS_INTERVAL - self.generator_steps % LOSS_INTERVAL)

    def end_interval(self, number: int, discriminator: Sequence[float], generator: Sequence[float]) -> None:
        """Record the losses of `number` more generator steps, and take a snapshot if one is due."""
        self.generator_steps += number
        self.latest_losses[0].extend(discriminator)
        self.latest_losses[1].extend(generator)
        latest = self.mean_of_latest()
        for network, loss in latest._asdict().items():
            if loss is not None and not math.isfinite(loss) and self.divergence is None:
                self.divergence = DivergedError(
                    f"{self.name}: the {network}'s loss is {loss} by generator step {self.generator_steps}"
                )
        if self.generator_steps % LOSS_INTERVAL == 0:
            self.losses.append(latest)
            self.latest_losses = ([], [])
            described = {"gan": self.name, "generator_steps": self.generator_steps}
            _log.debug("GAN losses", extra={**described, **latest._asdict()})
        if has_snapshot(self.generator_steps) and self.divergence is None:
            self.snapshots[self.generator_steps] = self.take_snapshot()

    def mean_of_latest(self) -> MeanLosses:
        """The mean losses since the last whole interval."""
        discriminator, generator = self.latest_losses
        return MeanLosses(fmean(discriminator) if discriminator else None, fmean(generator))

    @property
    def sampled_generator(self) -> nn.Module:
        """The generator to sample from: the average, if there is one."""
        return self.network if self.average is None else self.average

    def take_snapshot(self) -> Tensor:
        """A few images of the current generator, as bytes [n, C, H, W]."""
        return take_snapshot(
            self.sampled_generator, self.data.labels, latent_size=self.latent_size, seed=self.seed
        )

    def state(self) -> State:
        """Everything that later steps depend on, and the reported values of earlier ones."""
        return {
            **{name: part.state_dict() for name, part in self._averaged_parts().items()},
            "random": self.random.get_state(),
            "generator_steps": self.generator_steps,
            "losses": [tuple(losses) for losses in self.losses],
            "latest losses": self.latest_losses,
            "divergence": str(self.divergence) if self.divergence else None,
            "snapshots": dict(self.snapshots),
            "seconds": self.seconds,
        }

    def load(self, state: State) -> None:
        """Continue from a `state` of the same training."""
        for name, part in self._averaged_parts().items():
            part.load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.losses = [MeanLosses(*losses) for losses in state["losses"]]
        self.snapshots, self.seconds = dict(state["snapshots"]), state["seconds"]
        of_discriminator, of_generator = state["latest losses"]
        self.latest_losses = (list(of_discriminator), list(of_generator))
        self.divergence = DivergedError(state["divergence"]) if state["divergence"] else None
        # The batches up to there are drawn again, and thrown away.
        missed = (state["generator_steps"] - self.generator_steps) * self.batches_per_step
        collections.deque(islice(self.batches, missed), maxlen=0)
        self.generator_steps = state["generator_steps"]

    def _averaged_parts(self) -> Mapping[str, nn.Module | torch.optim.Optimizer]:
        return self.parts() if self.average is None else {**self.parts(), "average": self.average}
