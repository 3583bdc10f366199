"""Whole studies through the real planner, with trials that are made up and workers that may be taken away.

A setting's true gain is known. What a trial would measure is drawn around it, with the spreads that were measured
on real sets.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from pydantic import JsonValue

from benchmarks.workers import Nodes, Workers
from gan_study.search_spaces.space import BALANCER, Space
from gan_study.search_spaces.unit_cube import to_unit_cube
from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.decisions import Decision
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.rounds import Questions
from gan_study.study.plan.selection import ClosedSearch
from gan_study.study.plan.trials import PlannedTrial
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import GanSettings
from gan_study.trainables.records.record import GeneratedImages, Milestone, Part, TrialRecord
from gan_study.trainables.trial.config import gan_settings
from gan_study.trainables.trial.outcome import failed_record, pruned_record

UNBALANCED = 0.5
# Standard deviation of the hill in the unit cube: a twelfth of the cube lies on its upper half.
HILL_WIDTH = 0.35
# Standard deviation of its top about the default in each direction: defaults are somebody's good choice.
TOP_SPREAD = 0.3


@dataclass(frozen=True, kw_only=True)
class Spreads:
    """Standard deviations of a validation score, as measured on the quickstart and on Fashion-MNIST."""

    fit: float = 0.020
    """Between classifiers fitted to one set."""
    gan: float = 0.010
    """Between GANs of one setting that differ in their seed."""
    setting: float = 0.015
    """Between splits, of one setting: what refits do not average away."""


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """True gains over no balancing: a hill in the unit cube whose top is `room` above the variant's default."""

    space: Space
    default: Mapping[str, Scalar]
    optimum: Mapping[str, float]
    """Where the top is, by key, in the unit cube."""
    room: float
    default_gain: float = 0.05
    default_length: int
    lowest: float = -0.25
    """The gain of a GAN that makes noise."""
    spreads: Spreads = Spreads()

    def true_gain(self, params: Mapping[str, Scalar], length: int) -> float:
        """The gain of a setting whose GAN is trained for `length` steps, on average over splits and seeds."""
        end = self.default_gain + self.room * (self._height(params) - self._start) / (1 - self._start)
        # Without training it makes noise; what goes beyond its own length adds nothing.
        trained = (1 - math.exp(-3 * length / self.default_length)) / (1 - math.exp(-3))
        return self.lowest + (end - self.lowest) * min(1.0, trained)

    @cached_property
    def _start(self) -> float:
        return self._height(self.default)

    def _height(self, params: Mapping[str, Scalar]) -> float:
        """How high up the hill a point is: 1 at the top, and nearly 0 far away."""
        return math.exp(-(self.distance(params) ** 2) / (2 * HILL_WIDTH**2))

    def distance(self, params: Mapping[str, Scalar]) -> float:
        """Between a point and the top, in the unit cube."""
        parameters = {key: self.space.parameters[key] for key in sorted(self.optimum)}
        place = to_unit_cube(replace(self.space, parameters=parameters), params)
        return math.dist(place, [self.optimum[key] for key in parameters])

    def score(self, params: Mapping[str, Scalar], length: int, *, seed: int, fits: int, world: int) -> float:
        """What a trial measures on validation images, less what no balancing scores in the split on average."""
        name = ",".join(f"{key}={params[key]}" for key in sorted(params))
        spreads = self.spreads
        chance = spreads.setting * _normal(world, "setting", seed, name)
        chance += spreads.gan * _normal(world, "gan", seed, name)
        chance += spreads.fit * _normal(world, "fits", seed, name, length, fits) / math.sqrt(fits)
        return self.true_gain(params, length) + chance


def _normal(world: int, *purpose: str | int) -> float:
    return float(numpy_generator(world, *purpose).standard_normal())


