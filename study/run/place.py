"""Where a study's trials run, on what device, and what they cost there."""

from collections.abc import Mapping
from dataclasses import dataclass

from gan_study.study.plan.config import Ratio, StudyConfig
from gan_study.study.plan.costs import Workload
from gan_study.study.plan.time_plan import Machine, Plan, forecast_of, plan_within
from gan_study.study.run import data_checks
from gan_study.study.run.cluster import Room, room_for_trials
from gan_study.study.run.options import RunOptions
from gan_study.study.run.plugins import check_in_workers
from gan_study.study.run.probe import (
    MOST_SECONDS,
    MOST_SHARE_OF_BUDGET,
    ProbeError,
    measure_slowness,
    probe,
)
from gan_study.study.watch.outlook import SHORTEST_SCALE, Outlook
from gan_study.study.watch.terminal import say
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.trial.data import TrialParts
from gan_study.trainables.trial.trainable import SharedImages, share


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a study's trials run, and on what device."""

    room: Room
    images: SharedImages
    parts: Mapping[Ratio, TrialParts]

    @property
    def imbalance_ratios(self) -> dict[Ratio, float]:
        """Largest over smallest class count at each of the study's ratios."""
        return {ratio: parts.imbalance_ratio for ratio, parts in self.parts.items()}

    @property
    def workloads(self) -> dict[Ratio, Workload]:
        """How many images a trial has at each of the study's ratios."""
        num_test = sum(self.images.test_counts)
        return {ratio: data_checks.workload(parts, num_test) for ratio, parts in self.parts.items()}


def find_place(config: StudyConfig, parts: Mapping[Ratio, TrialParts], options: RunOptions) -> Place:
    """Where the trials of `config` run; raises UserError if its plugins are not available there."""
    room = room_for_trials(config.resources, options.address)
    check_in_workers(config, room)
    return Place(room=room, images=share(image_source(config.data)), parts=parts)


def probe_place(
    config: StudyConfig, place: Place, options: RunOptions, *, seconds: float = MOST_SECONDS
) -> Machine | None:
    """What trials cost there, measured within at most this many seconds.

    None if its machines have not been started, and for a study that takes hardly longer than the measurement, if
    its time is not requested. If it fails, callers that need the time get ProbeError; the others print the reason
    and continue.
    """
    is_asked = seconds == MOST_SECONDS or options.time_budget_seconds is not None
    is_short = config.scale == SHORTEST_SCALE and not is_asked
    if place.room.grows or is_short:
        return None
    if options.time_budget_seconds is not None:
        seconds = min(MOST_SECONDS, MOST_SHARE_OF_BUDGET * options.time_budget_seconds)
    say(options.console, f"Measuring a few trainings, at most {seconds:.0f} s")
    try:
        speeds = probe(config, place.images, place.room, seconds=seconds)
    except ProbeError as error:
        if is_asked:
            raise
        say(options.console, f"The duration is not known: {error}")
        return None
    return Machine(
        speeds=speeds,
        workloads=place.workloads,
        num_workers=place.room.num_workers,
        slowness=measure_slowness(),
    )


def look_ahead(config: StudyConfig, place: Place, machine: Machine | None, options: RunOptions) -> Outlook:
    """What the study will do, and how long that takes if the costs of trials on the `machine` are known."""
    seconds, plan, forecast = options.seconds_left(), Plan(config=config), None
    if machine is not None:
        if seconds is not None:
            plan = plan_within(config, machine, seconds)
        forecast = forecast_of(plan, machine)
    return Outlook(
        plan=plan,
        workloads=place.workloads,
        num_workers=place.room.num_workers,
        forecast=forecast,
        seconds_left=seconds,
    )
