"""Which trial comes next, from the configuration, the records and the decisions so far.

So running and resuming a study are the same thing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum

from gan_study.study.plan.config import NO_BALANCING, Arm, Ratio, StudyConfig
from gan_study.study.plan.decisions import ConfirmFits, Decision, RungDecision, Suggestion
from gan_study.study.plan.fits import decide_fits
from gan_study.study.plan.rounds import Questions, Rounds, SeedRound, decide_next, known_rounds, may_grow
from gan_study.study.plan.search import Search
from gan_study.study.plan.search_plan import seed_of_split, split_of_seed
from gan_study.study.plan.selection import ClosedSearch
from gan_study.study.plan.trials import PlannedTrial, baseline_trials, confirmations, unbalanced_trials
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.records.record import Milestone, TrialRecord


class Pause(Enum):
    """Why there is no trial to start."""

    WAIT = "the next trial depends on one that is still running"
    DONE = "every trial has a record"


class Planner:
    """Hands out trials: baselines, then the search, then rounds of seeds that confirm what the search chose.

    `record_of` returns the record of a trial that has ended. `decisions` are those of the search so far, and
    `keep_decision` is called with each new one before its trial starts. `closed` is the choice of an earlier run,
    if its search was over; otherwise `keep` is called with the choice when it is made. `may_search` says whether
    there is time for this many more search trials. `rounds` are those decided in an earlier run, if any;
    `questions` decide on new ones, and `keep_rounds` is called with each decision. `prior` are records of another
    study to learn from.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        record_of: Callable[[str], TrialRecord | None],
        decisions: Sequence[Decision],
        keep_decision: Callable[[Decision], None],
        closed: ClosedSearch | None,
        keep: Callable[[ClosedSearch], None],
        may_search: Callable[[int], bool],
        rounds: Rounds | None,
        keep_rounds: Callable[[Rounds], None],
        questions: Questions,
        prior: Sequence[TrialRecord] = (),
    ) -> None:
        self._config = config
        self._record_of = record_of
        self._keep_decision = keep_decision
        self._closed = closed
        self._keep = keep
        self._rounds = known_rounds(config, rounds)
        self._keep_rounds = keep_rounds
        self._questions = questions
        self._baselines = tuple(baseline_trials(config))
        # A search that was given more trials may have had more splits when it had fewer.
        splits = {split_of_seed(config, each.seed) for each in decisions if isinstance(each, Suggestion)}
        self._unbalanced = {
            (trial.arm.ratio, trial.config.seed): trial.trial_id
            for trial in (*self._baselines, *unbalanced_trials(config, splits))
            if trial.arm.balancer == NO_BALANCING
        }
        self._search = Search(
            config,
            record_of=record_of,
            baseline_of=self._baseline_score,
            decisions=decisions,
            keep=keep_decision,
            may_search=may_search,
            prior=prior,
        )
        self._fits = next((each.fits for each in decisions if isinstance(each, ConfirmFits)), None)
        # The trials that run, so that no call looks through all.
        self._underway: dict[str, PlannedTrial] = {}
        self._confirmations: tuple[PlannedTrial, ...] = ()
        # Confirmations that may begin before the search is over, of these arms beside the simple methods.
        self._early: tuple[PlannedTrial, ...] = ()
        self._settled: tuple[Arm, ...] | None = None

    def next(self) -> PlannedTrial | Pause:
        """The next trial to start, or why there is none."""
        self._underway = {each: trial for each, trial in self._underway.items() if self._record_of(each) is None}
        if (trial := self._next_of(self._baselines)) is not None:
            return trial
        if self._closed is None:
            if (step := self._search.next()) is not None:
                return self._start(step)
            # What fits cost and vary is measured by the baselines.
            is_measured = self._config.confirm.fits != "auto" or all(map(self._has_ended, self._baselines))
            if not is_measured:
                return Pause.WAIT
            if not self._search.is_over:
                return self._next_early()
            chosen = self._search.selected(self._config.arms(self._config.space().balancers))
            self._closed = ClosedSearch(
                configurations=chosen,
                fits=self._decide_fits(),
                num_searched=self._search.num_ended,
                why_short=self._search.why_short(),
            )
            self._keep(self._closed)
        return self._next_confirmation(self._closed)

    def began(self, trial_id: str) -> None:
        """Note that a worker has started a planned trial."""
        self._search.began(trial_id)

    def judge(self, trial_id: str, milestone: Milestone) -> RungDecision | None:
        """Whether a running trial continues at a milestone; None if no rule applies to it."""
        return self._search.reached(trial_id, milestone)

    def to_confirm(self) -> Iterator[PlannedTrial]:
        """The trials of the confirm rounds so far that have not started."""
        return (trial for trial in self._confirmations or self._early if not self._has_begun(trial))

    def _next_early(self) -> PlannedTrial | Pause:
        """A confirmation of what the search is over for, so that no worker waits for its last trials."""
        settled = self._search.settled()
        if settled != self._settled:
            self._settled = settled
            if self._fits is None:
                self._fits = self._decide_fits()
                self._keep_decision(ConfirmFits(fits=self._fits))
            first = self._rounds.rounds[0]
            arms = (*self._config.arms(self._config.simple_balancers()), *settled)
            closed = ClosedSearch(configurations=self._search.selected(settled), fits=self._fits)
            self._early = tuple(confirmations(self._config, closed, [SeedRound(seeds=first.seeds, arms=arms)]))
        return self._next_of(self._early) or Pause.WAIT

    def _next_confirmation(self, closed: ClosedSearch) -> PlannedTrial | Pause:
        """The next trial of the rounds so far; once all have ended, of a further round, if there is to be one."""
        if not self._confirmations:
            self._confirmations = tuple(confirmations(self._config, closed, self._rounds.rounds))
        if (trial := self._next_of(self._confirmations)) is not None:
            return trial
        if self._underway:
            return Pause.WAIT
        if not may_grow(self._config, self._rounds):
            return Pause.DONE
        self._rounds = decide_next(self._config, self._rounds, self._questions)
        self._keep_rounds(self._rounds)
        self._confirmations = ()
        return self._next_confirmation(closed)

    def _next_of(self, trials: Iterable[PlannedTrial]) -> PlannedTrial | None:
        waiting = (trial for trial in trials if not self._has_begun(trial) and not self._must_wait(trial))
        trial = next(waiting, None)
        return None if trial is None else self._start(trial)

    def _must_wait(self, trial: PlannedTrial) -> bool:
        """Whether what `trial` needs is being made by one of those that it waits for, and is not there yet."""
        if trial.waits_for.isdisjoint(self._underway):
            return False
        records = map(self._record_of, trial.waits_for)
        return not any(record is not None and record.status == "complete" for record in records)

    def _start(self, trial: PlannedTrial) -> PlannedTrial:
        """Note that `trial` is underway, and return it."""
        self._underway[trial.trial_id] = trial
        return trial

    def _has_begun(self, trial: PlannedTrial) -> bool:
        return trial.trial_id in self._underway or self._has_ended(trial)

    def _has_ended(self, trial: PlannedTrial) -> bool:
        return self._record_of(trial.trial_id) is not None

    def _baseline_score(self, ratio: Ratio, split: int) -> float | None:
        """The validation score without balancing; None while it is not known, NaN if that trial failed."""
        record = self._record_of(self._unbalanced[ratio, seed_of_split(self._config, split)])
        if record is None:
            return None
        score = record.scores["validation"][self._config.objective] if record.status == "complete" else None
        return float("nan") if score is None else score

    def _decide_fits(self) -> int:
        """How many classifiers each confirmed trial fits."""
        if self._fits is not None:
            return self._fits
        fits = self._config.confirm.fits
        if fits == "auto":
            gans = [name for name in self._config.space().balancers if BALANCERS[name].trains_generator]
            baselines = (trial.trial_id for trial in self._baselines)
            fits = decide_fits(self._records_of(baselines), self._records_of(self._search.trial_ids()), gans)
        return fits

    def _records_of(self, trial_ids: Iterable[str]) -> list[TrialRecord]:
        found = map(self._record_of, trial_ids)
        return [record for record in found if record is not None]
