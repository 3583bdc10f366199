"""Which trial comes next: a pure consequence of the configuration and the records so far.

Running a study and resuming it are therefore the same thing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import filterfalse, islice, takewhile

from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO, nested
from gan_study.study.plan.config import NO_BALANCING, StudyConfig
from gan_study.study.plan.searcher import SuggestionRequest, ToldTrial, point_id, suggestion, told
from gan_study.study.plan.selection import SelectedConfig
from gan_study.trainables.balancing.catalog import BALANCERS, dump_balancing, parse_balancing
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.settings import dump
from gan_study.trainables.base.tunable import Scalar, contains
from gan_study.trainables.record import SearchStep, Selection, TrialRecord
from gan_study.trainables.trial.config import TrialConfig, dump_trial, parse_trial
from gan_study.trainables.trial.outcome import Purpose

Ratio = float | None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A balancer at an imbalance ratio (None: the study's one imbalance): what is searched and confirmed."""

    balancer: str
    ratio: Ratio


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """A trial that is to be run, and why.

    After each of `kept_epochs` its GAN's state is kept: trials that differ in `epochs` alone go on from there, and
    so does the export of a balanced data set. `family` are the seeds of trials that are otherwise like this one,
    its own among them, whose GANs are trained side by side; none where they are not.
    """

    config: TrialConfig
    purpose: Purpose
    cell: Cell
    kept_epochs: frozenset[int] = frozenset()
    family: tuple[int, ...] = ()

    def shares_training_with(self, other: "PlannedTrial") -> bool:
        """Whether the two train the same GAN, though perhaps not for as long."""
        return bool(self.kept_epochs and other.kept_epochs) and _gan_of(self) == _gan_of(other)


class Pause(Enum):
    """Why there is no trial to start."""

    WAIT = "the next trial depends on one that is still running"
    DONE = "every trial has a record"


def baseline_trials(config: StudyConfig) -> Iterator[PlannedTrial]:
    """No balancing and the simple methods, once for each ratio, with the search seed, on validation data."""
    for ratio in config.ratios():
        for balancer in config.simple_balancers():
            yield planned_trial(
                config,
                Cell(balancer=balancer, ratio=ratio),
                config.settings_of(balancer),
                Purpose(phase="baseline", metric=config.objective),
                seed=config.search.seed,
            )


def planned_trial(
    study: StudyConfig, cell: Cell, balancing: Mapping[str, JsonValue], purpose: Purpose, *, seed: int
) -> PlannedTrial:
    """The trial of `study` that balances as `balancing` says, at the ratio of `cell`."""
    config = parse_trial(
        {
            "seed": seed,
            "evaluation": _evaluation(study) if purpose.phase == "confirm" else {},
            "data": dump(study.data),
            "imbalance": dump(study.imbalance_at(cell.ratio)),
            "classifier": dump(study.classifier),
            "balancing": dict(balancing),
        }
    )
    return PlannedTrial(config=config, purpose=purpose, cell=cell)


def _evaluation(study: StudyConfig) -> dict[str, JsonValue]:
    confirm = dump(study.confirm)
    return {"test": True, **{key: confirm[key] for key in ("test_each_epoch", "image_features")}}


