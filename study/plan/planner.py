"""Which trial comes next: a pure consequence of the configuration and the records so far.

Running a study and resuming it are therefore the same thing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from functools import reduce
from itertools import accumulate, filterfalse, islice, repeat, takewhile
from operator import mul
from typing import cast

from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO, nest
from gan_study.study.plan.config import NO_BALANCING, Cell, StudyConfig
from gan_study.study.plan.fits import decide_fits
from gan_study.study.plan.recipe import merge
from gan_study.study.plan.rounds import Questions, Rounds, decide_next, known_rounds, may_grow
from gan_study.study.plan.searcher import RecordedTrial, point_id, suggestion, to_optuna
from gan_study.study.plan.selection import ClosedSearch, SelectedConfig
from gan_study.study.plan.trials import PlannedTrial, baseline_trials, confirmations, planned_trial
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.tunable import Scalar, contains
from gan_study.trainables.record import SearchStep, Selection, TrialRecord
from gan_study.trainables.trial.config import gan_settings, with_gan
from gan_study.trainables.trial.outcome import Purpose


class Pause(Enum):
    """Why there is no trial to start."""

    WAIT = "the next trial depends on one that is still running"
    DONE = "every trial has a record"


class Planner:
    """Hands out trials: baselines, then the search, then rounds of seeds that confirm what the search chose.

    `record_of` gives the record of a trial that has ended. `closed` is what an earlier run took from the search,
    if it was closed; otherwise `keep` is called with it as soon as it is. `may_search` says whether there is time
    for another search trial, beyond the `num_searched` that have records. `rounds` are those that an earlier run
    decided on, if any; `questions` decide on further ones, and `keep_rounds` is called with each decision.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        record_of: Callable[[str], TrialRecord | None],
        closed: ClosedSearch | None,
        keep: Callable[[ClosedSearch], None],
        may_search: Callable[[], bool],
        num_searched: int = 0,
        rounds: Rounds | None,
        keep_rounds: Callable[[Rounds], None],
        questions: Questions,
    ) -> None:
        self._config = config
        self._space = config.space()
        self._record_of = record_of
        self._closed = closed
        self._keep = keep
        self._may_search = may_search
        self._num_searched = num_searched
        self._rounds = known_rounds(config, rounds)
        self._keep_rounds = keep_rounds
        self._questions = questions
        self._baselines = tuple(baseline_trials(config))
        # Search trials by number; None where a cell had no untried point left, or no baseline.
        self._suggested: list[PlannedTrial | None] = []
        # Kept so that no call looks through all trials: those that run, those of the search that wait to begin,
        # how many of the search have ended before the first that has not, each as the sampler sees it.
        self._underway: dict[str, PlannedTrial] = {}
        self._waiting: list[PlannedTrial] = []
        self._num_ended_in_a_row = 0
        self._recorded: dict[str, RecordedTrial] = {}
        self._confirmations: tuple[PlannedTrial, ...] = ()

    def next(self) -> PlannedTrial | Pause:
        """The next trial to start, or why there is none."""
        self._underway = {each: trial for each, trial in self._underway.items() if self._record_of(each) is None}
        if (trial := self._next_of(self._baselines)) is not None:
            return trial
        if self._closed is None:
            if (step := self._next_search()) is not None:
                return step
            self._closed = self._close()
            self._keep(self._closed)
        return self._next_confirmation(self._closed)

    def to_confirm(self) -> Iterator[PlannedTrial]:
        """The trials of the confirmation's rounds so far that have not begun."""
        return (trial for trial in self._confirmations if not self._has_begun(trial))

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
        return trial.trial_id in self._underway or self._ended(trial)

    def _ended(self, trial: PlannedTrial | None) -> bool:
        return trial is None or self._record_of(trial.trial_id) is not None

    # The search

    def _next_search(self) -> PlannedTrial | Pause | None:
        """The next search trial, or a wait; None when the search is over.

        One whose GAN is in training for another trial is put off, as it will find its steps trained; not for want
        of anything else to do, though.
        """
        self._waiting = [trial for trial in self._waiting if not self._has_begun(trial)]
        idle = filterfalse(self._is_in_training, self._to_begin())
        trial = next(idle, None) or next(iter(self._waiting), None)
        if trial is not None:
            return self._start(trial)
        is_over = not self._may_grow() and self._num_ended() == len(self._suggested)
        return None if is_over else Pause.WAIT

    def _to_begin(self) -> Iterator[PlannedTrial]:
        """Search trials that have not begun, those that wait for longest first."""
        yield from tuple(self._waiting)
        while self._may_grow() and self._can_suggest():
            trial = self._suggest(len(self._suggested))
            self._suggested.append(trial)
            if trial is not None and not self._has_begun(trial):
                self._waiting.append(trial)
                yield trial

    def _may_grow(self) -> bool:
        number = len(self._suggested)
        return number < self._config.search.trials and (number < self._num_searched or self._may_search())

    def _is_in_training(self, trial: PlannedTrial) -> bool:
        return any(trial.shares_training_with(other) for other in self._underway.values())

    def _can_suggest(self) -> bool:
        learnt_from = len(self._suggested) - self._config.search.lag + 1
        unbalanced = (trial for trial in self._baselines if trial.config.balancing.name == NO_BALANCING)
        return all(map(self._ended, unbalanced)) and self._num_ended() >= learnt_from

    def _num_ended(self) -> int:
        """How many search trials have ended before the first that has not."""
        rest = islice(self._suggested, self._num_ended_in_a_row, None)
        self._num_ended_in_a_row += sum(1 for _ in takewhile(self._ended, rest))
        return self._num_ended_in_a_row

    def _suggest(self, number: int) -> PlannedTrial | None:
        cell = self._cell_of(number)
        fixed = {} if cell is None else _point_of(cell)
        alike = [trial for trial in self._suggested if trial is not None and cell in (None, trial.cell)]
        learnt_from = number - self._config.search.lag
        point = suggestion(
            self._space,
            number=number,
            seed=self._config.search.seed,
            startup_trials=self._config.search.startup_trials,
            fixed=fixed,
            first=self._defaults(cell) if cell is not None and not alike else None,
            history=[self._as_recorded(trial) for trial in alike if _step(trial).number <= learnt_from],
            taken=frozenset(point_id(_step(trial).params) for trial in alike),
        )
        return None if point is None else self._search_trial(number, point)

    def _cell_of(self, number: int) -> Cell | None:
        """Whose turn it is: every cell once in each round, in an order drawn for the round."""
        if self._config.search.allocation == "adaptive":
            return None
        cells = self._config.cells(self._space.balancers)
        turn, place = divmod(number, len(cells))
        order = numpy_generator(self._config.search.seed, "round", turn).permutation(len(cells))
        return cells[int(order[place])]

    def _defaults(self, cell: Cell) -> dict[str, Scalar]:
        """The balancer's own settings as a point of the space, as far as they lie in it."""
        settings: JsonValue = self._config.balancing_by(cell.balancer).dump()
        point = _point_of(cell)
        for key in self._space.keys_of(cell.balancer):
            path = key.partition("@")[0].split("/")[1:]
            value = reduce(lambda inner, name: cast(dict[str, JsonValue], inner)[name], path, settings)
            if contains(self._space.parameters[key], value):
                assert isinstance(value, bool | int | float | str)
                point[key] = value
        return point

    def _search_trial(self, number: int, point: Mapping[str, Scalar]) -> PlannedTrial | None:
        cell = Cell(balancer=str(point[BALANCER]), ratio=float(point[RATIO]) if RATIO in point else None)
        baseline = self._baseline_score(cell)
        if baseline is None:
            return None
        purpose = Purpose(
            phase="search",
            metric=self._config.objective,
            baseline=baseline,
            search=SearchStep(number=number, params=point),
        )
        changes = cast(Mapping[str, JsonValue], nest(point)["balancing"])
        chosen = parse_balancing(merge(self._config.settings_of(cell.balancer), changes))
        balancing = _with_milestones(chosen, self._config)
        trial = planned_trial(self._config, cell, balancing, purpose, seed=self._config.search.seed)
        # The last state of its GAN stays, for trials that do something else with its images.
        return replace(trial, checkpoint_steps=self._space.chosen_steps(cell.balancer), keeps_gan=True)

    def _baseline_score(self, cell: Cell) -> float | None:
        """The validation score without balancing at the ratio of `cell`; None if that trial is not complete."""
        unbalanced = replace(cell, balancer=NO_BALANCING)
        (trial,) = (trial for trial in self._baselines if trial.cell == unbalanced)
        record = self._record_of(trial.trial_id)
        if record is None or record.status != "complete":
            return None
        return record.scores["validation"][self._config.objective]

    def _as_recorded(self, trial: PlannedTrial) -> RecordedTrial:
        trial_id = trial.trial_id
        if trial_id not in self._recorded:
            record = self._record_of(trial_id)
            assert record is not None and record.search is not None, "a suggestion waits for what it learns from"
            self._recorded[trial_id] = to_optuna(self._space, trial_id, record.search, record)
        return self._recorded[trial_id]

    def _close(self) -> ClosedSearch:
        """What the confirmation takes from the search, which is over."""
        fits = self._config.confirm.fits
        if fits == "auto":
            searched = [trial for trial in self._suggested if trial is not None]
            gans = [name for name in self._space.balancers if BALANCERS[name].is_gan]
            fits = decide_fits(self._records_of(self._baselines), self._records_of(searched), gans)
        chosen = tuple(map(self._best, self._config.cells(self._space.balancers)))
        return ClosedSearch(configurations=chosen, fits=fits)

    def _records_of(self, trials: Iterable[PlannedTrial]) -> list[TrialRecord]:
        found = (self._record_of(trial.trial_id) for trial in trials)
        return [record for record in found if record is not None]

    def _best(self, cell: Cell) -> SelectedConfig:
        """What `cell` reached its largest validation gain with (of equals the earliest), or its defaults."""
        tried = {t.trial_id: t for t in self._suggested if t is not None and t.cell == cell}
        records = self._records_of(tried.values())
        complete = [record for record in records if record.status == "complete" and record.objective is not None]
        best = max(complete, key=lambda record: record.objective or 0.0, default=None)
        defaults = self._config.balancing_by(cell.balancer)
        balancing = defaults if best is None else tried[best.trial_id].config.balancing
        return SelectedConfig(
            balancer=cell.balancer,
            ratio=cell.ratio,
            balancing=_without_milestones(balancing),
            selection=Selection(
                search_trials=len(records),
                trial_id=best.trial_id if best else None,
                validation_objective=best.objective if best else None,
            ),
        )


def _point_of(cell: Cell) -> dict[str, Scalar]:
    return {BALANCER: cell.balancer} | ({} if cell.ratio is None else {RATIO: cell.ratio})


def _step(trial: PlannedTrial) -> SearchStep:
    assert trial.purpose.search is not None
    return trial.purpose.search


def _with_milestones(balancing: BalancingConfig, config: StudyConfig) -> BalancingConfig:
    """`balancing` with a milestone at every rung of the pruner below its GAN's length."""
    pruning, gan = config.search.pruning, gan_settings(balancing)
    if pruning is None or gan is None:
        return balancing
    rungs = accumulate(repeat(pruning.reduction_factor), mul, initial=pruning.grace_steps)
    milestones = tuple(takewhile(lambda rung: rung < (gan.generator_steps or 0), rungs))
    return with_gan(balancing, replace(gan, milestones=milestones))


def _without_milestones(balancing: BalancingConfig) -> BalancingConfig:
    gan = gan_settings(balancing)
    return balancing if gan is None else with_gan(balancing, replace(gan, milestones=()))
