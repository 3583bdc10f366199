"""The search: which trial comes next, and which is stopped early, from what is known at the moment.

What is decided is kept at once and stays. So a search that is resumed, or whose decisions are replayed, has the
same trials on any number of workers; a new one may ask other questions where other trials happened to end first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from statistics import fmean
from typing import TypeAlias, cast

from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO, nest
from gan_study.search_spaces.unit_cube import clip, to_unit_cube
from gan_study.study.plan.config import Cell, Ratio, StudyConfig
from gan_study.study.plan.decisions import (
    CHECK,
    COMPARABLE,
    DEFAULTS,
    LAST_ROUND,
    RACE,
    SEARCH,
    Decision,
    Judgement,
    Stage,
    Suggestion,
    limit_seen,
)
from gan_study.study.plan.halving import goes_on
from gan_study.study.plan.last_round import CONTENDERS, EARLY_CONTENDERS, FITS, Verdict, choose, smooth
from gan_study.study.plan.race import Standing, rank, standing
from gan_study.study.plan.recipe import merge
from gan_study.study.plan.search_plan import (
    CHECK_SPLIT,
    LAST_ROUND_SPLIT,
    LAST_ROUND_TRIALS,
    plan_search,
    seed_of_split,
    split_of_seed,
)
from gan_study.study.plan.searcher import (
    NUM_NEAR,
    NUM_RANDOM,
    RecordedTrial,
    point_id,
    point_near,
    suggestion,
    to_optuna,
)
from gan_study.study.plan.selection import SelectedConfig
from gan_study.study.plan.trials import PlannedTrial, planned_trial
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.tunable import Scalar, contains
from gan_study.trainables.record import Milestone, RungReached, SearchStep, Seen, Selection, TrialRecord, to_ranges
from gan_study.trainables.trial.config import gan_settings, with_gan
from gan_study.trainables.trial.outcome import Purpose

# How many suggested trials are put off at most, as others train their GANs for them to continue from.
MOST_PUT_OFF = 4

# What no balancing scored at a ratio in a split: None while it is not known, NaN if that trial failed.
BaselineOf: TypeAlias = Callable[[Ratio, int], float | None]


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """A trial that would be of use; `params` None if a point is still to be found."""

    stage: Stage
    cell: Cell | None
    split: int = 0
    params: Mapping[str, Scalar] | None = None
    is_guess: bool = False
    """Whether it is only of use if those that lead so far stay ahead."""


@dataclass(frozen=True, kw_only=True)
class _LastRound:
    """What the last round of a cell came to: the point that it chose, and its trials, the default's first."""

    params: Mapping[str, Scalar]
    verdict: Verdict
    trial_ids: tuple[str, ...]


