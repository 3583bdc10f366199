"""How long a study may take, how people write it, and which trials may still start."""

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TypeAlias

from gan_study.study.plan import costs, fixed_costs
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.trials import PlannedTrial
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.records.record import TrialRecord

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
# `costs.py` has 20 s of one free core for what is no trial; the rest is for at least one.
LEAST_SECONDS = 30.0
# A hundred years: what is meant by more is no budget.
MOST_SECONDS = 36500.0 * _UNITS["d"]


def parse_seconds(text: str) -> float:
    """Seconds in "90s", "30m", "1.5h", "2d" or "1h30m"; raises ConfigError for anything else, or for too short a
    time.
    """
    spans = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text.replace(" ", ""))
    if not spans or "".join(number + unit for number, unit in spans) != text.replace(" ", ""):
        raise ConfigError(f"--time-budget {text!r}: write a time such as 90s, 30m, 2h or 1h30m")
    return check_budget(
        sum(float(number) * _UNITS[unit] for number, unit in spans),
        where=repr(text if len(text) < 40 else f"{text[:36]} ..."),
    )


def check_budget(seconds: float, *, where: str) -> float:
    """`seconds`, a study's time budget; raises ConfigError if it is too short for any study, or infinite."""
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise ConfigError(
            f"--time-budget {where}: from {LEAST_SECONDS:g} s, which starting and reporting alone take, to"
            f" {MOST_SECONDS / _UNITS['d']:g} days"
        )
    return seconds


# What begins is to end within the budget itself, and is stopped this much later; the rest of the tenth by which a
# study may be late is for the report.
_LATE_SHARE = 0.04
# So many seconds as predicted stand for what is known of the predictions before the first trial has ended.
_PRIOR_SECONDS = 30.0
# A row of seeds is worth nothing if it does not end, so it begins only if there is this much more time. Simulated
# (tests/study/run/test_time_budget.py) with trials whose durations are lognormal with sigma 0.5.
_ROW_MARGIN = 1.15
# A trial that has run for longer than three quarters of its expected time is taken to need another quarter of it.
_LEAST_SHARE_LEFT = 0.25

# The seconds of trials that nobody has run, in their order.
Predict: TypeAlias = Callable[[Sequence[PlannedTrial]], Sequence[float]]
# Trials underway, each with the seconds since it began.
Running: TypeAlias = Sequence[tuple[PlannedTrial, float]]


def no_prediction(trials: Sequence[PlannedTrial]) -> Sequence[float]:
    """Zeros: if no machine could be measured, only trials that have ended show how long others take."""
    return [0.0] * len(trials)


@dataclass(kw_only=True)
class TimeBudget:
    """Decides which trials may still start, so that a study and its report end in time.

    The expected time of a trial is `predict` times the ratio of actual to predicted time of trials of the same
    balancer in the same phase; without such trials, the time of such trials in an earlier run, or the ratio over
    all trials.
    """

    seconds: float | None
    """From `began_at` to the end of the report; None: without end."""
    num_workers: int
    search: Sequence[PlannedTrial] = ()
    """Representative trials of the search."""
    first_round: Sequence[PlannedTrial] = ()
    """The trials of the confirmation that a search must leave time for."""
    predict: Predict = no_prediction
    machine_slowness: float = 1.0
    """As `Machine.slowness`."""
    clock: Callable[[], float] = time.monotonic
    began_at: float = field(default_factory=time.monotonic)
    _taken: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    _predicted: dict[str, float] = field(default_factory=dict)
    _num_confirmed: int = 0
    _sums: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """Measured and predicted seconds of trials of this run."""

    def ended(self, record: TrialRecord) -> None:
        """Learn from a trial that has ended, in this run or an earlier one."""
        if record.status != "complete":
            return
        taken = sum(record.seconds.values()) + costs.TRIAL_SECONDS
        self._taken[record.phase, record.balancer].append(taken)
        self._num_confirmed += record.phase == "confirm"
        if predicted := self._predicted.get(record.trial_id):
            before = self._sums.get((record.phase, record.balancer), (0.0, 0.0))
            self._sums[record.phase, record.balancer] = (before[0] + taken, before[1] + predicted)

    def began(self, trial: PlannedTrial) -> None:
        """Note the prediction for a trial that starts."""
        if self.seconds is not None:
            (self._predicted[trial.trial_id],) = self.predict([trial])

    @property
    def slowness(self) -> float:
        """The ratio of actual to predicted time of trials."""
        taken = sum(seconds for seconds, _ in self._sums.values())
        predicted = sum(seconds for _, seconds in self._sums.values())
        return (taken + _PRIOR_SECONDS) / (predicted + _PRIOR_SECONDS)

    def report_seconds(self, num_more: int = 0) -> float:
        """The time needed after the last trial, if `num_more` trials are confirmed."""
        slowness = self.machine_slowness * (max(1.0, self.slowness) if any(self._predicted.values()) else 1.0)
        return slowness * (fixed_costs.CLOSE_SECONDS + fixed_costs.report_seconds(self._num_confirmed + num_more))

    def seconds_left(self, num_more: int = 0) -> float:
        """Time left for trials, which must end before the report starts; infinite without a budget."""
        if self.seconds is None:
            return math.inf
        return self.seconds - (self.clock() - self.began_at) - self.report_seconds(num_more)

    def seconds_until_stopped(self) -> float:
        """Time until a running trial is stopped."""
        return self.seconds_left() + _LATE_SHARE * (self.seconds or 0.0)

    def expected(self, trials: Sequence[PlannedTrial]) -> list[float]:
        """The seconds that `trials` take."""
        overall = fmean([each for some in self._taken.values() for each in some] or [0.0])
        slowness = self.slowness

        def expected(trial: PlannedTrial, predicted: float) -> float:
            arm = (trial.purpose.phase, trial.arm.balancer)
            if arm in self._sums:
                taken, said = self._sums[arm]
                return predicted * taken / said
            return fmean(self._taken.get(arm) or [predicted * slowness or overall])

        return list(map(expected, trials, self.predict(trials)))

    def may_search(self, running: Running, num_trials: int = 1) -> bool:
        """Whether this many more search trials and then the whole first round end in time."""
        if self.seconds is None:
            return True
        more = [fmean(self.expected(self.search) or [0.0])] * num_trials
        search = costs.makespan([*self._to_go(running), *more], self.num_workers)
        first_round = costs.makespan(self.expected(self.first_round), self.num_workers)
        return search + _ROW_MARGIN * first_round <= self.seconds_left(len(self.first_round))

    def may_begin(self, trials: Sequence[PlannedTrial], running: Running) -> bool:
        """Whether all of `trials` end in time beside the running ones."""
        if self.seconds is None:
            return True
        margin = 1.0 if len(trials) == 1 else _ROW_MARGIN
        more = [margin * each for each in self.expected(trials)]
        needed = costs.makespan([*self._to_go(running), *more], self.num_workers)
        return needed <= self.seconds_left(len(trials))

    def has_time_for(self, balancers: Sequence[str]) -> bool:
        """Whether a confirmed trial of each of `balancers` ends in time, given its average time so far."""
        if self.seconds is None:
            return True
        confirmed = {name: some for (phase, name), some in self._taken.items() if phase == "confirm"}
        overall = fmean([each for some in confirmed.values() for each in some] or [0.0])
        needed = [fmean(confirmed.get(name) or [overall]) for name in balancers]
        return _ROW_MARGIN * costs.makespan(needed, self.num_workers) <= self.seconds_left(len(balancers))

    def _to_go(self, running: Running) -> list[float]:
        """The seconds that trials still need that have run for so long."""
        expected = self.expected([trial for trial, _ in running])
        return [
            max(whole - since, _LEAST_SHARE_LEFT * whole)
            for whole, (_, since) in zip(expected, running, strict=True)
        ]