class Planner:
    """Hands out trials: baselines, then the search, then the confirmation of what the search chose.

    `record_of` gives the record of a trial that has ended. `selected` is what the search chose, if it was closed
    in an earlier run; otherwise `keep` is called with it as soon as it is. `may_search` says whether there is
    time for another search trial.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        record_of: Callable[[str], TrialRecord | None],
        selected: tuple[SelectedConfig, ...] | None,
        keep: Callable[[tuple[SelectedConfig, ...]], None],
        may_search: Callable[[], bool],
    ) -> None:
        self._config = config
        self._space = config.space()
        self._record_of = record_of
        self._selected = selected
        self._keep = keep
        self._may_search = may_search
        self._baselines = tuple(baseline_trials(config))
        # Search trials by number; None where a cell had no untried point left, or no baseline.
        self._suggested: list[PlannedTrial | None] = []
        # Kept so that no call looks through all trials: those that run, those of the search that wait to begin,
        # how many of the search have ended before the first that has not, what the sampler was told of each.
        self._underway: dict[str, PlannedTrial] = {}
        self._waiting: list[PlannedTrial] = []
        self._num_ended_in_a_row = 0
        self._told: dict[str, ToldTrial] = {}
        self._confirmations: tuple[PlannedTrial, ...] = ()

    def next(self) -> PlannedTrial | Pause:
        """The next trial to start, or why there is none."""
        for trial_id in [trial_id for trial_id in self._underway if self._record_of(trial_id) is not None]:
            del self._underway[trial_id]
        trial = self._next_of(self._baselines)
        if trial is not None:
            return trial
        if self._selected is None:
            step = self._next_search()
            if step is not None:
                return step
            self._selected = self._selection()
            self._keep(self._selected)
        self._confirmations = self._confirmations or tuple(self.confirmations())
        return self._next_of(self._confirmations) or (Pause.WAIT if self._underway else Pause.DONE)

    def num_trials(self) -> int:
        """How many trials the study has, if every search trial finds something to try."""
        cells = len(self.cells()) + len(self._config.simple_balancers()) * len(self._config.ratios())
        return len(self._baselines) + self._config.search.trials + cells * len(self._config.confirm.seeds)

    def cells(self) -> tuple[Cell, ...]:
        """Every balancer that is searched, at every ratio."""
        return tuple(
            Cell(balancer=balancer, ratio=ratio)
            for ratio in self._config.ratios()
            for balancer in self._space.balancers
        )

    def confirmations(self) -> Iterator[PlannedTrial]:
        """Every balancer at every ratio with every fresh seed, the only trials that read the test part."""
        simple = tuple(
            (Cell(balancer=name, ratio=ratio), self._config.settings_of(name), Selection(search_trials=0))
            for ratio in self._config.ratios()
            for name in self._config.simple_balancers()
        )
        searched = tuple(
            (Cell(balancer=s.balancer, ratio=s.ratio), dict(s.balancing), s.selection)
            for s in self._selected or ()
        )
        for seed in self._config.confirm.seeds:
            for cell, balancing, selection in (*simple, *searched):
                purpose = Purpose(phase="confirm", metric=self._config.objective, selection=selection)
                trial = planned_trial(self._config, cell, balancing, purpose, seed=seed)
                yield replace(trial, kept_epochs=_last_epoch(trial.config), family=self._family_of(cell.balancer))

    def _family_of(self, balancer: str) -> tuple[int, ...]:
        side_by_side = self._config.resources.gan_execution.way == "side_by_side"
        return self._config.confirm.seeds if side_by_side and BALANCERS[balancer].is_gan else ()

    def _next_of(self, trials: Iterable[PlannedTrial]) -> PlannedTrial | None:
        waiting = (trial for trial in trials if not self._has_begun(trial) and not self._waits_for_family(trial))
        trial = next(waiting, None)
        return None if trial is None else self._begun(trial)

    def _waits_for_family(self, trial: PlannedTrial) -> bool:
        """Whether the GANs of a confirmation are being trained for another one, which has not left them yet."""
        if not trial.family:
            return False
        others = [other for other in self._confirmations if other.family and other.cell == trial.cell]
        records = [self._record_of(other.config.trial_id) for other in others]
        have_left_gans = any(record is not None and record.status == "complete" for record in records)
        return not have_left_gans and any(other.config.trial_id in self._underway for other in others)

    def _begun(self, trial: PlannedTrial) -> PlannedTrial:
        """`trial`, from now on underway."""
        self._underway[trial.config.trial_id] = trial
        return trial

    def _has_begun(self, trial: PlannedTrial) -> bool:
        return trial.config.trial_id in self._underway or self._ended(trial)

    def _ended(self, trial: PlannedTrial | None) -> bool:
        return trial is None or self._record_of(trial.config.trial_id) is not None

    # The search

    def _next_search(self) -> PlannedTrial | Pause | None:
        """The next search trial, or a wait; None when the search is over.

        One whose GAN is in training for another trial is put off, as it will find its epochs trained; not for want
        of anything else to do, though.
        """
        self._waiting = [trial for trial in self._waiting if not self._has_begun(trial)]
        idle = filterfalse(self._is_in_training, self._to_begin())
        trial = next(idle, None) or next(iter(self._waiting), None)
        if trial is not None:
            return self._begun(trial)
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
        return len(self._suggested) < self._config.search.trials and self._may_search()

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
            SuggestionRequest(
                space=self._space,
                number=number,
                seed=self._config.search.seed,
                startup_trials=self._config.search.startup_trials,
                fixed=fixed,
                first=self._defaults(cell) if cell is not None and not alike else None,
                history=[self._as_told(trial) for trial in alike if _step(trial).number <= learnt_from],
                taken=frozenset(point_id(_step(trial).params) for trial in alike),
            )
        )
        return None if point is None else self._search_trial(number, point)

    def _cell_of(self, number: int) -> Cell | None:
        """Whose turn it is: every cell once in each round, in an order drawn for the round."""
        if self._config.search.allocation == "adaptive":
            return None
        cells = self.cells()
        turn, place = divmod(number, len(cells))
        order = numpy_generator(self._config.search.seed, "round", turn).permutation(len(cells))
        return cells[int(order[place])]

    def _defaults(self, cell: Cell) -> dict[str, Scalar]:
        """The balancer's own settings as a point of the space, as far as they lie in it."""
        settings = dump_balancing(parse_balancing(self._config.settings_of(cell.balancer)))
        point = _point_of(cell)
        for key in self._space.keys_of(cell.balancer):
            value = _at_path(settings, key.partition("@")[0].split("/")[1:])
            if contains(self._space.parameters[key], value):
                assert isinstance(value, bool | int | float | str)
                point[key] = value
        return point

    def _search_trial(self, number: int, point: Mapping[str, Scalar]) -> PlannedTrial | None:
        cell = Cell(balancer=str(point[BALANCER]), ratio=float(point[RATIO]) if RATIO in point else None)
        baseline = self._baseline_score(cell.ratio)
        if baseline is None:
            return None
        purpose = Purpose(
            phase="search",
            metric=self._config.objective,
            baseline=baseline,
            search=SearchStep(number=number, params=point),
        )
        balancing = _merged(self._config.settings_of(cell.balancer), nested(point)["balancing"])
        balancing = _with_milestones(balancing, self._config)
        trial = planned_trial(self._config, cell, balancing, purpose, seed=self._config.search.seed)
        return replace(trial, kept_epochs=self._space.chosen_epochs(cell.balancer))

    def _baseline_score(self, ratio: Ratio) -> float | None:
        for trial in self._baselines:
            if trial.cell == Cell(balancer=NO_BALANCING, ratio=ratio):
                record = self._record_of(trial.config.trial_id)
                complete = record is not None and record.status == "complete"
                return record.scores["validation"][self._config.objective] if record and complete else None
        raise AssertionError("every ratio has a baseline without balancing")

    def _as_told(self, trial: PlannedTrial) -> ToldTrial:
        trial_id = trial.config.trial_id
        if trial_id not in self._told:
            record = self._record_of(trial_id)
            assert record is not None, "a suggestion waits for the records that it learns from"
            self._told[trial_id] = told(self._space, record)
        return self._told[trial_id]

    def _selection(self) -> tuple[SelectedConfig, ...]:
        return tuple(self._best(cell) for cell in self.cells())

    def _best(self, cell: Cell) -> SelectedConfig:
        """What `cell` reached its largest validation gain with (of equals the earliest), or its defaults."""
        tried = {t.config.trial_id: t for t in self._suggested if t is not None and t.cell == cell}
        records = [record for trial_id in tried if (record := self._record_of(trial_id)) is not None]
        complete = [record for record in records if record.status == "complete" and record.objective is not None]
        best = max(complete, key=lambda record: record.objective or 0.0, default=None)
        defaults = parse_balancing(self._config.settings_of(cell.balancer))
        balancing = defaults if best is None else tried[best.trial_id].config.balancing
        return SelectedConfig(
            balancer=cell.balancer,
            ratio=cell.ratio,
            balancing=_without_milestones(dump_balancing(balancing)),
            selection=Selection(
                search_trials=len(records),
                trial_id=best.trial_id if best else None,
                validation_objective=best.objective if best else None,
            ),
        )


