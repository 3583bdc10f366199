"""Which library computes a CPU's single-precision matrix products, decided by measuring both.

torch uses MKL, or oneDNN if a lower precision is allowed; oneDNN has the same precision as MKL on all processors
except those with low-precision units. On some processors MKL is much slower.

The permission applies only to oneDNN. `torch.set_float32_matmul_precision`, which also gives it, would lower the
precision of a GPU as well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from gan_study.trainables.runtime.environment import Library, library, library_named, machine_kind, use
from gan_study.trainables.runtime.storage import first_written

# The layers of a fully connected GAN on batches of 64: [N, I] times [I, O].
_SIZES = ((128, 784, 512), (64, 512, 784), (64, 256, 512))
# On a busy machine the quickest of only a few rounds is not a reliable measure.
_ROUNDS = 15
# Rounding errors of single precision lie at 3e-7; TF32's would be at 3e-4.
_LARGEST_ERROR = 1e-6
# What is gained has to be clear, or else noise would decide, and trials of one study would round differently.
_SMALLEST_GAIN = 1.25


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """oneDNN compared with the default: its largest relative error, and its speed ratio."""

    error: float
    gain: float

    @property
    def is_exact(self) -> bool:
        """Whether oneDNN is as exact as single precision allows."""
        return self.error < _LARGEST_ERROR

    @property
    def winner(self) -> Library:
        """OneDNN if it is exact, and clearly faster."""
        return "onednn" if self.is_exact and self.gain > _SMALLEST_GAIN else "default"


def choose_library(agreed: Callable[[Library], Library] = lambda found: found) -> None:
    """Use the better library for this process's matrix products from now on; takes a few tenths of a second.

    Because of noise, processes on equal machines may choose differently, and their last digits would differ; so
    `agreed` maps the choice of this process to the common one. oneDNN is used only if it is exact here too.
    """
    found = compare()
    use(agreed(found.winner) if found.is_exact else "default")


def agree_on_library(folder: Path, found: Library, *, patience_seconds: float = 0.0) -> Library:
    """The choice of the first process that looked into `folder` on an equal machine, or that of this process.

    Machines are equal if their numbers are, see `cache.arithmetic`.
    """
    path = folder / re.sub(r"[^\w.]+", "_", "-".join(machine_kind()))
    first = first_written(path, found.encode(), patience_seconds=patience_seconds).decode()
    return library_named(first) or found


def compare() -> Comparison:
    """Both libraries, measured in turn on this process's threads: the fastest of some rounds each."""
    random = torch.Generator().manual_seed(0)
    factors = [
        (torch.randn(rows, inner, generator=random), torch.randn(inner, columns, generator=random))
        for rows, inner, columns in _SIZES
    ]
    before = library()
    try:
        rounds = [(_seconds(factors, "default"), _seconds(factors, "onednn")) for _ in range(_ROUNDS)]
        use("onednn")
        error = max(_relative_error(left, right) for left, right in factors)
    finally:
        use(before)
    default, onednn = (min(seconds) for seconds in zip(*rounds, strict=True))
    return Comparison(error=error, gain=default / onednn)


def _seconds(factors: list[tuple[Tensor, Tensor]], name: Library) -> float:
    use(name)
    for _ in range(2):  # The first time warms up.
        started = perf_counter()
        for left, right in factors:
            left @ right
    return perf_counter() - started


def _relative_error(left: Tensor, right: Tensor) -> float:
    exact = left.double() @ right.double()
    return float((left @ right - exact).norm() / exact.norm())
