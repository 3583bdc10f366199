"""What a search is worth, on planted landscapes with measured noise: `python -m benchmarks.search`.

Whole studies run through the real planner, trials being made up: a setting's true gain is known, and what a trial
would measure is drawn around it with the spreads that were measured on real sets. So it can be said how often a
search chooses what is worse than the default, how much it gains, for how many GAN steps, and how far its score is
off. The tables go into docs/benchmarks.md.
"""

import argparse
import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import count, product
from statistics import fmean, stdev

import numpy as np
from optuna.trial import FrozenTrial, create_trial
from pydantic import JsonValue

from benchmarks.page import put_lines
from gan_study.search_spaces.optuna_adapter import distribution
from gan_study.search_spaces.space import BALANCER, Space
from gan_study.search_spaces.unit_cube import to_unit_cube
from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.decisions import Decision
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.rounds import Questions
from gan_study.study.plan.searcher import suggestion
from gan_study.study.plan.selection import ClosedSearch
from gan_study.study.plan.trials import PlannedTrial
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import GanSettings
from gan_study.trainables.records.record import GeneratedImages, Milestone, TrialRecord
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
    num_workers: int,
    sigma: float = 0.5,
    confirms: bool = False,
) -> Simulated:
    """The study `config` in a made-up world, on `num_workers` whose trials take lognormal times.

    Unless it `confirms`, it ends with its search.
    """
    found, clock, used = Simulated(), 0.0, 0.0
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
    order, running = count(), list[tuple[float, int, "_Underway"]]()
    ended_searching = 0.0
    while found.closed is None or confirms:
        planned = planner.next() if len(running) < num_workers else Pause.WAIT
        if planned is Pause.DONE:
            break
        if isinstance(planned, PlannedTrial):
            if found.closed is not None and not confirms:
                break
            heapq.heappush(running, (clock, next(order), _Underway(planned, world, began=clock, sigma=sigma)))
            clock_of = heapq.heappop(running)
            heapq.heappush(running, (clock_of[2].next_time(), clock_of[1], clock_of[2]))
            continue
        assert running, "the planner waits for nothing"
        clock, number, underway = heapq.heappop(running)
        record = underway.advance(planner)
        if record is None:
            heapq.heappush(running, (underway.next_time(), number, underway))
            continue
        found.records[record.trial_id] = record
        used += clock - underway.began
        if record.phase == "search":
            found.gan_steps += underway.length
            ended_searching, used_searching = clock, used + sum(clock - each.began for _, _, each in running)
            found.busy = used_searching / (num_workers * ended_searching)
    return found


