"""What the machine can do, and how many operations a training takes: together, the share of its best."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch.nn import functional
from torch.utils.flop_counter import flop_registry

from benchmarks.torch_internals import TorchDispatchMode, operation_of

ROUNDS = 20


class CountedOperations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the floating point operations of matrix products and convolutions, by torch's own formulae.

    torch's FlopCounterMode also follows modules, and so cannot be used where a gradient is differentiated.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What `func` gives, once counted."""
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(operation_of(func))
        if count is not None:
            self.operations += count(*args, **(kwargs or {}), out_val=result)
        return result


def best_rate() -> float:
    """Operations a second of the quickest of a few large matrix products and convolutions, on one thread.

    Single precision; the median of each, the largest of them all.
    """
    torch.set_num_threads(1)
    maps, kernel = torch.randn(64, 128, 14, 14), torch.randn(128, 128, 3, 3)
    maps, kernel = (each.to(memory_format=torch.channels_last) for each in (maps, kernel))
    works: list[Callable[[], object]] = [lambda: functional.conv2d(maps, kernel, padding=1)]
    for size in (256, 512, 1024):
        left, right = torch.randn(size, size), torch.randn(size, size)
        works.append(lambda left=left, right=right: left @ right)  # type: ignore[misc]
    return max(map(_rate, works))


def operations_of(work: Callable[[], object]) -> int:
    """How many floating point operations `work` takes."""
    counted = CountedOperations()
    with counted:
        work()
    return counted.operations


def _rate(work: Callable[[], object]) -> float:
    operations, seconds = operations_of(work), []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    return operations / sorted(seconds)[ROUNDS // 2]
