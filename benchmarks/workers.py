"""Workers on nodes that come and go, in made-up time."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from gan_study.trainables.base.seeding import numpy_generator


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """`number` nodes of `workers` each, which are there and away in turn, for exponential times: spot machines."""

    number: int = 1
    workers: int
    stays: float = math.inf
    """Mean time that a node is there."""
    is_away: float = 0.0
    """Mean time until another one takes its place."""

    def switches(self, node: int, *, seed: int) -> Iterator[float]:
        """The times at which a node goes, comes, goes again and so on."""
        if math.isinf(self.stays):
            return
        rng, clock = numpy_generator(seed, "node", node), 0.0
        for turn in count():
            clock += float(rng.exponential(self.is_away if turn % 2 else self.stays))
            yield clock


class Task(Protocol):
    """What a worker does."""

    def begin(self, clock: float) -> None:
        """Begin, or go on from what is stored."""

    def next_time(self) -> float:
        """When something is to be done about it."""


_Task = TypeVar("_Task", bound=Task)


class Workers(Generic[_Task]):
    """The workers of `nodes`, what they do, and how much of their time was used."""

    def __init__(self, nodes: Nodes, *, seed: int) -> None:
        self.used, self.offered = 0.0, 0.0
        self._nodes, self._clock, self._order = nodes, 0.0, count()
        self._free = dict.fromkeys(range(nodes.number), nodes.workers)
        """Workers without a task, of each node that is there."""
        self._running: dict[int, tuple[int, _Task]] = {}
        """Node and task, by a number that no other beginning has."""
        self._alarms: list[tuple[float, int]] = []
        self._switches = [nodes.switches(node, seed=seed) for node in range(nodes.number)]
        self._next_switches = [
            (time, node) for node, times in enumerate(self._switches) if (time := next(times, None)) is not None
        ]
        heapq.heapify(self._next_switches)

    @property
    def are_free(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(self._free.values())

    def begin(self, task: _Task) -> None:
        """Give `task` to a worker that is free."""
        node, number = next(node for node, free in self._free.items() if free), next(self._order)
        self._free[node] -= 1
        self._running[number] = (node, task)
        task.begin(self._clock)
        self.go_on(number)

    def go_on(self, number: int) -> None:
        """Let a task go on about which something was done."""
        heapq.heappush(self._alarms, (self._running[number][1].next_time(), number))

    def end(self, number: int) -> None:
        """Take its worker from a task that is done."""
        node, _ = self._running.pop(number)
        self._free[node] += 1

    def wait(self) -> tuple[int, _Task] | list[_Task]:
        """Let time pass to the next task about which something is to be done, or to the next change of the nodes.

        The number and the task; or the tasks that a node took along as it went.
        """
        while self._alarms and self._alarms[0][1] not in self._running:
            # Of a task that a node took along.
            heapq.heappop(self._alarms)
        assert self._alarms or self._next_switches, "nothing is waited for"
        if not self._alarms or (self._next_switches and self._next_switches[0] < self._alarms[0]):
            time, node = heapq.heappop(self._next_switches)
            self._pass_to(time)
            heapq.heappush(self._next_switches, (next(self._switches[node]), node))
            return self._switch(node)
        time, number = heapq.heappop(self._alarms)
        self._pass_to(time)
        return number, self._running[number][1]

    def _pass_to(self, time: float) -> None:
        self.used += (time - self._clock) * len(self._running)
        self.offered += (time - self._clock) * self._nodes.workers * len(self._free)
        self._clock = time

    def _switch(self, node: int) -> list[_Task]:
        if node not in self._free:
            self._free[node] = self._nodes.workers
            return []
        del self._free[node]
        lost = [number for number, (place, _) in self._running.items() if place == node]
        return [self._running.pop(number)[1] for number in lost]