@dataclass
class TimeGate:
    """Between a planner and the code that runs its trials: passes those that end in time, and notes the others.

    In the confirmation either all arms start a seed or none does, since gains are differences of pairs. The first
    seed of a run starts trial by trial nevertheless: a run that is too short for a whole seed would otherwise add
    nothing.
    """

    budget: TimeBudget
    not_begun: list[PlannedTrial] = field(default_factory=list)
    stopped: list[PlannedTrial] = field(default_factory=list)
    """Trials that were still running when the time was over."""
    is_search_cut: bool = False
    """Whether there was not enough time for the whole search."""
    is_round_cut: bool = False
    """Whether there was not enough time for another round of seeds."""
    _rows: list[tuple[int, int]] = field(default_factory=list)

    def next(self, planner: Planner, running: Running) -> PlannedTrial | Pause:
        """The planner's next trial that ends in time, or why there is none."""
        while isinstance(planned := planner.next(), PlannedTrial):
            if self._may_begin(planned, planner, running):
                self.budget.began(planned)
                return planned
            self.not_begun.append(planned)
        # The planner waits for what did not begin, and for what was stopped.
        is_over = bool(self.not_begun or self.stopped) and not running
        return Pause.DONE if is_over else planned

    def may_search(self, running: Running, num_trials: int = 1) -> bool:
        """Whether there is time for this many more search trials."""
        has_time = self.budget.may_search(running, num_trials)
        self.is_search_cut |= not has_time
        return has_time

    def has_time_for(self, balancers: Sequence[str]) -> bool:
        """Whether there is time for a further round, with a trial of each of `balancers`."""
        has_time = self.budget.has_time_for(balancers)
        self.is_round_cut |= not has_time
        return has_time

    def cuts(self, *, num_searched: int) -> tuple[str, ...]:
        """What there was no time for, one sentence each without its end."""
        by_phase: dict[str, list[PlannedTrial]] = {"baseline": [], "search": [], "confirm": []}
        for trial in self.not_begun:
            by_phase[trial.purpose.phase].append(trial)
        seeds = ", ".join(map(str, sorted({trial.config.seed for trial in by_phase["confirm"]})))
        confirm, stopped = len(by_phase["confirm"]), len(self.stopped)
        said = {
            f"the search ended after {_count(num_searched, 'trial')}": self.is_search_cut,
            f"{_count(len(by_phase['baseline']), 'baseline')} did not begin": by_phase["baseline"],
            f"{_count(len(by_phase['search']), 'chosen search trial')} did not begin": by_phase["search"],
            f"{_count(confirm, 'trial')} of the confirmation did not start (seeds {seeds})": confirm,
            "a further round of seeds did not start": self.is_round_cut,
            f"{_count(stopped, 'trial')} still running when time was up": stopped,
        }
        return tuple(sentence for sentence, is_so in said.items() if is_so)

    def _may_begin(self, trial: PlannedTrial, planner: Planner, running: Running) -> bool:
        row = _row_of(trial)
        if row is None or row in self._rows[:1] or not self._rows:
            self._rows += [row] if row is not None and not self._rows else []
            return self.budget.may_begin([trial], running)
        if row in self._rows:
            return True
        rest = [each for each in planner.to_confirm() if _row_of(each) == row]
        is_begun = not any(map(_row_of, self.not_begun)) and self.budget.may_begin([trial, *rest], running)
        self._rows += [row] if is_begun else []
        return is_begun


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _row_of(trial: PlannedTrial) -> tuple[int, int] | None:
    """The round and the seed of a trial of the confirmation."""
    selection = trial.purpose.selection
    return None if selection is None else (selection.round, trial.config.seed)
