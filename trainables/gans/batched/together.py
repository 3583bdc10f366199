"""Which GANs are trained as one computation: decided by settings, device and images, never by who asks first."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import tee

from gan_study.trainables.gans.batched import GanExecution
from gan_study.trainables.gans.batched.cuda_graphs import CUDA_GRAPHS, Recorder, train_recorded_gan
from gan_study.trainables.gans.batched.stacked import can_be_stacked, kind, train_gans
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.training import RunningTraining, TrainedGenerator, WantedTraining
from gan_study.trainables.gans.variant import GanSettings, GanVariant


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stack:
    """GANs that are trained as one computation, or one."""

    gans: Sequence[WantedTraining]
    notes: tuple[str, ...] = ()


def train_together(
    variant: GanVariant,
    settings: GanSettings,
    wanted: Sequence[WantedTraining],
    *,
    members: Sequence[WantedTraining],
    execution: GanExecution,
    checkpoints: Checkpoints | None,
) -> list[RunningTraining]:
    """The states of `train_all`; the batches follow from `members` alone.

    So the same GANs are always trained together, and no number depends on which trial was first. States that are
    trained for other trials remain in `checkpoints`.
    """
    recorder = CUDA_GRAPHS if execution.replays_graphs(wanted[0].data.images.device.type) else None
    graph_notes = (f"steps of GANs were replayed from {recorder.name}s",) if recorder else ()
    found: dict[int, RunningTraining] = {}
    for stack in _stacks(variant, settings, members, execution):
        seeds = [gan.seed for gan in stack.gans]
        own = [gan for gan in wanted if gan.seed in seeds]
        if not own:
            continue
        policy = checkpoints
        if policy is not None and len(own) < len(seeds):
            policy = replace(policy, keeps_looked_at=True)
        outcomes = _train(variant, settings, stack.gans, checkpoints=policy, recorder=recorder)
        for gan, each in zip(own, tee(outcomes, len(own)), strict=True):
            states = _states_of(each, seeds.index(gan.seed))
            found[gan.seed] = RunningTraining(states=states, notes=(*stack.notes, *graph_notes))
    return [found[gan.seed] for gan in wanted]


def _stacks(
    variant: GanVariant, settings: GanSettings, members: Sequence[WantedTraining], execution: GanExecution
) -> list[_Stack]:
    if execution.way == "one_at_a_time":
        return [_Stack(gans=[gan]) for gan in members]
    if not can_be_stacked(variant, settings, members[0].data):
        notes = (
            "GANs were trained one at a time: batch norm in bf16 cannot be computed for several GANs at once",
        )
        return [_Stack(gans=[gan], notes=notes) for gan in members]
    alike: dict[Hashable, list[WantedTraining]] = defaultdict(list)
    for gan in members:
        # A GAN that is looked at less often would otherwise be asked when the others are further.
        alike[kind(gan.data), gan.at].append(gan)
    most = execution.at_once
    stacks = [gans[first : first + most] for gans in alike.values() for first in range(0, len(gans), most)]
    return [_Stack(gans=gans, notes=_notes(len(gans), among=len(members))) for gans in stacks]


def _notes(number: int, *, among: int) -> tuple[str, ...]:
    if number > 1:
        return (f"{number} GANs were trained as one computation; the first trial of them took the time of all",)
    return ("a GAN was trained alone, because no other has as many images",) if among > 1 else ()


def _train(
    variant: GanVariant,
    settings: GanSettings,
    gans: Sequence[WantedTraining],
    *,
    checkpoints: Checkpoints | None,
    recorder: Recorder | None,
) -> Iterator[tuple[TrainedGenerator | DivergedError, ...]]:
    data, seeds, at = [gan.data for gan in gans], [gan.seed for gan in gans], gans[0].at
    if len(gans) > 1:
        yield from train_gans(
            variant, settings, data, seeds=seeds, at=at, checkpoints=checkpoints, recorder=recorder
        )
        return
    for state in train_recorded_gan(
        variant, settings, data[0], seed=seeds[0], at=at, checkpoints=checkpoints, recorder=recorder
    ):
        yield (state,)


def _states_of(
    outcomes: Iterator[tuple[TrainedGenerator | DivergedError, ...]], number: int
) -> Iterator[TrainedGenerator]:
    """The states of the GAN of that number; raises its DivergedError."""
    for of_all in outcomes:
        outcome = of_all[number]
        if isinstance(outcome, DivergedError):
            raise outcome
        yield outcome
