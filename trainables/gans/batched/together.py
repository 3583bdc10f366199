"""Which GANs are trained side by side: a matter of settings, device and images, never of who asks first."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import tee
from typing import Literal, TypeAlias

import torch
from pydantic import Field

from gan_study.trainables.base.settings import settings
from gan_study.trainables.gans.batched.execution import EAGER, GRAPHED, Execution
from gan_study.trainables.gans.batched.stacked import fits_side_by_side, kind, train_gans
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.training import DivergedError, TrainedEpoch, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData

Way: TypeAlias = Literal["auto", "one_at_a_time", "side_by_side"]

# By device. On CPUs four processes do more than one that trains four side by side. On NVIDIA GPUs neither has been
# measured: whoever does (benchmarks/gpu.py) has this line to change.
BEST_KNOWN: Mapping[str, Way] = {"cpu": "one_at_a_time", "cuda": "one_at_a_time"}


@settings
class GanExecution:
    """How a study's GANs are trained; but for rounding it changes no number.

    With `way` "side_by_side" GANs of the same settings and as many images are one computation, at most `at_once`:
    those of a trial's classes, and those of all seeds that confirm a configuration, which the first of their
    trials trains. "auto" is what is known to be best on the device. With `cuda_graphs` steps are replayed from
    CUDA graphs where the device has them, and taken one by one elsewhere.
    """

    way: Way = "auto"
    at_once: int = Field(default=16, ge=2)
    cuda_graphs: bool = False

    def on(self, device_type: str) -> "GanExecution":
        """The same with the way decided, for "cpu" or "cuda"."""
        return replace(self, way=BEST_KNOWN[device_type]) if self.way == "auto" else self

    def of_steps(self, device: torch.device) -> Execution:
        """How steps are executed on `device`."""
        return GRAPHED if self.cuda_graphs and device.type == "cuda" else EAGER


BY_DEVICE = GanExecution()


@dataclass(frozen=True, kw_only=True, eq=False)
class WantedGan:
    """A GAN that is to be trained: what on, and with a seed that no other has."""

    data: TrainingData
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GanInTraining:
    """The epochs of a GAN to come, and a line for each thing worth knowing of how it is trained."""

    epochs: Iterator[TrainedEpoch]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stack:
    """GANs that are trained side by side, or one."""

    gans: Sequence[WantedGan]
    notes: tuple[str, ...] = ()


def gans_in_training(
    variant: GanVariant,
    settings: GanSettings,
    wanted: Sequence[WantedGan],
    *,
    family: Sequence[WantedGan],
    execution: GanExecution,
    at: Collection[int],
    checkpoints: Checkpoints | None,
) -> list[GanInTraining]:
    """Each of `wanted` after each epoch of `at` and the last; ask them in turn, since some may go on together.

    `family` are all that may be trained side by side, the wanted ones among them, in an order that is the same
    whoever asks: so the same ones are always put together, and no number depends on who came first. What is
    trained for others stays in `checkpoints`. The iterator of a GAN that diverges raises DivergedError, no other.
    """
    device = wanted[0].data.images.device
    by_steps = execution.of_steps(device)
    by_graphs = () if by_steps is EAGER else (f"steps of GANs were replayed from {by_steps.name}s",)
    found: dict[int, GanInTraining] = {}
    for stack in _stacks(variant, settings, family, execution.on(device.type)):
        seeds = [gan.seed for gan in stack.gans]
        own = [gan.seed for gan in wanted if gan.seed in seeds]
        if not own:
            continue
        kept = checkpoints
        if kept is not None and len(own) < len(seeds):
            kept = replace(kept, epochs=kept.epochs.union(at, {settings.epochs}))
        outcomes = _trained(variant, settings, stack.gans, at=at, checkpoints=kept, execution=by_steps)
        for seed, each in zip(own, tee(outcomes, len(own)), strict=True):
            epochs = _epochs_of(each, seeds.index(seed))
            found[seed] = GanInTraining(epochs=epochs, notes=(*stack.notes, *by_graphs))
    return [found[gan.seed] for gan in wanted]


def _stacks(
    variant: GanVariant, settings: GanSettings, family: Sequence[WantedGan], execution: GanExecution
) -> list[_Stack]:
    if execution.way == "one_at_a_time":
        return [_Stack(gans=[gan]) for gan in family]
    if not fits_side_by_side(variant, settings, family[0].data):
        notes = ("GANs were trained one at a time: batch norm in bf16 cannot be computed side by side",)
        return [_Stack(gans=[gan], notes=notes) for gan in family]
    alike: dict[Hashable, list[WantedGan]] = defaultdict(list)
    for gan in family:
        alike[kind(gan.data)].append(gan)
    most = execution.at_once
    stacks = [gans[first : first + most] for gans in alike.values() for first in range(0, len(gans), most)]
    return [_Stack(gans=gans, notes=_notes(len(gans), among=len(family))) for gans in stacks]


def _notes(number: int, *, among: int) -> tuple[str, ...]:
    if number > 1:
        return (f"{number} GANs were trained side by side; the first trial of them took the time of all",)
    return ("a GAN was trained by itself: no other was left that has as many images",) if among > 1 else ()


def _trained(
    variant: GanVariant,
    settings: GanSettings,
    gans: Sequence[WantedGan],
    *,
    at: Collection[int],
    checkpoints: Checkpoints | None,
    execution: Execution,
) -> Iterator[tuple[TrainedEpoch | DivergedError, ...]]:
    data, seeds = [gan.data for gan in gans], [gan.seed for gan in gans]
    if len(gans) > 1:
        yield from train_gans(
            variant, settings, data, seeds=seeds, at=at, checkpoints=checkpoints, execution=execution
        )
        return
    for state in train_gan(
        variant, settings, data[0], seed=seeds[0], at=at, checkpoints=checkpoints, execution=execution
    ):
        yield (state,)


def _epochs_of(
    outcomes: Iterator[tuple[TrainedEpoch | DivergedError, ...]], number: int
) -> Iterator[TrainedEpoch]:
    """What becomes of the GAN of that number; raises DivergedError if that is it."""
    for of_all in outcomes:
        outcome = of_all[number]
        if isinstance(outcome, DivergedError):
            raise outcome
        yield outcome
