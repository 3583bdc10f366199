import math
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest

from gan_study.study.plan import costs, fixed_costs
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.rounds import Questions
from gan_study.study.plan.time_plan import default_selection, plan_within, search_trials, trials_left
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.options import RunOptions
from gan_study.study.run.time_budget import TimeBudget, TimeGate, parse_seconds
from gan_study.trainables.base.settings import ConfigError
from tests.study.plan.test_time_plan import CONFIG, machine
from tests.study.simulation import made_up_record


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("2 d", 172800)],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2x", "2h!", "-2h", "0s", "29s", "0.0001h", "9" * 400 + "s", "9" * 99 + "d"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="--time-budget") as refused:
        parse_seconds(text)
    assert len(str(refused.value)) < 160


@pytest.mark.parametrize("seconds", [0.0, -1.0, 29.9, float("inf"), float("nan")])
def test_a_budget_in_which_nothing_can_be_done_or_that_never_ends_is_refused(seconds):
    with pytest.raises(ConfigError, match="from 30 s"):
        RunOptions(time_budget_seconds=seconds)
    assert RunOptions(time_budget_seconds=30.0).time_budget_seconds == 30


# What is predicted of each trial, and a study whose 9 arms have five seeds.
PREDICTED = 10.0
FIXED = replace(
    CONFIG, search=replace(CONFIG.search, trials=0), confirm=replace(CONFIG.confirm, until="fixed", fits=1)
)
CONFIRMED = trials_left(FIXED)["confirm"]
BESIDE = fixed_costs.CLOSE_SECONDS + fixed_costs.REPORT_SECONDS


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self):
        return self.now


def budget(seconds, *, clock=None, workers=2, **options):
    return TimeBudget(
        seconds=seconds,
        num_workers=workers,
        predict=lambda trials: [PREDICTED] * len(trials),
        clock=clock or Clock(),
        began_at=0.0,
        **options,
    )


def record_of(trial, seconds):
    return replace(made_up_record(trial), seconds={"balancing": seconds - costs.TRIAL_SECONDS})


def test_trials_are_expected_to_take_what_was_predicted_then_what_they_took():
    one, other = CONFIRMED[0], CONFIRMED[1]
    allowed = budget(1000.0)
    assert allowed.expected([one, other]) == [10.0, 10.0]
    allowed.began(one)
    allowed.ended(record_of(one, 50.0))
    # (50 + 30) / (10 + 30): twice as slow as predicted, for a balancer that no trial had.
    assert allowed.expected([one, other]) == pytest.approx([50.0, 20.0])
    allowed.ended(record_of(one, 30.0))
    allowed.ended(replace(record_of(one, 900.0), status="failed"))
    assert allowed.expected([one]) == pytest.approx([40.0])


def test_the_report_is_counted_with_the_trials_that_it_will_be_about():
    allowed = budget(100.0)
    assert allowed.seconds_left() == pytest.approx(100 - BESIDE)
    assert allowed.seconds_left(10) == pytest.approx(100 - BESIDE - 10 * fixed_costs.REPORT_SECONDS_A_TRIAL)
    assert budget(100.0, machine_slowness=2.0).seconds_left() == pytest.approx(100 - 2 * BESIDE)
    assert budget(100.0, clock=Clock(40.0)).seconds_left() == pytest.approx(60 - BESIDE)
    assert budget(None).seconds_left() == math.inf


def test_a_trial_begins_only_if_it_ends_in_time():
    trial, report = CONFIRMED[0], BESIDE + fixed_costs.REPORT_SECONDS_A_TRIAL
    assert budget(report + 10.5).may_begin([trial], [])
    assert not budget(report + 9.5).may_begin([trial], [])
    # Both workers are busy, for 4 s more and for 8 s.
    running = [(CONFIRMED[1], 6.0), (CONFIRMED[2], 2.0)]
    assert budget(report + 14.5).may_begin([trial], running)
    assert not budget(report + 13.5).may_begin([trial], running)
    # One that has run for longer than expected is given a quarter of its time.
    assert budget(report + 12.6).may_begin([trial], [(CONFIRMED[1], 60.0)] * 2)
    assert not budget(report + 12.4).may_begin([trial], [(CONFIRMED[1], 60.0)] * 2)


def test_the_search_leaves_time_for_the_first_round():
    search, first_round = search_trials(CONFIG, 1), CONFIRMED[:6]
    # 10 s for a search trial, then six on two workers with a margin, and their report.
    needed = 10 + 1.15 * 30 + BESIDE + 6 * fixed_costs.REPORT_SECONDS_A_TRIAL
    options = {"search": tuple(search), "first_round": first_round}
    assert budget(needed + 0.1, **options).may_search([])
    assert not budget(needed - 0.1, **options).may_search([])
    assert budget(None, **options).may_search([])


def test_a_further_round_begins_only_if_it_fits_in():
    none, dcgan = (next(t for t in CONFIRMED if t.arm.balancer == name) for name in ("none", "dcgan"))

    def has_time(balancers, seconds):
        allowed = budget(seconds + BESIDE + (3 + len(balancers)) * fixed_costs.REPORT_SECONDS_A_TRIAL)
        for trial, taken in ((none, 2.0), (dcgan, 10.0), (dcgan, 20.0)):
            allowed.ended(record_of(trial, taken))
        return allowed.has_time_for(balancers)

    # 2 s and twice 15 s, one after the other, on two workers; one that was not yet confirmed takes 32 / 3 s.
    for balancers, seconds in ((["none", "dcgan", "dcgan"], 17), (["none", "none", "new"], 2 + 32 / 3)):
        assert has_time(balancers, 1.15 * seconds + 0.1)
        assert not has_time(balancers, 1.15 * seconds - 0.1)


