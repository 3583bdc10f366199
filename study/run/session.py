"""One run of a study: plans trials, records them, and notifies observers."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from gan_study.study.plan.config import Ratio, StudyConfig
from gan_study.study.plan.decisions import RungDecision, limit_seen
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.rounds import Questions, Rounds, read_rounds, write_rounds
from gan_study.study.plan.selection import ClosedSearch, read_selection, write_selection
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run import questions
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.failures import FailureWatch
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore
from gan_study.study.run.time_budget import Running, TimeBudget, TimeGate
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.records.record import Digests, Milestone, TrialRecord
from gan_study.trainables.runtime.environment import code_digest
from gan_study.trainables.runtime.moment import Moment
from gan_study.trainables.trial.outcome import failed_record, pruned_record
from gan_study.trainables.trial.request import OtherCodeError


class Observer(Protocol):
    """An observer of a study; called in the driver, one call at a time."""

    def started(self, trial: PlannedTrial) -> None:
        """A trial has started."""

    def finished(self, record: TrialRecord) -> None:
        """A trial has ended; its record is on disk."""


# How often a trial is rescheduled whose process was gone before it could begin: a machine that is lost takes
# several such processes along, and the trial may be offered one after the other.
MAX_RESCHEDULES = 8


@dataclass
class _Running:
    trial: PlannedTrial
    reschedules: int = 0
    began_at: float | None = None
    milestones: list[Milestone] = field(default_factory=list)
    stopped_by: RungDecision | None = None


class StudySession:
    """Hands out trials and records their results; the single writer of records.

    A record is on disk before anything else learns of it. `imbalance_ratios` gives the largest over smallest class
    count at each of the study's ratios, for the records of trials that failed before they had read their data.
    `on_selection` is called once the search is over, `on_rounds` with each decision on a further round of seeds,
    both after these are on disk. `prior` are the records of another study whose search informs this one.
    `check_sole_driver` raises if another driver may also write to the folder. `study_id` and `data`, the digests
    of the data, are for every record.
    """

    def __init__(
        self,
        config: StudyConfig,
        folder: StudyFolder,
        *,
        view: OptunaView,
        imbalance_ratios: Mapping[Ratio, float],
        budget: TimeBudget,
        observers: Sequence[Observer],
        on_selection: Callable[[], None],
        on_rounds: Callable[[Rounds], None],
        check_sole_driver: Callable[[], None],
        study_id: str,
        data: Digests,
        prior: Sequence[TrialRecord] = (),
    ) -> None:
        patience = config.resources.storage_patience_seconds
        self.records = RecordStore(folder.records, patience_seconds=patience)
        decided = DecisionStore(folder.decisions, patience_seconds=patience)
        self._planner = Planner(
            config,
            record_of=self.records.get,
            decisions=decided.decisions,
            keep_decision=decided.append,
            closed=read_selection(folder.selection),
            keep=self._keep_selection,
            may_search=self._may_search,
            rounds=read_rounds(folder.rounds),
            keep_rounds=self._keep_rounds,
            questions=Questions(
                open_arms=lambda: questions.open_arms(folder.root, imbalance_ratios),
                is_decided=lambda: questions.is_decided(folder.root),
                has_time_for=lambda balancers: self._gate.has_time_for(balancers),
            ),
            prior=prior,
        )
        self._folder, self._patience_seconds = folder, patience
        self._on_selection, self._on_rounds = on_selection, on_rounds
        self._view = view
        self._time_limit = config.resources.trial_time_limit_seconds
        self._view.follow(self.records)
        self._imbalance_ratios = imbalance_ratios
        self._observers = observers
        self._failures = FailureWatch()
        self._check_sole_driver = check_sole_driver
        self._running: dict[str, _Running] = {}
        self._rescheduled: deque[PlannedTrial] = deque()
        self._study_id, self._data = study_id, data
        self._budget, self._gate = budget, TimeGate(budget)
        self.is_over = False
        for record in self.records:
            budget.ended(record)

    def next(self) -> PlannedTrial | Pause:
        """The next trial, which then counts as running, or why there is none."""
        if self._rescheduled:
            return self._rescheduled.popleft()
        planned = self._gate.next(self._planner, self._underway())
        self.is_over = planned is Pause.DONE
        if isinstance(planned, PlannedTrial):
            self._running[planned.trial_id] = _Running(planned)
            if planned.purpose.search is not None:
                self._view.started(planned.trial_id, planned.purpose.search)
        return planned

    def _may_search(self, num_trials: int) -> bool:
        return self._gate.may_search(self._underway(), num_trials)

    def _underway(self) -> Running:
        now = time.monotonic()
        return [
            (each.trial, 0.0 if each.began_at is None else now - each.began_at) for each in self._running.values()
        ]

    @property
    def num_waiting(self) -> int:
        """The trials that were handed out, but that no worker has started."""
        return sum(each.began_at is None for each in self._running.values())

    @property
    def num_in_workers(self) -> int:
        """The trials that workers have started."""
        return len(self._running) - self.num_waiting

    @property
    def ends_at(self) -> Moment | None:
        """When trials that still run are stopped; None: never."""
        seconds = self._budget.seconds_until_stopped()
        return None if seconds == math.inf else Moment.after(seconds)

    @property
    def time_cuts(self) -> tuple[str, ...]:
        """What there was no time for, one sentence each without its end."""
        num_searched = sum(record.search is not None for record in self.records)
        return self._gate.cuts(num_searched=num_searched)

    def _keep_selection(self, closed: ClosedSearch) -> None:
        write_selection(self._folder.selection, closed, patience_seconds=self._patience_seconds)
        self._on_selection()

    def _keep_rounds(self, rounds: Rounds) -> None:
        write_rounds(self._folder.rounds, rounds, patience_seconds=self._patience_seconds)
        self._on_rounds(rounds)

    def ratio_of(self, trial: PlannedTrial) -> float:
        """Largest over smallest class count in a trial's data."""
        return self._imbalance_ratios[trial.arm.ratio]

    def began(self, trial_id: str) -> None:
        """A trial that was handed out has started to run; also after a restart."""
        running = self._running[trial_id]
        if running.began_at is None:
            for observer in self._observers:
                observer.started(running.trial)
        running.began_at = time.monotonic()
        self._planner.began(trial_id)
        # It tells of the whole way once more.
        running.milestones.clear()

    def reschedule(self, trial_id: str) -> bool:
        """Hand out a trial again that could not start; False if this was done MAX_RESCHEDULES times."""
        running = self._running[trial_id]
        running.reschedules += 1
        if is_allowed := running.reschedules <= MAX_RESCHEDULES:
            self._rescheduled.append(running.trial)
        return is_allowed

    def reached(self, trial_id: str, milestone: Milestone) -> bool:
        """Record that a running trial has reached a milestone; returns whether it continues, which is then on
        disk.
        """
        running = self._running[trial_id]
        running.milestones.append(milestone)
        self._view.reached(trial_id, milestone)
        judgement = self._planner.judge(trial_id, milestone)
        if judgement is None or judgement.goes_on:
            return True
        running.stopped_by = judgement
        return False

    def stopped(self, trial_id: str) -> None:
        """A trial has been stopped early, as `reached` returned."""
        running = self._running[trial_id]
        trial, judgement = running.trial, running.stopped_by
        assert judgement is not None, "only a judgement stops a trial"
        record = pruned_record(
            trial.config,
            trial.purpose,
            milestones=tuple(running.milestones),
            imbalance_ratio=self.ratio_of(trial),
            seen=limit_seen(judgement.seen),
        )
        self.ended(record)

    def cut(self, trial_id: str) -> None:
        """A trial has been stopped because the study's time is over: it leaves no record, and can be run again."""
        self._gate.stopped.append(self._running.pop(trial_id).trial)

    def died(self, trial_id: str, reason: str) -> None:
        """A trial's process or machine is gone for good.

        A process that was stuck beyond the time limit cannot report it, but it did not die earlier.
        """
        running, limit = self._running[trial_id], self._time_limit
        trial, began_at = running.trial, running.began_at
        if limit is not None and began_at is not None and time.monotonic() - began_at >= limit:
            reason = f"stuck for longer than {limit:g} s, and killed; {reason}"
        ratio = self.ratio_of(trial)
        self.ended(failed_record(trial.config, trial.purpose, reason=reason, imbalance_ratio=ratio))

    def ended(self, record: TrialRecord) -> None:
        """A trial has ended, with success or not; its record is on disk before any observer is called.

        Raises TooManyFailuresError if most trials of this run fail in the same way, and OtherCodeError, without
        recording, if a worker has run different code.
        """
        self._check_sole_driver()
        if record.digests.code != code_digest():
            # A worker of an early version does not compare.
            raise OtherCodeError(
                f"code {record.digests.code} ran trial {record.trial_id}, here is {code_digest()}"
            )
        digests = replace(record.digests, pool=self._data.pool, test=self._data.test)
        record = replace(record, study_id=self._study_id, digests=digests)
        self.records.append(record)
        self._budget.ended(record)
        del self._running[record.trial_id]
        if record.search is not None:
            self._view.finished(record)
        for observer in self._observers:
            observer.finished(record)
        self._failures.ended(record)