@dataclass(kw_only=True)
class Simulated:
    """A study that has run: what it left, and how busy its workers were while it searched."""

    records: dict[str, TrialRecord] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    closed: ClosedSearch | None = None
    gan_steps: int = 0
    """Of the search, last round included."""
    busy: float = 0.0
    """Share of the workers' time that was used until the last trial of the search had ended."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Trials made up: a landscape for each variant, and a seed of all that is left to chance."""

    landscapes: Mapping[str, Landscape]
    seed: int

    def score(self, trial: PlannedTrial, length: int, *, fits: int) -> float:
        """The validation score of a trial whose GAN has been trained for `length` steps."""
        split = 0.03 * _normal(self.seed, "split", trial.config.seed)
        if trial.config.balancing.name not in self.landscapes:
            none = self.landscapes[next(iter(self.landscapes))].spreads
            chance = none.setting * _normal(self.seed, "none", trial.config.seed)
            chance += none.fit * _normal(self.seed, "none fits", trial.config.seed) / math.sqrt(fits)
            return UNBALANCED + split + chance
        landscape, params = self.landscapes[trial.config.balancing.name], self.params_of(trial)
        gain = landscape.score(params, length, seed=trial.config.seed, fits=fits, world=self.seed)
        return UNBALANCED + split + gain

    def params_of(self, trial: PlannedTrial) -> dict[str, Scalar]:
        """The point that a trial runs, without its length."""
        landscape = self.landscapes[trial.config.balancing.name]
        params = landscape.default if trial.purpose.search is None else trial.purpose.search.params
        # A default may lie outside the range.
        return {key: params.get(key, landscape.default[key]) for key in landscape.optimum}


def run_study(
    config: StudyConfig,
    world: World,
    *,
    nodes: Nodes,
    sigma: float = 0.5,
    confirms: bool = False,
    keep: Callable[[TrialRecord], TrialRecord] = lambda record: record,
) -> Simulated:
    """The study `config` in a made-up world, on `nodes` whose trials take lognormal times.

    Unless it `confirms`, it ends with its search. `keep` returns what the driver holds of a record.
    """
    found, workers, lost = Simulated(), Workers[_Underway](nodes, seed=world.seed), deque[_Underway]()
    planner = Planner(
        config,
        record_of=found.records.get,
        decisions=(),
        keep_decision=found.decisions.append,
        closed=None,
        keep=lambda closed: setattr(found, "closed", closed),
        may_search=lambda num_trials: True,
        rounds=None,
        keep_rounds=lambda rounds: None,
        questions=_NO_QUESTIONS,
    )
    while found.closed is None or confirms:
        if workers.are_free and lost:
            workers.begin(lost.popleft())
            continue
        planned = planner.next() if workers.are_free else Pause.WAIT
        if planned is Pause.DONE:
            break
        if isinstance(planned, PlannedTrial):
            if found.closed is not None and not confirms:
                break
            workers.begin(_Underway(planned, world, sigma=sigma))
            continue
        event = workers.wait()
        if isinstance(event, list):
            lost.extend(event)
            continue
        number, underway = event
        record = underway.advance(planner)
        if record is None:
            workers.go_on(number)
            continue
        workers.end(number)
        found.records[record.trial_id] = keep(record)
        if record.phase == "search":
            found.gan_steps += underway.length
            found.busy = workers.used / workers.offered
    return found