# A whole study on a clock of its own: its search varies no length.
SIMULATED = replace(
    CONFIG,
    search=replace(
        CONFIG.search,
        trials=75,
        parameters={**CONFIG.search.parameters, "balancing/gan/generator_steps": None},
    ),
)


@dataclass
class Run:
    """What became of a study that ran without training, its trials' durations drawn at random."""

    seconds: float = 0.0
    records: dict = field(default_factory=dict)
    stopped: list = field(default_factory=list)
    gate: TimeGate = None

    @property
    def seeds(self):
        """The seeds that each arm was confirmed with."""
        found = {}
        for record in self.records.values():
            if record.phase == "confirm":
                found.setdefault(record.balancer, set()).add(record.seed)
        return found


def run_within(seconds, *, seed, place, bias=1.0, sigma=0.5, config=SIMULATED, records=None):
    """Plan `config` for so many seconds and run it: each trial takes a lognormal share of what is predicted."""
    rng, clock = np.random.default_rng(seed), Clock(place.slowness * 12.0)
    config = plan_within(config, place, seconds - clock.now).config
    predict = partial(costs.loads, workloads=place.workloads, speeds=place.speeds)
    left = trials_left(config, with_rounds=False)
    gate = TimeGate(
        TimeBudget(
            seconds=seconds,
            num_workers=place.num_workers,
            search=tuple(search_trials(config, 3)),
            first_round=tuple(left["confirm"]),
            predict=lambda trials: list(predict(trials)),
            machine_slowness=place.slowness,
            clock=clock,
            began_at=0.0,
        )
    )
    run = Run(gate=gate, records=dict(records or {}))
    underway = []
    planner = Planner(
        config,
        record_of=run.records.get,
        decisions=(),
        keep_decision=lambda decision: None,
        closed=None,
        keep=lambda closed: None,
        may_search=lambda number: gate.may_search([(each[1], clock.now - each[2]) for each in underway], number),
        rounds=None,
        keep_rounds=lambda rounds: None,
        questions=Questions(
            open_arms=lambda: frozenset(t.arm for t in left["confirm"]),
            is_decided=lambda: False,
            has_time_for=gate.has_time_for,
        ),
    )
    clock.now += rng.lognormal(0, 0.2) * place.slowness * fixed_costs.START_SECONDS
    while True:
        running = [(trial, clock.now - began) for _, trial, began, *_ in underway]
        planned = gate.next(planner, running) if len(underway) < place.num_workers else Pause.WAIT
        if planned is Pause.DONE:
            break
        if isinstance(planned, PlannedTrial):
            (predicted,) = predict([planned])
            taken = bias * predicted * rng.lognormal(-(sigma**2) / 2, sigma)
            stop = clock.now + max(0.0, gate.budget.seconds_until_stopped())
            underway.append((min(clock.now + taken, stop), planned, clock.now, taken, clock.now + taken > stop))
            continue
        assert underway, "the study waits for nothing"
        ended = min(underway, key=lambda each: each[0])
        underway.remove(ended)
        clock.now, trial, _, taken, is_stopped = ended
        if is_stopped:
            gate.stopped.append(trial)
            run.stopped.append(trial)
            continue
        run.records[trial.trial_id] = replace(made_up_record(trial), seconds={"balancing": taken})
        gate.budget.ended(run.records[trial.trial_id])
    num_confirmed = len([record for record in run.records.values() if record.phase == "confirm"])
    beside = fixed_costs.CLOSE_SECONDS + fixed_costs.report_seconds(num_confirmed)
    run.seconds = clock.now + rng.lognormal(0, 0.1) * place.slowness * beside
    return run


@pytest.mark.parametrize(("seconds", "speed"), [(180, 0.15), (600, 0.5), (3600, 2.0)])
def test_a_study_ends_within_a_tenth_of_its_budget_whatever_its_trials_take(seconds, speed):
    runs = [
        run_within(seconds, seed=seed, place=machine(slower=speed), bias=bias)
        for seed in range(2)
        for bias in (0.6, 1.6)
    ]
    late = [run.seconds for run in runs if run.seconds > 1.1 * seconds]
    assert late == []
    # And the time is used.
    assert np.mean([run.seconds for run in runs]) > 0.6 * seconds


def test_every_arm_has_the_same_seeds_in_the_end():
    for seed in range(3):
        run = run_within(600, seed=seed, place=machine(slower=0.5), bias=2.0)
        assert len({frozenset(seeds) for seeds in run.seeds.values()}) == 1 or run.stopped
        assert run.gate.cuts(num_searched=0)


def test_a_study_without_a_budget_is_whole():
    place = machine()
    allowed = TimeBudget(seconds=None, num_workers=2)
    gate = TimeGate(allowed)
    run = Run(gate=gate)
    planner = Planner(
        FIXED,
        record_of=run.records.get,
        decisions=(),
        keep_decision=lambda decision: None,
        closed=None,
        keep=lambda closed: None,
        may_search=lambda number: gate.may_search([], number),
        rounds=None,
        keep_rounds=lambda rounds: None,
        questions=Questions(open_arms=frozenset, is_decided=lambda: True, has_time_for=gate.has_time_for),
    )
    while isinstance(planned := gate.next(planner, []), PlannedTrial):
        run.records[planned.trial_id] = made_up_record(planned)
    assert planned is Pause.DONE
    assert len(run.records) == 6 + 9 * 5
    assert gate.cuts(num_searched=0) == ()
    assert place.slowness == 1.0 and default_selection(FIXED).fits == 1
