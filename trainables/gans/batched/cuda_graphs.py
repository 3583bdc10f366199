"""Steps of a training that are recorded once and replayed.

A small network's step has hundreds of operations, each of which takes less time on a GPU than its launch from
Python. A CUDA graph launches all of them at once.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.training import TrainedGenerator, reach, report, training_id
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData
from gan_study.trainables.runtime.cache import State

# From a batch's row indices to losses.
Step: TypeAlias = Callable[[Tensor], tuple[Tensor, ...]]

# Before a recording libraries choose their algorithms and optimisers make their state (torch's notes on CUDA
# graphs).
NUM_WARM_UPS = 3


class Recorder(Protocol):
    """Records work on a GPU, to repeat it."""

    @property
    def name(self) -> str:
        """The name of a recording."""
        ...

    def warm_up(self, work: Callable[[], None]) -> None:
        """Does `work` once, in a way that allows a recording afterwards."""
        ...

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """A function that does `work`, with the next numbers of `generators`; does not run it now."""
        ...


class CudaGraphs:
    """Records by stream capture into CUDA graphs."""

    name = "CUDA graph"

    def warm_up(self, work: Callable[[], None]) -> None:
        """Does `work` on a separate stream, as for captures."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            work()
        torch.cuda.current_stream().wait_stream(aside)

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """The replay of a graph of `work`."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            work()
        return graph.replay


@dataclass(eq=False)
class _StaticStep:
    """A step whose row indices and losses always lie in the same place, as a recording needs it.

    The first calls warm up. They are steps like all others, and so is each replay; recording is none.
    """

    step: Step
    generators: tuple[torch.Generator, ...]
    recorder: Recorder
    _num_calls: int = 0
    _rows: Tensor | None = None
    _losses: tuple[Tensor, ...] = ()
    _replay: Callable[[], None] | None = field(default=None, repr=False)

    def __call__(self, rows: Tensor) -> tuple[Tensor, ...]:
        if self._rows is None:
            self._rows = torch.empty_like(rows)
        self._rows.copy_(rows)
        if self._num_calls < NUM_WARM_UPS:
            self.recorder.warm_up(self._work)
        else:
            if self._replay is None:
                self._replay = self.recorder.record(self._work, self.generators)
            self._replay()
        self._num_calls += 1
        return tuple(loss.clone() for loss in self._losses)

    def _work(self) -> None:
        assert self._rows is not None
        losses = self.step(self._rows)
        if not self._losses:
            self._losses = tuple(torch.empty_like(loss) for loss in losses)
        for place, loss in zip(self._losses, losses, strict=True):
            place.copy_(loss)


# For NVIDIA GPUs; not the default there before somebody has seen it run on one.
CUDA_GRAPHS = CudaGraphs()


class RecordedTrainer(GanTrainer):
    """A trainer whose steps `recorder` records and replays; without one they are executed directly."""

    def __init__(
        self,
        variant: GanVariant,
        settings: GanSettings,
        data: TrainingData,
        *,
        seed: int,
        recorder: Recorder | None,
    ) -> None:
        super().__init__(variant, settings, data, seed=seed)
        self.recorder = recorder
        self.recorded: dict[bool, Step] = {}

    @property
    def generators(self) -> list[torch.Generator]:
        """All random numbers of a step."""
        return [self.random]

    def take_step(self, batch: Tensor, *, trains_generator: bool) -> tuple[Tensor, ...]:
        """GanTrainer's step, replayed."""
        if self.recorder is None:
            return super().take_step(batch, trains_generator=trains_generator)
        if trains_generator not in self.recorded:
            step = partial(super().take_step, trains_generator=trains_generator)
            self.recorded[trains_generator] = _StaticStep(step, tuple(self.generators), self.recorder)
        return self.recorded[trains_generator](batch)

    def load(self, state: State) -> None:
        """Continue from a `state`; it replaces tensors of the optimisers, so steps are recorded again."""
        super().load(state)
        self.recorded.clear()


def train_recorded_gan(
    variant: GanVariant,
    settings: GanSettings,
    data: TrainingData,
    *,
    seed: int,
    at: Collection[int],
    checkpoints: Checkpoints | None = None,
    recorder: Recorder | None,
) -> Iterator[TrainedGenerator]:
    """The states of `train_gan`, with steps that `recorder` replays."""
    trainer = RecordedTrainer(variant, settings, data, seed=seed, recorder=recorder)
    name = training_id(variant, settings, data, seed=seed, execution=execution_name(recorder))
    for _ in reach(trainer, name, at=at, checkpoints=checkpoints):
        yield report(trainer)


def execution_name(recorder: Recorder | None) -> str:
    """The name of the execution in cached states."""
    return recorder.name if recorder else "eager"
