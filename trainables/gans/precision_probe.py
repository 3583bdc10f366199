"""Whether bf16 pays for a GAN on this CPU: how much faster its steps are than in float32, and how far off.

torch has convolutions in bf16 that are 4 to 16 times slower on CPUs than in float32, and had one that was wrong
(issues 183815 and 169688 of pytorch). So both are measured, with the GAN's own networks, images and batches.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from torch import Tensor

from gan_study.trainables.gans.precision import Precision
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData

# Less is not worth numbers that differ from those of float32.
LEAST_SPEEDUP = 1.15
# The relative error of one rounding to bf16's eight significant bits.
ROUNDING = 2.0**-8
# A generator's gradient passes both networks forward and back, some twenty layers, with three roundings each: of
# both factors and of the product. So sixty roundings that all point the same way make a quarter; a wrong
# convolution makes an error of about one.
MOST_ERROR = 64 * ROUNDING
# Every step begins with the errors of those before, and GANs amplify them: after sixteen steps the images of
# `projection_sngan` were off by 0.63.
RUN_STEPS = 8
PRECISIONS: tuple[Precision, Precision] = ("float32", "bf16")
_MOST_STEPS, _NUM_IMAGES, _MOST_LETTERS = 50, 64, 200


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Bf16 compared with float32; the errors are the largest relative ones."""

    speedup: float = 0.0
    """How many times faster a step is in bf16."""
    step_error: float = float("nan")
    """Of losses, generated images and gradients after the first step."""
    run_error: float = float("nan")
    """Of losses and generated images after RUN_STEPS."""
    failure: str | None = None
    """Why it cannot be computed in bf16."""

    @property
    def precision(self) -> Precision:
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


class MeasuredTraining:
    """A GAN in training: the processor seconds and the losses [2] of its latest step."""

    def __init__(self, trainer: GanTrainer) -> None:
        self.trainer = trainer
        self.seconds, self.losses = 0.0, torch.empty(0)

    def step(self) -> None:
        """Take a generator step, and the discriminator's steps before it."""
        began = process_time()
        of_each = self.trainer.take_steps(islice(self.trainer.batches, self.trainer.settings.discriminator_steps))
        self.losses = torch.stack([losses[-1] for losses in of_each])
        self.seconds = process_time() - began

    def images(self) -> Tensor:
        """Some images of the generator, from the same latents every time."""
        trainer = self.trainer
        labels, latent_size = trainer.data.labels[:_NUM_IMAGES], trainer.settings.latent_size
        return sample(trainer.networks.generator, labels, latent_size, seed=0)

    def gradients(self) -> Iterator[Tensor]:
        """The gradients of each network's latest step, as one vector."""
        for network in (self.trainer.networks.generator, self.trainer.networks.discriminator):
            yield torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])


def compare_precisions(
    variant: GanVariant, settings: GanSettings, data: TrainingData, *, seconds: float
) -> Comparison:
    """Bf16 compared with float32 for this GAN on the CPU that holds `data`.

    Their steps alternate, and processor time is measured, so that other work on the machine does not decide.
    Takes about `seconds`, but at least RUN_STEPS steps in each precision. A warm start is left out.
    """
    exact, rounded = (
        MeasuredTraining(GanTrainer(variant, replace(settings, precision=precision), data, seed=0))
        for precision in PRECISIONS
    )
    began, speedups = perf_counter(), list[float]()
    errors: dict[int, float] = {}
    while len(speedups) < RUN_STEPS or (perf_counter() - began < seconds and len(speedups) < _MOST_STEPS):
        exact.step()
        try:
            rounded.step()
        except RuntimeError as error:
            return Comparison(failure=" ".join(str(error).split())[:_MOST_LETTERS])
        speedups.append(exact.seconds / rounded.seconds)
        if len(speedups) == 1:
            errors[1] = max_error([training_error(exact, rounded), *gradient_errors(exact, rounded)])
        if len(speedups) == RUN_STEPS:
            errors[RUN_STEPS] = training_error(exact, rounded)
    # The first step also prepares the library's kernels.
    return Comparison(speedup=median(speedups[1:]), step_error=errors[1], run_error=errors[RUN_STEPS])


def training_error(exact: MeasuredTraining, rounded: MeasuredTraining) -> float:
    """The larger error of losses and images."""
    # A critic's loss may be any small number: below one its error counts as it is.
    of_losses = (rounded.losses - exact.losses).abs() / exact.losses.abs().clamp(min=1.0)
    return max_error([*of_losses.tolist(), relative_error(exact.images(), rounded.images())])


def gradient_errors(exact: MeasuredTraining, rounded: MeasuredTraining) -> list[float]:
    """The error of each network's gradients."""
    return list(map(relative_error, exact.gradients(), rounded.gradients()))


def relative_error(exact: Tensor, rounded: Tensor) -> float:
    """The norm of the difference, relative to the norm of `exact`."""
    return float((rounded - exact).norm() / exact.norm())


def max_error(errors: Iterable[float]) -> float:
    """The largest; NaN if one of them is."""
    return float(np.max(list(errors)))