def num_trials(config: StudyConfig) -> int:
    """How many trials a study has, if every search trial finds something to try."""
    planner = Planner(
        config,
        record_of=lambda trial_id: None,
        selected=None,
        keep=lambda selected: None,
        may_search=lambda: True,
    )
    return planner.num_trials()


def is_done(
    config: StudyConfig,
    *,
    record_of: Callable[[str], TrialRecord | None],
    selected: tuple[SelectedConfig, ...] | None,
) -> bool:
    """Whether every trial of a study has its record."""
    planner = Planner(
        config, record_of=record_of, selected=selected, keep=lambda selected: None, may_search=lambda: True
    )
    return planner.next() is Pause.DONE


def _point_of(cell: Cell) -> dict[str, Scalar]:
    return {BALANCER: cell.balancer} | ({} if cell.ratio is None else {RATIO: cell.ratio})


def _last_epoch(config: TrialConfig) -> frozenset[int]:
    """The last epoch of a trial's GAN; empty where it has none."""
    gan = dump_balancing(config.balancing).get("gan")
    return frozenset([int(str(gan["epochs"]))]) if isinstance(gan, dict) else frozenset()


def _step(trial: PlannedTrial) -> SearchStep:
    assert trial.purpose.search is not None
    return trial.purpose.search


