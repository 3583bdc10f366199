"""Which library a CPU's single-precision matrix products are left to, decided by trying both.

torch sends them to MKL, or where it is allowed a lower precision to oneDNN, which has the same precision as MKL on
all processors but those with units of a lower one. On some processors MKL is the slower of the two by far.

The permission is oneDNN's alone. `torch.set_float32_matmul_precision`, which gives it too, would lower the
precision of a GPU as well.
"""

import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from gan_study.trainables.runtime.storage import first_written

Library: TypeAlias = Literal["default", "onednn"]

# torch's annotations do not know of it.
_ONEDNN: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
# The layers of a fully connected GAN on batches of 64: [N, I] times [I, O].
_SIZES = ((128, 784, 512), (64, 512, 784), (64, 256, 512))
# Of a few rounds on a busy machine the quickest is no measure.
_ROUNDS = 15
# Rounding errors of single precision lie at 3e-7; TF32's would be at 3e-4.
_LARGEST_ERROR = 1e-6
# What is gained has to be clear, or else noise would decide, and trials of one study would round differently.
_SMALLEST_GAIN = 1.25


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """oneDNN against the default: its largest relative error, and how many times as quick it is."""

    error: float
    gain: float

    @property
    def is_exact(self) -> bool:
        """Whether oneDNN is as exact as single precision can be."""
        return self.error < _LARGEST_ERROR

    @property
    def winner(self) -> Library:
        """OneDNN if it is exact, and clearly quicker."""
        return "onednn" if self.is_exact and self.gain > _SMALLEST_GAIN else "default"


def choose_library(agreed: Callable[[Library], Library] = lambda found: found) -> None:
    """Leave this process's matrix products to the better library from now on; takes a few tenths of a second.

    Noise may let processes on machines alike find different ones, whose last digits differ; so `agreed` gives, for
    what this one found, what all of them are to use. oneDNN is used only where it is exact here too.
    """
    found = compare()
    use(agreed(found.winner) if found.is_exact else "default")


def agree_on_library(folder: Path, found: Library, *, patience_seconds: float = 0.0) -> Library:
    """What the first process found that looked into `folder` on a machine like this one, or this process itself.

    Machines are alike whose numbers are taken for equal, see `cache.arithmetic`.
    """
    path = folder / re.sub(r"[^\w.]+", "_", "-".join(machine_kind()))
    first = first_written(path, found.encode(), patience_seconds=patience_seconds).decode()
    return library_named(first) or found


def machine_kind() -> list[str]:
    """What a processor's last digits depend on beside the library: torch, chip, vector instructions, threads."""
    chip = (platform.machine(), _chip(), torch.backends.cpu.get_cpu_capability())
    return [torch.__version__, *chip, str(torch.get_num_threads())]


@cache
def _chip() -> str:
    """The processor's name as Linux has it; elsewhere what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def library_named(name: str | None) -> Library | None:
    """The library that a file or a record names; None where it names none."""
    return next((known for known in get_args(Library) if known == name), None)


def library() -> Library:
    """The library in use."""
    return "onednn" if _ONEDNN.fp32_precision == "tf32" else "default"


def use(name: Library) -> None:
    """Leave matrix products to the library `name`."""
    _ONEDNN.fp32_precision = "tf32" if name == "onednn" else "ieee"


def compare() -> Comparison:
    """Both libraries, tried in turn on this process's threads: the quickest of some rounds each."""
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
