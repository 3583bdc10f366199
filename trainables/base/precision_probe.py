"""Whether bf16 pays for a network on this CPU: how much faster its steps are than in float32, and how far off.

torch has convolutions in bf16 that are 4 to 16 times slower on CPUs than in float32, and had one that was wrong
(issues 183815 and 169688 of pytorch). So both are measured, with the study's own networks, images and batches.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gan_study.trainables.base.precision import CpuPrecision

# Less is not worth numbers that differ from those of float32.
LEAST_SPEEDUP = 1.15
# The relative error of one rounding to bf16's eight significant bits.
ROUNDING = 2.0**-8
# A generator's gradient passes both networks forward and back, some twenty layers, with three roundings each: of
# both factors and of the product. So sixty roundings that all point the same way make a quarter; a wrong
# convolution makes an error of about one. A classifier of twenty layers has as many.
MOST_ERROR = 64 * ROUNDING
# Every step begins with the errors of those before, and GANs amplify them: after sixteen steps the images of
# `projection_sngan` were off by 0.63.
RUN_STEPS = 8
_MOST_STEPS, _MOST_LETTERS = 50, 200


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Bf16 compared with float32; the errors are the largest relative ones."""

    speedup: float = 0.0
    """How many times faster a step is in bf16."""
    step_error: float = float("nan")
    """The relative error of losses, outputs and gradients after the first step."""
    run_error: float = float("nan")
    """The relative error of losses and outputs after RUN_STEPS."""
    failure: str | None = None
    """Why it cannot be computed in bf16."""

    @property
    def precision(self) -> CpuPrecision:
        """The precision to train in."""
        return "float32" if self.objection else "bf16"

    @property
    def objection(self) -> str | None:
        """Why bf16 is not used; None if it is."""
        if self.failure is not None:
            return f"bf16 fails ({self.failure})"
        # Written so that an error that is not a number is too large.
        if not self.step_error <= MOST_ERROR:
            return f"bf16 is off by more than {MOST_ERROR:.3g} after a step"
        if not self.run_error <= MOST_ERROR:
            return f"bf16 is off by more than {MOST_ERROR:.3g} after {RUN_STEPS} steps"
        if not self.speedup >= LEAST_SPEEDUP:
            return f"bf16 is less than {LEAST_SPEEDUP:g} times as fast"
        return None

    def __str__(self) -> str:
        """What was measured and decided, without an end."""
        measured = (
            f"{self.speedup:.2f} times as fast in bf16, relative error {self.step_error:.2g} after a step and"
            f" {self.run_error:.2g} after {RUN_STEPS}"
        )
        if self.objection is None:
            return f"bf16; {measured}"
        return f"float32, since {self.objection}" + ("" if self.failure else f"; {measured}")


class MeasuredTraining(Protocol):
    """A training whose steps are compared."""

    def step(self) -> Tensor:
        """Take a step; returns its losses [L]."""

    def outputs(self) -> Tensor:
        """What the network computes now, in float32, from the same inputs every time."""

    def gradients(self) -> Iterator[Tensor]:
        """The gradients of each network's latest step, as one vector."""


def compare_trainings(begin: Callable[[CpuPrecision], MeasuredTraining], *, seconds: float) -> Comparison:
    """Bf16 compared with float32 for the training that `begin` begins in either, always with the same seed.

    Their steps alternate, and processor time is measured, so that other work on the machine does not decide.
    Takes about `seconds`, but at least RUN_STEPS steps in each precision.
    """
    exact, rounded = begin("float32"), begin("bf16")
    began, speedups = perf_counter(), list[float]()
    errors: dict[int, float] = {}
    while len(speedups) < RUN_STEPS or (perf_counter() - began < seconds and len(speedups) < _MOST_STEPS):
        exact_seconds, exact_losses = _timed_step(exact)
        try:
            rounded_seconds, rounded_losses = _timed_step(rounded)
        except RuntimeError as error:
            return Comparison(failure=" ".join(str(error).split())[:_MOST_LETTERS])
        speedups.append(exact_seconds / rounded_seconds)
        if len(speedups) in (1, RUN_STEPS):
            of_outputs = relative_error(exact.outputs(), rounded.outputs())
            errors[len(speedups)] = max_error([*loss_errors(exact_losses, rounded_losses), of_outputs])
        if len(speedups) == 1:
            of_gradients = map(relative_error, exact.gradients(), rounded.gradients())
            errors[1] = max_error([errors[1], *of_gradients])
    # The first step also prepares the library's kernels.
    return Comparison(speedup=median(speedups[1:]), step_error=errors[1], run_error=errors[RUN_STEPS])


def network_gradients(network: nn.Module) -> Tensor:
    """The gradients of the latest step of `network`, as one vector."""
    return torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])


def _timed_step(training: MeasuredTraining) -> tuple[float, Tensor]:
    """Processor seconds of a step, and its losses."""
    began = process_time()
    losses = training.step()
    return process_time() - began, losses


def loss_errors(exact: Tensor, rounded: Tensor) -> list[float]:
    """The error of each loss."""
    # A critic's loss may be any small number: below one its error counts as it is.
    errors: list[float] = ((rounded - exact).abs() / exact.abs().clamp(min=1.0)).tolist()
    return errors


def relative_error(exact: Tensor, rounded: Tensor) -> float:
    """The norm of the difference, relative to the norm of `exact`."""
    return float((rounded - exact).norm() / exact.norm())


def max_error(errors: Iterable[float]) -> float:
    """The largest; NaN if one of them is."""
    return float(np.max(list(errors)))