class Search:
    """The search of one study.

    `record_of` gives the record of a trial that has ended, `baseline_of` what its gain is measured against.
    `decisions` are those so far, and `keep` is called with each further one before anything comes of it.
    `may_search` says whether there is time for so many more search trials; `prior` are search trials of another
    study to learn from.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        record_of: Callable[[str], TrialRecord | None],
        baseline_of: BaselineOf,
        decisions: Sequence[Decision],
        keep: Callable[[Decision], None],
        may_search: Callable[[int], bool],
        prior: Sequence[TrialRecord] = (),
    ) -> None:
        self._config, self._space, self._plan = config, config.space(), plan_search(config)
        self._ratios = config.ratios()
        self._record_of, self._baseline_of = record_of, baseline_of
        self._keep, self._may_search = keep, may_search
        self._suggestions: list[Suggestion] = []
        self._numbers: dict[str, int] = {}
        self._trials: dict[int, PlannedTrial] = {}
        # By number: suggested and not begun, underway, ended.
        self._waiting: list[int] = []
        self._running: dict[int, PlannedTrial] = {}
        self._ended: set[int] = set()
        self._judged = {(each.number, each.rung): each for each in decisions if isinstance(each, Judgement)}
        # What the rules look at, brought up to date as trials end: no call looks through all of them.
        self._values: defaultdict[tuple[Cell, int], dict[int, float]] = defaultdict(dict)
        self._rungs: dict[int, int] = {}
        self._gains: defaultdict[Ratio, dict[str, dict[int, float | None]]] = defaultdict(dict)
        self._comparable: defaultdict[Cell | None, list[RecordedTrial]] = defaultdict(list)
        self._prior: defaultdict[Cell | None, list[RecordedTrial]] = defaultdict(list)
        self._taken: defaultdict[Cell | None, set[str]] = defaultdict(set)
        self._begun: defaultdict[tuple[Ratio, Stage], dict[tuple[str, int, str], int]] = defaultdict(dict)
        self._num_points: defaultdict[Cell, int] = defaultdict(int)
        self._num_ended: defaultdict[tuple[Cell, Stage], int] = defaultdict(int)
        self._spent: defaultdict[Ratio, int] = defaultdict(int)
        self._exhausted: set[Cell | None] = set()
        self._is_short_of_time = False
        self._smoothed: dict[Cell, tuple[int, list[tuple[float, dict[str, Scalar]]]]] = {}
        for record in prior:
            self._learn_from(record)
        for each in decisions:
            if isinstance(each, Suggestion):
                self._note(each)
                self._waiting.append(each.number)

    def next(self) -> PlannedTrial | None:
        """The next search trial; None if there is none to begin at the moment."""
        self._take_in()
        if (number := self._choose()) is None:
            return None
        self._waiting.remove(number)
        self._running[number] = self._trials[number]
        return self._trials[number]

    @property
    def is_over(self) -> bool:
        """Whether nothing is underway and nothing could come, as `next` has just found out."""
        return not self._running and all(
            self._baseline_of(ratio, split) is not None
            for ratio in self._ratios
            for split in (self._plan.splits and (0, *self._plan.splits))
        )

    def reached(self, trial_id: str, milestone: Milestone) -> Judgement | None:
        """Whether a running trial that came to a milestone is trained on; None if nobody judges it."""
        number = self._numbers.get(trial_id)
        if number is None:
            return None
        each, rung = self._suggestions[number], self._note_milestone(number, milestone)
        pruning = self._config.search.pruning
        if each.stage != SEARCH or pruning is None:
            return None
        if (number, rung) not in self._judged:
            others = [v for other, v in self._values[each.cell, rung].items() if other != number]
            judgement = Judgement(
                number=number,
                rung=rung,
                goes_on=goes_on(milestone.objective, others, reduction_factor=pruning.reduction_factor),
                seen=self._seen(),
            )
            self._keep(judgement)
            self._judged[number, rung] = judgement
        return self._judged[number, rung]

    def settled(self) -> tuple[Cell, ...]:
        """The cells that the search is over for already: those that lost the race, and those that were checked."""
        underway = {self._suggestions[number].cell for number in (*self._running, *self._waiting)}
        ratios = [ratio for ratio in self._ratios if self._plan.rounds and self._can_search(ratio)]
        decided = [(ratio, at.variants) for ratio in ratios if (at := self._standing(ratio)).round is None]
        cells = (
            Cell(balancer=name, ratio=ratio)
            for ratio, survivors in decided
            for name in self._space.balancers
            if name not in survivors or self._is_checked(Cell(balancer=name, ratio=ratio))
        )
        return tuple(cell for cell in cells if cell not in underway)

    def selected(self, cells: Iterable[Cell]) -> tuple[SelectedConfig, ...]:
        """What is confirmed of each of `cells`, which the search is over for."""
        return tuple(map(self._select, cells))

    def trials(self) -> tuple[PlannedTrial, ...]:
        """The search trials so far."""
        return tuple(self._trials.values())

    @property
    def num_ended(self) -> int:
        """The search trials that have ended."""
        return len(self._ended)

    def why_short(self) -> str | None:
        """Why the search, which is over, had fewer trials than it might have; None if it had as many, or none."""
        if self._plan.unsearched is not None or self.num_ended >= self._config.search.trials:
            return None
        if self._is_short_of_time:
            return "there was no time for more"
        if self._exhausted:
            names = sorted({cell.balancer for cell in self._exhausted if cell is not None})
            return f"every point of the space{' of ' if names else ''}{', '.join(names)} was tried"
        if not all(map(self._can_search, self._ratios)):
            return "no balancing failed at a ratio, so that there was nothing to measure a gain against"
        return "races and last rounds needed fewer trials than were set aside for them"

    # What is known

    def _take_in(self) -> None:
        """Learn what became of the trials that were underway, or that an earlier run had begun."""
        for number in (*self._running, *self._waiting):
            trial = self._trials.get(number) or self._plan_trial(number)
            if trial is not None and (record := self._record_of(trial.trial_id)) is not None:
                self._running.pop(number, None)
                if number in self._waiting:
                    self._waiting.remove(number)
                self._end(number, trial, record)

    def _end(self, number: int, trial: PlannedTrial, record: TrialRecord) -> None:
        each = self._suggestions[number]
        self._ended.add(number)
        self._num_ended[each.cell, each.stage] += 1
        for milestone in record.milestones:
            self._note_milestone(number, milestone)
        if each.stage in (DEFAULTS, RACE):
            own = self._gains[each.ratio].setdefault(each.balancer, {})
            own[self._split_of(each.seed)] = record.objective if record.status == "complete" else None
        if each.stage in COMPARABLE:
            shown = to_optuna(self._space, trial.trial_id, self._step(each), record)
            for key in (None, each.cell):
                self._comparable[key].append(shown)

    def _note(self, each: Suggestion) -> None:
        assert each.number == len(self._suggestions), "suggestions are kept in their order"
        self._suggestions.append(each)
        self._spent[each.ratio] += 1
        self._num_points[each.cell] += each.stage == SEARCH
        name = point_id(each.params)
        self._begun[each.ratio, each.stage][each.balancer, each.seed, name] = each.number
        if each.stage in COMPARABLE:
            for key in (None, each.cell):
                self._taken[key].add(name)

    def _note_milestone(self, number: int, milestone: Milestone) -> int:
        """The rung that a milestone is."""
        gan = gan_settings(self._trials[number].config.balancing)
        assert gan is not None, "only GANs have milestones"
        rung = 1 + gan.milestones.index(milestone.generator_steps)
        self._rungs[number] = max(rung, self._rungs.get(number, 0))
        if self._suggestions[number].stage in COMPARABLE:
            self._values[self._suggestions[number].cell, rung][number] = milestone.objective
        return rung

    def _learn_from(self, record: TrialRecord) -> None:
        """Take a search trial of another study into what suggestions learn from, if this space has its point."""
        step = record.search
        if step is None or step.stage not in COMPARABLE or record.status == "failed":
            return
        parameters = self._space.parameters
        if all(key in parameters and contains(parameters[key], value) for key, value in step.params.items()):
            shown = to_optuna(self._space, record.trial_id, step, record)
            for key in (None, _cell_of(step.params)):
                self._prior[key].append(shown)

    def _seen(self) -> Seen:
        by_rung: defaultdict[int, list[int]] = defaultdict(list)
        for number in self._running:
            by_rung[self._rungs.get(number, 0)].append(number)
        running = (RungReached(rung=rung, numbers=to_ranges(by_rung[rung])) for rung in sorted(by_rung))
        return Seen(ended=to_ranges(self._ended), running=tuple(running))

    def _split_of(self, seed: int) -> int:
        return split_of_seed(self._config, seed)

    def _can_search(self, ratio: Ratio) -> bool:
        """Whether gains at `ratio` can be measured: in the splits of search, last round and check."""
        return all(_is_known(self._baseline_of(ratio, split)) for split in (0, LAST_ROUND_SPLIT, CHECK_SPLIT))

    def _standing(self, ratio: Ratio) -> Standing:
        """How far the race at `ratio` is; splits in which no balancing failed do not count."""
        rounds = [
            replace(each, splits=tuple(s for s in each.splits if not _is_lost(self._baseline_of(ratio, s))))
            for each in self._plan.rounds
        ]
        return standing(self._space.balancers, rounds, self._gains[ratio], survivors=self._plan.survivors)

    # What to do next

    def _choose(self) -> int | None:
        """The number of the trial to begin, which waits.

        One whose GAN is in training for another trial is put off, as it will find its steps trained; not for want
        of anything else to do, though.
        """
        ready = [number for number in self._waiting if number in self._trials]
        idle = next((number for number in ready if not self._is_in_training(number)), None)
        while idle is None and len(ready) < MOST_PUT_OFF and (number := self._suggest()) is not None:
            ready.append(number)
            idle = None if self._is_in_training(number) else number
        return idle if idle is not None else next(iter(ready), None)

    def _is_in_training(self, number: int) -> bool:
        return any(self._trials[number].shares_training_with(other) for other in self._running.values())

    def _suggest(self) -> int | None:
        """Decide on a further trial, and give back its number; None if none is of use at the moment."""
        if self._plan.unsearched is not None:
            return None
        while (wish := self._wish()) is not None:
            params = wish.params if wish.params is not None else self._find_point(wish.cell)
            if params is None:
                self._exhausted.add(wish.cell)
                continue
            cell = wish.cell or _cell_of(params)
            if not self._can_search(cell.ratio):
                # Optuna's choice among all ratios, at one of which no gain can be measured.
                self._taken[None].add(point_id(params))
                continue
            each = Suggestion(
                number=len(self._suggestions),
                stage=wish.stage,
                balancer=cell.balancer,
                ratio=cell.ratio,
                params=params,
                seed=seed_of_split(self._config, wish.split),
                fits=FITS if wish.stage == LAST_ROUND else self._config.search.fits,
                seen=self._seen(),
            )
            self._keep(each)
            self._note(each)
            self._waiting.append(each.number)
            trial = self._plan_trial(each.number)
            assert trial is not None, "its baseline is known"
            return each.number
        return None

    def _wish(self) -> _Wish | None:
        """The most useful trial: what is certain to be needed before what may be, and ratios in turn."""
        ratios = [ratio for ratio in self._ratios if self._can_search(ratio)]
        if self._config.search.allocation == "adaptive":
            return self._adaptive_wish(ratios)
        wishes = [(wish, ratio) for ratio in ratios if (wish := next(self._wishes(ratio), None)) is not None]
        if not wishes:
            return None
        return min(wishes, key=lambda each: (each[0].is_guess, self._spent[each[1]]))[0]

    def _wishes(self, ratio: Ratio) -> Iterator[_Wish]:
        """What would be of use at `ratio`, the most useful first."""
        at = self._standing(ratio)
        race_left = self._race_left(ratio, at)
        if self._has_time(race_left):
            # Without anybody to lose, the defaults are still the search's first points.
            yield from self._race_wishes(ratio, at.variants, at.round or 0)
            if at.round is not None and at.round + 1 < len(self._plan.rounds):
                ahead = rank(at.variants, self._gains[ratio])[: self._plan.rounds[at.round + 1].num_variants]
                yield from (replace(each, is_guess=True) for each in self._race_wishes(ratio, ahead, at.round + 1))
        # Those that lead so far; before as many results as survivors, nobody does.
        leaders = rank(at.variants, self._gains[ratio])
        if at.round is not None and len(self._gains[ratio]) >= self._plan.survivors:
            leaders = leaders[: self._plan.survivors]
        cells = [Cell(balancer=name, ratio=ratio) for name in leaders]
        reserved = race_left + self._last_round_left(ratio)
        is_within_budget = self._spent[ratio] + reserved < self._plan.budgets[ratio]
        if is_within_budget and self._has_time(1 + self._reserved()):
            open_cells = [cell for cell in cells if cell not in self._exhausted]
            if open_cells:
                # In turn; in the end one after the other, so that the last round of one fills the workers that the
                # last points of another leave.
                sign = (
                    -1 if self._plan.budgets[ratio] - self._spent[ratio] - reserved < 2 * len(self._running) else 1
                )
                cell = min(open_cells, key=lambda each: sign * self._num_points[each])
                yield _Wish(stage=SEARCH, cell=cell, is_guess=at.round is not None)
        if at.round is None and self._has_time(1):
            for cell in cells:
                yield from self._last_round_wishes(cell)

    def _adaptive_wish(self, ratios: Sequence[Ratio]) -> _Wish | None:
        """The defaults, each at one of the ratios; points of one study of the whole space; last rounds."""
        splits = (0, LAST_ROUND_SPLIT, CHECK_SPLIT)
        if not ratios or any(self._baseline_of(ratio, s) is None for ratio in self._ratios for s in splits):
            return None
        begun = {name for ratio in ratios for name, *_ in self._begun[ratio, DEFAULTS]}
        for place, name in enumerate(self._space.balancers):
            if name not in begun and self._has_time(1):
                cell = Cell(balancer=name, ratio=ratios[place % len(ratios)])
                return _Wish(stage=DEFAULTS, cell=cell, params=self._default_point(cell))
        reserved = LAST_ROUND_TRIALS * len(ratios)
        searched = sum(len(self._begun[ratio, stage]) for ratio in ratios for stage in (DEFAULTS, SEARCH))
        is_left = searched + reserved < self._config.search.trials and None not in self._exhausted
        if is_left and self._has_time(1 + reserved):
            return _Wish(stage=SEARCH, cell=None)
        if any(self._suggestions[number].stage in COMPARABLE for number in (*self._running, *self._waiting)):
            return None
        best = (self._best_cell(ratio) for ratio in ratios if self._has_time(1))
        return next((wish for cell in best if cell for wish in self._last_round_wishes(cell)), None)

    def _race_wishes(self, ratio: Ratio, variants: Sequence[str], round_: int) -> Iterator[_Wish]:
        for split in self._plan.rounds[round_].splits:
            stage: Stage = RACE if split else DEFAULTS
            begun = {(name, seed) for name, seed, _ in self._begun[ratio, stage]}
            for name in variants:
                is_new = (name, seed_of_split(self._config, split)) not in begun
                if is_new and _is_known(self._baseline_of(ratio, split)):
                    cell = Cell(balancer=name, ratio=ratio)
                    yield _Wish(stage=stage, cell=cell, split=split, params=self._default_point(cell))

    def _last_round_wishes(self, cell: Cell) -> Iterator[_Wish]:
        """The default, and the best points so far; the last of them only once no search trial of `cell` runs."""
        names = self._names(cell, LAST_ROUND)
        default = self._default_point(cell)
        is_searching = self._num_ended[cell, SEARCH] < self._num_points[cell]
        if not is_searching and not self._best_points(cell):
            # Nothing came of the search: nothing to compare the default with.
            return
        wanted = [default]
        if len(names) - 1 < (EARLY_CONTENDERS if is_searching else CONTENDERS):
            wanted += [point for _, point in self._best_points(cell)[:CONTENDERS]]
        for point in wanted:
            if point_id(point) not in names:
                yield _Wish(
                    stage=LAST_ROUND, cell=cell, split=LAST_ROUND_SPLIT, params=point, is_guess=is_searching
                )
        if is_searching or self._num_ended[cell, LAST_ROUND] < len(self._names(cell, LAST_ROUND)):
            return
        if (found := self._decide(cell)) is not None:
            for checked in (default, found.params):
                if point_id(checked) not in self._names(cell, CHECK):
                    yield _Wish(stage=CHECK, cell=cell, split=CHECK_SPLIT, params=checked)

    def _race_left(self, ratio: Ratio, at: Standing) -> int:
        """The most trials of the race that are still to begin."""
        left = sum(1 for _ in self._race_wishes(ratio, at.variants, at.round or 0))
        further = () if at.round is None else self._plan.rounds[at.round + 1 :]
        return left + sum(each.num_variants * len(each.splits) for each in further)

    def _last_round_left(self, ratio: Ratio) -> int:
        begun = len(self._begun[ratio, LAST_ROUND]) + len(self._begun[ratio, CHECK])
        return LAST_ROUND_TRIALS * self._plan.survivors - begun

    def _reserved(self) -> int:
        """The most trials that races and last rounds still need, at all ratios together: time is one for all."""
        ratios = [ratio for ratio in self._ratios if self._can_search(ratio)]
        return sum(
            self._race_left(ratio, self._standing(ratio)) + self._last_round_left(ratio) for ratio in ratios
        )

    def _names(self, cell: Cell, stage: Stage) -> dict[str, int]:
        """The points that were suggested for `cell` in a stage after the search, and their numbers."""
        begun = self._begun[cell.ratio, stage].items()
        return {name: number for (balancer, _, name), number in begun if balancer == cell.balancer}

    def _has_time(self, num_trials: int) -> bool:
        has_time = self._may_search(max(1, num_trials))
        self._is_short_of_time |= not has_time
        return has_time

    def _find_point(self, cell: Cell | None) -> dict[str, Scalar] | None:
        """The next point of `cell`, or of the whole space."""
        number, seed = len(self._suggestions), self._config.search.seed
        taken = frozenset(self._taken[cell])
        if cell is not None and self._num_points[cell] < NUM_NEAR:
            start, fixed = self._clipped_default(cell), _point_of(cell)
            point = point_near(self._space, start, number=number, seed=seed, fixed=fixed, taken=taken)
            if point is not None:
                return point
        running = (
            to_optuna(self._space, trial.trial_id, self._step(each))
            for other, trial in self._running.items()
            if (each := self._suggestions[other]).stage in COMPARABLE and cell in (None, each.cell)
        )
        return suggestion(
            self._space,
            number=number,
            seed=seed,
            startup_trials=NUM_RANDOM if cell is None else NUM_NEAR,
            fixed={} if cell is None else _point_of(cell),
            history=[*self._prior[cell], *self._comparable[cell], *running],
            taken=taken,
        )

    # Points and trials

    def _default_settings(self, cell: Cell) -> dict[str, JsonValue]:
        """The variant's own value of each parameter."""
        settings: JsonValue = self._config.balancing_by(cell.balancer).dump()

        def value_at(key: str) -> JsonValue:
            path = key.partition("@")[0].split("/")[1:]
            return reduce(lambda inner, name: cast(dict[str, JsonValue], inner)[name], path, settings)

        return {key: value_at(key) for key in self._space.keys_of(cell.balancer)}

    def _default_point(self, cell: Cell) -> dict[str, Scalar]:
        """The variant's own settings as a point of the space, as far as they lie in it."""
        own = self._default_settings(cell).items()
        inside = {key: value for key, value in own if contains(self._space.parameters[key], value)}
        return {**_point_of(cell), **cast(dict[str, Scalar], inside)}

    def _clipped_default(self, cell: Cell) -> dict[str, Scalar]:
        """The point of the space that is nearest to the variant's own settings."""
        own = self._default_settings(cell).items()
        clipped = {key: clip(self._space.parameters[key], value) for key, value in own}
        return {key: value for key, value in clipped.items() if value is not None}

    def _plan_trial(self, number: int) -> PlannedTrial | None:
        """The trial of a suggestion; None while what its gain is measured against is not known."""
        each = self._suggestions[number]
        baseline = self._baseline_of(each.ratio, self._split_of(each.seed))
        if baseline is None or _is_lost(baseline):
            return None
        purpose = Purpose(
            phase="search", metric=self._config.objective, baseline=baseline, search=self._step(each)
        )
        balancing = self._balancing(each.params)
        if each.stage in COMPARABLE:
            balancing = self._with_rungs(balancing)
        trial = planned_trial(self._config, each.cell, balancing, purpose, seed=each.seed, fits=each.fits)
        # The last state of its GAN stays, for trials that do something else with its images.
        trial = replace(trial, checkpoint_steps=self._space.chosen_steps(each.balancer), keeps_gan=True)
        self._trials[number] = trial
        self._numbers[trial.trial_id] = number
        return trial

    def _balancing(self, params: Mapping[str, Scalar]) -> BalancingConfig:
        balancer = str(params[BALANCER])
        if point_id(params) == point_id(self._default_point(_cell_of(params))):
            # Not all that a default is lies in the space: a given length is exact, and it may end by itself.
            return self._config.balancing_by(balancer)
        changes = cast(Mapping[str, JsonValue], nest(params)["balancing"])
        return parse_balancing(merge(self._config.settings_of(balancer), changes))

    def _with_rungs(self, balancing: BalancingConfig) -> BalancingConfig:
        """`balancing` with a milestone at every rung that comes before its GAN's last step."""
        pruning, gan = self._config.search.pruning, gan_settings(balancing)
        own = gan_settings(self._config.balancing_by(balancing.name))
        if pruning is None or gan is None or own is None or own.generator_steps is None:
            return balancing
        rungs = sorted({max(1, round(share * own.generator_steps)) for share in pruning.rungs})
        last = gan.most_generator_steps or gan.generator_steps or 0
        milestones = tuple(rung for rung in rungs if rung < last)
        return with_gan(balancing, replace(gan, milestones=milestones))

    def _step(self, each: Suggestion) -> SearchStep:
        return SearchStep(number=each.number, params=each.params, stage=each.stage, seen=limit_seen(each.seen))

    # What is chosen

    def _best_points(self, cell: Cell) -> list[tuple[float, dict[str, Scalar]]]:
        """The points of the search of `cell`, its default not among them, by their smoothed gains, best first."""
        adaptive = self._config.search.allocation == "adaptive"
        known = self._comparable[None if adaptive else cell]
        if cell not in self._smoothed or self._smoothed[cell][0] != len(known):
            scored = [(each, each.value) for each in known if each.value is not None]
            points = [to_unit_cube(self._space, each.params) for each, _ in scored]
            smoothed = smooth(points, [value for _, value in scored])
            found = [
                (float(gain), dict(each.params))
                for gain, (each, _) in zip(smoothed, scored, strict=True)
                if each.user_attrs["stage"] == SEARCH and _cell_of(each.params) == cell
            ]
            self._smoothed[cell] = (len(known), sorted(found, key=lambda each: each[0], reverse=True))
        return self._smoothed[cell][1]

    def _best_cell(self, ratio: Ratio) -> Cell | None:
        """The variant of the best point at `ratio`; None if no point came to its end there."""
        cells = [Cell(balancer=name, ratio=ratio) for name in self._space.balancers]
        searched = [cell for cell in cells if self._best_points(cell)]
        return max(searched, key=lambda cell: self._best_points(cell)[0][0], default=None)

    def _is_checked(self, cell: Cell) -> bool:
        """Whether what the last round of `cell` chose, and the default, have been checked."""
        found = self._decide(cell) if self._num_ended[cell, CHECK] else None
        chosen = () if found is None else (point_id(found.params), point_id(self._default_point(cell)))
        return found is not None and set(chosen) <= self._complete(cell, CHECK).keys()

    def _complete(self, cell: Cell, stage: Stage) -> dict[str, TrialRecord]:
        """The records of the points of `cell` that came to their end in a stage after the search."""
        numbers = self._names(cell, stage).items()
        ended = ((name, number) for name, number in numbers if number in self._ended)
        records = ((name, self._record_of(self._trials[number].trial_id)) for name, number in ended)
        return {
            name: record
            for name, record in records
            if record is not None and record.status == "complete" and record.objective is not None
        }

    def _decide(self, cell: Cell) -> "_LastRound | None":
        """What the last round of `cell` chose; None without one."""
        records, default = self._complete(cell, LAST_ROUND), point_id(self._default_point(cell))
        if default not in records or len(records) < 2:
            return None
        names = [default, *(name for name in records if name != default)]
        gains = [cast(float, records[name].objective) for name in names]
        spreads = [spread**2 for record in records.values() if (spread := record.fit_spread) is not None]
        verdict = choose(gains[0], gains[1:], fit_spread=fmean(spreads or [0.0]) ** 0.5)
        chosen = self._suggestions[self._names(cell, LAST_ROUND)[names[verdict.place]]]
        return _LastRound(
            params=chosen.params, verdict=verdict, trial_ids=tuple(records[name].trial_id for name in names)
        )

    def _select(self, cell: Cell) -> SelectedConfig:
        """What the last round chose, with its score in a split that nothing was chosen by; or the default."""
        default: Mapping[str, Scalar] = self._default_point(cell)
        found = self._decide(cell)
        num_ended = sum(each.cell == cell and each.number in self._ended for each in self._suggestions)
        checked = self._complete(cell, CHECK)
        params, selection = default, Selection(search_trials=num_ended)
        if found is not None and checked.keys() >= {point_id(default), point_id(found.params)}:
            params, reported = found.params, checked[point_id(found.params)].objective
            selection = replace(
                selection,
                trial_id=found.trial_ids[found.verdict.place] if found.verdict.place else None,
                validation_objective=reported,
                contenders=found.trial_ids,
                last_round=reported,
                default_last_round=checked[point_id(default)].objective,
                spread=found.verdict.spread,
            )
        else:
            selection = replace(selection, unsearched=self._why_unsearched(cell))
        return SelectedConfig(
            balancer=cell.balancer, ratio=cell.ratio, balancing=self._balancing(params), selection=selection
        )

    def _why_unsearched(self, cell: Cell) -> str:
        """Why the default of `cell` is confirmed without a last round."""
        if self._plan.unsearched is not None:
            return self._plan.unsearched
        if not self._can_search(cell.ratio):
            return "no balancing failed at this ratio, so there was nothing to measure a gain against"
        if self._config.search.allocation == "adaptive":
            best = self._best_cell(cell.ratio)
            if best is not None and best != cell:
                return f"Optuna's best point at this ratio is of {best.balancer}"
        else:
            at = self._standing(cell.ratio)
            if at.round is not None:
                return "the time budget ended the race of the defaults before it was decided"
            if cell.balancer not in at.variants:
                return (
                    f"{len(at.variants)} of {len(self._space.balancers)} variants are searched at each ratio, and "
                    "its default was not among the best of them"
                )
        return "no point of the search came through a last round against the default"


def _point_of(cell: Cell) -> dict[str, Scalar]:
    return {BALANCER: cell.balancer} | ({} if cell.ratio is None else {RATIO: cell.ratio})


def _cell_of(params: Mapping[str, Scalar]) -> Cell:
    return Cell(balancer=str(params[BALANCER]), ratio=float(params[RATIO]) if RATIO in params else None)


def _is_lost(baseline: float | None) -> bool:
    """Whether the trial without balancing failed, which NaN stands for."""
    return baseline is not None and baseline != baseline


def _is_known(baseline: float | None) -> bool:
    return baseline is not None and not _is_lost(baseline)