class _Underway:
    """A trial that runs: its milestones, and its end."""

    def __init__(self, trial: PlannedTrial, world: World, *, began: float, sigma: float) -> None:
        self.trial, self.began, self._world = trial, began, world
        gan = gan_settings(trial.config.balancing)
        self._stops = [*gan.milestones, length_of(gan)] if gan else [1]
        self._reached: list[Milestone] = []
        # Simple methods and no balancing train no GAN: a tenth of the time (quickstart: 0.46 s of 6.4 s a trial).
        self._seconds = (1.0 if gan else 0.1) * float(np.exp(sigma * _normal(world.seed, "time", trial.trial_id)))

    @property
    def length(self) -> int:
        """Steps so far."""
        return self._stops[len(self._reached) - 1] if self._is_stopped else self._stops[-1]

    _is_stopped = False

    def next_time(self) -> float:
        """When it comes to its next milestone, or to its end."""
        return self.began + self._seconds * self._stops[len(self._reached)] / self._stops[-1]

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
        blank = failed_record(trial.config, trial.purpose, reason="", imbalance_ratio=trial.arm.ratio or 1.0)
        return replace(
            blank,
            status="complete",
            failure=None,
            scores={"validation": {"minority_f1": score}},
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


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one search came to, gains being over the default."""

    gain: float
    """The true gain of what was chosen."""
    optimism: float
    """How much too high the score is that is reported for it."""
    gan_steps: float
    """Steps of all GANs, the length of the default being 1."""


def this_search(world: int, rooms: tuple[float, float], trials: int) -> Found:
    """A search by the product's planner, race, last round and check included."""
    config = study_of([VARIANT], trials)
    landscape = draw_landscape(config, rooms, world)
    found = run_study(config, World(landscapes={VARIANT: landscape}, seed=world), num_workers=1)
    assert found.closed is not None
    (selected,) = found.closed.configurations
    balancer = selected.balancing.dump()
    chosen = {key: _value_at(balancer, key) for key in landscape.optimum}
    gan, reported = gan_settings(selected.balancing), selected.selection.validation_objective
    assert gan is not None
    true = landscape.true_gain(chosen, length_of(gan))
    return Found(
        gain=true - landscape.default_gain,
        # Nothing is reported where nothing was compared.
        optimism=0.0 if reported is None else reported - true,
        gan_steps=found.gan_steps / landscape.default_length,
    )


def best_observed(world: int, rooms: tuple[float, float], trials: int, *, startup_trials: int) -> Found:
    """What had the best score of the default and further full-length trials: random ones, then TPE's."""
    config = study_of([VARIANT], trials)
    landscape, space = draw_landscape(config, rooms, world), config.space()
    (length_key,) = (key for key in space.keys_of(VARIANT) if key not in landscape.optimum)
    fixed: dict[str, Scalar] = {BALANCER: VARIANT}
    history: list[FrozenTrial] = []
    points: list[tuple[float, float, int]] = []
    for number in range(trials):
        point = {**fixed, **landscape.default, length_key: landscape.default_length}
        if number:
            suggested = suggestion(
                space,
                number=number,
                seed=world,
                startup_trials=startup_trials,
                fixed=fixed,
                history=history,
                taken=frozenset(),
            )
            assert suggested is not None
            point = suggested
        length, params = int(point[length_key]), {key: point[key] for key in landscape.optimum}
        score = landscape.score(params, length, seed=0, fits=3, world=world)
        points.append((score, landscape.true_gain(params, length), length))
        ranges = {key: distribution(space.parameters[key]) for key in point}
        history.append(create_trial(value=score, params=dict(point), distributions=ranges))
    score, true, _ = max(points)
    return Found(
        gain=true - landscape.default_gain,
        optimism=score - true,
        gan_steps=sum(length for *_, length in points) / landscape.default_length,
    )


def draw_landscape(config: StudyConfig, rooms: tuple[float, float], world: int) -> Landscape:
    """The landscape of a world: with so much room above the default."""
    room = float(numpy_generator(world, "room").uniform(*rooms))
    return landscape_of(config, VARIANT, room=room, seed=world)


def _value_at(balancing: Mapping[str, JsonValue], key: str) -> Scalar:
    value: JsonValue = dict(balancing)
    for name in key.split("/")[1:]:
        assert isinstance(value, dict)
        value = value[name]
    assert isinstance(value, int | float)
    return value


VARIANT = "dcgan"
ROOMS = {"little, 0.01 to 0.04": (0.01, 0.04), "much, 0.05 to 0.10": (0.05, 0.10)}
SEARCHES: Mapping[str, Callable[[int, tuple[float, float]], Found]] = {
    "the default alone": lambda world, rooms: Found(gain=0.0, optimism=0.0, gan_steps=0.0),
    "0.1.0: best observed of 4, random": partial(best_observed, trials=4, startup_trials=4),
    "0.1.0: best observed of 16, 4 random": partial(best_observed, trials=16, startup_trials=4),
    "full-length TPE: best observed of 32": partial(best_observed, trials=32, startup_trials=10),
    "this search, 25 trials": partial(this_search, trials=25),
    "this search, 35 trials": partial(this_search, trials=35),
}


def search_table(worlds: int) -> Iterator[str]:
    """What each way of searching comes to, a row for each and for little and much room."""
    yield "| room above the default | search | gain | worse than the default | score too high by | GAN steps |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for (room, rooms), (name, search) in product(ROOMS.items(), SEARCHES.items()):
        found = [search(world, rooms) for world in range(worlds)]
        gain, error = fmean(each.gain for each in found), stdev(each.gain for each in found) / worlds**0.5
        worse = fmean(each.gain < -1e-9 for each in found)
        optimism, steps = fmean(each.optimism for each in found), fmean(each.gan_steps for each in found)
        yield (f"| {room} | {name} | {gain:+.4f} ± {error:.4f} | {worse:.0%} | {optimism:+.3f} | {steps:.1f} |")


def busy_table(sizes: Mapping[int, tuple[int, int]]) -> Iterator[str]:
    """How busy workers are while a study of eight variants searches: by number of workers, trials and worlds."""
    yield "| workers | search trials | share of the workers' time that is used | least and most | worlds |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for num_workers, (trials, worlds) in sizes.items():
        for pruning, said in ((None, "full length"), ({}, "with early stops")):
            shares = [busy_share(num_workers, trials, seed=seed, pruning=pruning) for seed in range(worlds)]
            ends = f"{min(shares):.0%}, {max(shares):.0%}" if worlds > 1 else ""
            yield f"| {num_workers} | {trials:,}, {said} | {fmean(shares):.0%} | {ends} | {worlds} |"


EIGHT = ("vanilla_gan", "wgan_gp", "dcgan", "lsgan", "wgan", "dragan", "fc_dcgan", "r3gan")


def busy_share(
    num_workers: int, trials: int, *, seed: int = 0, pruning: dict[str, JsonValue] | None = None
) -> float:
    """The share of the workers' time that is used until the last trial of the search has ended.

    Trials take lognormal times, sigma 0.5.
    """
    config = study_of(EIGHT, trials, pruning=pruning)
    rng = numpy_generator(seed, "variants")
    landscapes = {
        name: landscape_of(config, name, room=0.05, seed=seed, default_gain=float(rng.normal(0.05, 0.03)))
        for name in EIGHT
    }
    return run_study(config, World(landscapes=landscapes, seed=seed), num_workers=num_workers).busy


def main() -> None:
    """Simulate, and put the tables into docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=100, help="searches of each row")
    parser.add_argument("--large", action="store_true", help="512 workers and 5,000 trials too: an hour")
    options = parser.parse_args()
    sizes = {32: (300, 6), **({512: (5_000, 1)} if options.large else {})}
    said = f"{options.worlds} searches a row; gains in F1, ± their standard error."
    until = "Until the last trial of the search has ended, confirmations with five seeds that run meanwhile"
    tables = [said, "", *search_table(options.worlds), "", f"{until} included:", "", *busy_table(sizes)]
    put_lines("benchmarks.md", "search", tables)


if __name__ == "__main__":
    main()
