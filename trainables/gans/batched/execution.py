"""How the steps of a training are executed: one operation after the other, or recorded once and replayed.

A small network's step is hundreds of operations that each take a GPU less time than Python takes to ask for it. A
CUDA graph asks for all of them at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

# Of a batch's row indices to losses.
Step: TypeAlias = Callable[[Tensor], tuple[Tensor, ...]]

# Before a recording libraries choose their algorithms and optimisers make their state (torch's notes on CUDA
# graphs).
NUM_WARM_UPS = 3


class Execution(Protocol):
    """A way to execute steps."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def prepared(self, step: Step, generators: Sequence[torch.Generator]) -> Step:
        """`step`, which draws from `generators` alone, as it is to be called from now on."""
        ...


@dataclass(frozen=True)
class Eager:
    """One operation after the other, as Python comes to it."""

    name: str = "eager"

    def prepared(self, step: Step, generators: Sequence[torch.Generator]) -> Step:
        """`step` itself."""
        return step


class Recorder(Protocol):
    """What records work on a GPU, to do it again."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Does `work` in a way that may come before a recording."""
        ...

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """What does `work` when it is called, with the next numbers of `generators`; not now."""
        ...


class CudaGraphs:
    """Records by stream capture into CUDA graphs."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Does `work` on a stream of its own, as captures are."""
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


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Steps are recorded by `recorder` and replayed."""

    name: str
    recorder: Recorder

    def prepared(self, step: Step, generators: Sequence[torch.Generator]) -> Step:
        """`step` through places that stay the same; its first calls are executed as they are."""
        return _StaticStep(step, tuple(generators), self.recorder)


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


EAGER = Eager()
# For NVIDIA GPUs; not the default there before somebody has seen it run on one.
GRAPHED = Recorded(name="CUDA graph", recorder=CudaGraphs())