class _Underway:
    """A trial that runs: its milestones, and its end."""

    def __init__(self, trial: PlannedTrial, world: World, *, sigma: float) -> None:
        self.trial, self._world = trial, world
        gan = gan_settings(trial.config.balancing)
        self._stops = [*gan.milestones, length_of(gan)] if gan else [1]
        self._reached: list[Milestone] = []
        self._since, self._first_step = 0.0, 0
        # Simple methods and no balancing train no GAN: a tenth of the time (quickstart: 0.46 s of 6.4 s a trial).
        self._seconds = (1.0 if gan else 0.1) * float(np.exp(sigma * _normal(world.seed, "time", trial.trial_id)))

    @property
    def length(self) -> int:
        """Steps so far."""
        return self._stops[len(self._reached) - 1] if self._is_stopped else self._stops[-1]

    _is_stopped = False

    def begin(self, clock: float) -> None:
        """Begin, or go on from the last milestone, whose state is stored."""
        self._since, self._first_step = clock, self._stops[len(self._reached) - 1] if self._reached else 0

    def next_time(self) -> float:
        """When it comes to its next milestone, or to its end."""
        steps = self._stops[len(self._reached)] - self._first_step
        return self._since + self._seconds * steps / self._stops[-1]

    def advance(self, planner: Planner) -> TrialRecord | None:
        """Come to the next milestone, or to the end: its record then."""
        trial, world = self.trial, self._world
        length, baseline = self._stops[len(self._reached)], trial.purpose.baseline
        if length != self._stops[-1]:
            assert baseline is not None
            objective = world.score(trial, length, fits=1) - baseline
            milestone = Milestone(generator_steps=length, objective=objective)
            self._reached.append(milestone)
            judgement = planner.judge(trial.trial_id, milestone)
            if judgement is None or judgement.goes_on:
                return None
            self._is_stopped = True
            return pruned_record(
                trial.config,
                trial.purpose,
                milestones=tuple(self._reached),
                imbalance_ratio=trial.arm.ratio or 1.0,
            )
        fits = trial.config.evaluation.fits
        score = world.score(trial, length, fits=fits)
        parts: tuple[Part, ...] = ("validation", "test") if trial.config.evaluation.test else ("validation",)
        blank = failed_record(trial.config, trial.purpose, reason="", imbalance_ratio=trial.arm.ratio or 1.0)
        rung = len(self._reached) or None
        return replace(
            blank,
            status="complete",
            failure=None,
            search=None if blank.search is None else replace(blank.search, rung=rung),
            scores={part: {"minority_f1": score} for part in parts},
            objective=None if baseline is None else score - baseline,
            milestones=tuple(self._reached),
            num_fits=fits,
            generated=GeneratedImages() if gan_settings(trial.config.balancing) else None,
            fit_spread=Spreads().fit if fits > 1 else None,
            seconds={"data": 0.0, "balancing": self._seconds, "classifier": 0.1},
        )


_NO_QUESTIONS = Questions(open_arms=frozenset, is_decided=lambda: True, has_time_for=lambda balancers: False)


def length_of(gan: GanSettings) -> int:
    """The generator steps of a GAN that does not end by itself."""
    assert gan.generator_steps is not None and gan.most_generator_steps is None
    return gan.generator_steps


def study_of(variants: Sequence[str], trials: int, **search: JsonValue) -> StudyConfig:
    """A study of `variants` with five settings each: length, learning rate, momentum, batch size and dose."""
    parameters: dict[str, JsonValue] = {
        BALANCER: {"kind": "choice", "options": list(variants)},
        "balancing/dose": {"kind": "float", "low": 0.25, "high": 1.0},
        "balancing/gan/beta1": {"kind": "float", "low": 0.0, "high": 0.9},
        "balancing/gan/batch_size": {"kind": "int", "low": 8, "high": 128, "log": True},
    }
    return parse_study(
        {
            "name": "simulated",
            "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["0"]},
            "baselines": [],
            # Exactly so many steps: a landscape has no trainings that end by themselves.
            "balancers": {
                name: {"gan": {"generator_steps": VARIANTS[name].defaults.generator_steps}} for name in variants
            },
            "search": {"trials": trials, "parameters": parameters, **search},
            "confirm": {"seeds": [1, 2, 3, 4, 5], "fits": 1},
        }
    )


def landscape_of(
    config: StudyConfig, variant: str, *, room: float, seed: int, default_gain: float = 0.05
) -> Landscape:
    """A landscape of a variant with its top at a random place around the default, at least 0.2 away from it."""
    space, gan = config.space(), gan_settings(config.balancing_by(variant))
    assert gan is not None
    default: dict[str, Scalar] = {
        "balancing/dose": 1.0,
        "balancing/gan/batch_size": gan.batch_size,
        "balancing/gan/beta1": gan.beta1,
        "balancing/gan/learning_rate": gan.learning_rate,
    }
    rng = numpy_generator(seed, "landscape", variant)
    parameters = {key: space.parameters[key] for key in default}
    place = to_unit_cube(replace(space, parameters=parameters), default)
    while True:
        tops = np.clip(place + TOP_SPREAD * rng.standard_normal(len(place)), 0.0, 1.0)
        top = dict(zip(default, map(float, tops), strict=True))
        found = Landscape(
            space=space,
            default=default,
            optimum=top,
            room=room,
            default_gain=default_gain,
            default_length=length_of(gan),
        )
        if found.distance(default) >= 0.2:
            return found