def _gan_of(trial: PlannedTrial) -> JsonValue:
    """What the GAN of a trial is and learns from, whatever its length, and whatever becomes of its images."""
    values = dump_trial(trial.config)
    balancing = values["balancing"]
    assert isinstance(balancing, dict) and isinstance(balancing["gan"], dict)
    gan = {name: value for name, value in balancing["gan"].items() if name not in ("epochs", "milestones")}
    return {
        **{name: values[name] for name in ("seed", "data", "imbalance")},
        **{name: balancing.get(name) for name in ("name", "image_size")},
        "gan": gan,
    }


def _at_path(values: JsonValue, path: Iterable[str]) -> JsonValue:
    for name in path:
        assert isinstance(values, dict)
        values = values[name]
    return values


def _merged(base: Mapping[str, JsonValue], changes: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(changes, dict)
    merged = dict(base)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _with_milestones(balancing: dict[str, JsonValue], config: StudyConfig) -> dict[str, JsonValue]:
    """`balancing` with a milestone at every rung of the pruner below its number of epochs."""
    pruning = config.search.pruning
    if pruning is None or not BALANCERS[str(balancing["name"])].is_gan:
        return balancing
    settings = dump_balancing(parse_balancing(balancing))["gan"]
    assert isinstance(settings, dict) and isinstance(settings["epochs"], int)
    rungs: list[JsonValue] = []
    rung = pruning.grace_epochs
    while rung < settings["epochs"]:
        rungs.append(rung)
        rung *= pruning.reduction_factor
    return _merged(balancing, {"gan": {"milestones": rungs}})


def _without_milestones(balancing: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return _merged(balancing, {"gan": {"milestones": []}}) if "gan" in balancing else balancing
