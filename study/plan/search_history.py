"""The state of a search: its suggestions so far, their results, and what the rules look at."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from gan_study.search_spaces.unit_cube import to_unit_cube
from gan_study.study.plan.config import Arm, Ratio, StudyConfig
from gan_study.study.plan.decisions import (
    DEFAULTS,
    LAST_ROUND,
    RACE,
    SEARCH,
    Stage,
    Suggestion,
    limit_seen,
)
from gan_study.study.plan.halving import Rung
from gan_study.study.plan.known_trials import KnownTrials
from gan_study.study.plan.last_round import smooth
from gan_study.study.plan.numbers import Numbers
from gan_study.study.plan.points import Points, arm_of
from gan_study.study.plan.race import Standing, standing
from gan_study.study.plan.search_plan import CHECK_SPLIT, LAST_ROUND_SPLIT, SearchPlan, split_of_seed
from gan_study.study.plan.searcher import RecordedTrial, point_id, to_optuna
from gan_study.study.plan.trials import PlannedTrial, planned_trial
from gan_study.trainables.base.tunable import Scalar, contains
from gan_study.trainables.records.record import (
    COMPARABLE,
    Milestone,
    RungReached,
    SearchTrial,
    Seen,
    TrialRecord,
    to_ranges,
)
from gan_study.trainables.trial.config import training_length
from gan_study.trainables.trial.purpose import Purpose

# What no balancing scored at a ratio in a split: None while it is not known, NaN if that trial failed.
BaselineOf: TypeAlias = Callable[[Ratio, int], float | None]


class SearchHistory:
    """The suggestions of one search and their results, updated as trials end.

    `record_of` returns the record of a trial that has ended, `baseline_of` the reference for its gain.
    `prior` are search trials of another study to learn from.
    """

    def __init__(
        self,
        config: StudyConfig,
        plan: SearchPlan,
        *,
        record_of: Callable[[str], TrialRecord | None],
        baseline_of: BaselineOf,
        suggestions: Sequence[Suggestion],
        prior: Sequence[TrialRecord],
    ) -> None:
        self._config, self._space, self._plan, self._points = config, config.space(), plan, Points(config)
        self._record_of, self._baseline_of = record_of, baseline_of
        self.suggestions: list[Suggestion] = []
        """By number."""
        self.trials: dict[int, PlannedTrial] = {}
        """Not ended yet, by the number of their suggestion; without trials whose baseline is unknown."""
        self._trial_ids: dict[int, str] = {}
        """Those of ended trials too, by number."""
        self.waiting: list[int] = []
        """Suggested, but not started."""
        self.handed_out: dict[int, PlannedTrial] = {}
        """Running, or waiting for a worker."""
        self._running: dict[int, RecordedTrial] = {}
        """The running trials as suggestions learn from them."""
        self._in_a_worker: set[int] = set()
        self.rungs: defaultdict[tuple[Arm, int], Rung] = defaultdict(Rung)
        """The gains of an arm's trials at each rung."""
        self.gains: defaultdict[Ratio, dict[str, dict[int, float | None]]] = defaultdict(dict)
        """Gains of the defaults at each ratio, by variant and split."""
        self.comparable: defaultdict[Arm | None, list[RecordedTrial]] = defaultdict(list)
        """The ended trials of an arm, or of the whole space (None), that can be compared."""
        self.learnt: defaultdict[Arm | None, KnownTrials[RecordedTrial]] = defaultdict(KnownTrials)
        """The trials that suggestions learn from: these and another study's."""
        self.taken: defaultdict[Arm | None, set[str]] = defaultdict(set)
        """The points that were suggested, here or in the other study."""
        self.begun: defaultdict[tuple[Ratio, Stage], dict[tuple[str, int, str], int]] = defaultdict(dict)
        """Numbers by variant, seed and point."""
        self.num_points: defaultdict[Arm, int] = defaultdict(int)
        """Points of the search, without defaults."""
        self.newest_point: dict[Arm, int] = {}
        """The number of the last point of the search."""
        self.last_rounds: dict[Ratio, Suggestion] = {}
        """The last suggestion for a last round."""
        self.num_ended: defaultdict[tuple[Arm, Stage], int] = defaultdict(int)
        self.without_images: set[Ratio] = set()
        """Ratios at which no rare class lacks an image, so that no GAN is trained."""
        self.spent: defaultdict[Ratio, int] = defaultdict(int)
        """Suggestions at each ratio."""
        self._numbers: dict[str, int] = {}
        self._ended = Numbers()
        self._rungs: dict[int, int] = {}
        self._smoothed: dict[Arm, tuple[int, list[tuple[float, dict[str, Scalar]]]]] = {}
        for record in prior:
            self._learn_from(record)
        for each in suggestions:
            self.note(each)

    def number_of(self, trial_id: str) -> int | None:
        """The number of the suggestion that a trial belongs to; None if it belongs to none."""
        return self._numbers.get(trial_id)

    def trial_ids(self) -> tuple[str, ...]:
        """Those of the search trials so far, in the order in which they were planned."""
        return tuple(self._numbers)

    def hand_out(self, number: int) -> PlannedTrial:
        """The trial of a waiting suggestion, for the next free worker."""
        self.waiting.remove(number)
        trial, each = self.trials[number], self.suggestions[number]
        self.handed_out[number] = trial
        if each.stage in COMPARABLE:
            self._running[number] = to_optuna(self._space, trial.trial_id, self.step(each))
        return trial

    def began(self, number: int) -> None:
        """Note that a worker has started the trial of a suggestion."""
        self._in_a_worker.add(number)

    def take_in(self) -> None:
        """Update the results of trials that were running, or that an earlier run had started."""
        for number in (*self.handed_out, *self.waiting):
            trial = self.trials.get(number) or self.plan_trial(number)
            if trial is not None and (record := self._record_of(trial.trial_id)) is not None:
                self.handed_out.pop(number, None)
                self._running.pop(number, None)
                if number in self.waiting:
                    self.waiting.remove(number)
                self._end(number, trial, record)

    def note(self, each: Suggestion) -> None:
        """Add a suggestion, whose trial waits."""
        assert each.number == len(self.suggestions), "suggestions are kept in their order"
        self.suggestions.append(each)
        self.waiting.append(each.number)
        self.spent[each.ratio] += 1
        self.num_points[each.arm] += each.stage == SEARCH
        if each.stage == SEARCH:
            self.newest_point[each.arm] = each.number
        if each.stage == LAST_ROUND:
            self.last_rounds[each.ratio] = each
        name = point_id(each.params)
        self.begun[each.ratio, each.stage][each.balancer, each.seed, name] = each.number
        if each.stage in COMPARABLE:
            for key in (None, each.arm):
                self.taken[key].add(name)

    def reach(self, number: int, milestone: Milestone) -> int:
        """The rung of a milestone."""
        length = training_length(self.trials[number].config.balancing)
        assert length is not None, "only generators have milestones"
        rung = 1 + length.milestones.index(milestone.generator_steps)
        self._rungs[number] = max(rung, self._rungs.get(number, 0))
        if self.suggestions[number].stage in COMPARABLE:
            self.rungs[self.suggestions[number].arm, rung].note(number, milestone.objective)
        return rung

    def underway(self) -> list[Suggestion]:
        """The suggestions whose trials have not ended."""
        return [self.suggestions[number] for number in (*self.handed_out, *self.waiting)]

    def running(self, arm: Arm | None) -> list[RecordedTrial]:
        """The trials of `arm`, or of the whole space (None), not ended yet, for suggestions to learn from."""
        return [trial for number, trial in self._running.items() if arm in (None, self.suggestions[number].arm)]

    def seen(self) -> Seen:
        """The current state, to be saved with a decision."""
        by_rung: defaultdict[int, list[int]] = defaultdict(list)
        waiting = list(self.waiting)
        for number in self.handed_out:
            if number in self._in_a_worker:
                by_rung[self._rungs.get(number, 0)].append(number)
            else:
                waiting.append(number)
        running = (RungReached(rung=rung, numbers=to_ranges(by_rung[rung])) for rung in sorted(by_rung))
        return Seen(ended=self._ended.ranges(), running=tuple(running), waiting=to_ranges(waiting))

    def plan_trial(self, number: int) -> PlannedTrial | None:
        """The trial of a suggestion; None while the reference for its gain is unknown."""
        each = self.suggestions[number]
        baseline = self._baseline_of(each.ratio, split_of_seed(self._config, each.seed))
        if baseline is None or is_lost(baseline):
            return None
        purpose = Purpose(phase="search", metric=self._config.objective, baseline=baseline, search=self.step(each))
        balancing = self._points.balancing(each.params)
        if each.stage in COMPARABLE:
            balancing = self._points.with_rungs(balancing)
        trial = planned_trial(self._config, each.arm, balancing, purpose, seed=each.seed, fits=each.fits)
        # The last state of a generator stays, for trials that do something else with its images.
        trains = training_length(balancing) is not None
        trial = replace(trial, checkpoint_steps=self._space.chosen_steps(each.balancer), keeps_gan=trains)
        self.trials[number] = trial
        self._numbers[trial.trial_id], self._trial_ids[number] = number, trial.trial_id
        return trial

    def can_search(self, ratio: Ratio) -> bool:
        """Whether GANs are trained at `ratio`, and gains can be measured in every split that is used for
        decisions.
        """
        return ratio not in self.without_images and all(
            is_known(self._baseline_of(ratio, split)) for split in (0, LAST_ROUND_SPLIT, CHECK_SPLIT)
        )

    def standing(self, ratio: Ratio) -> Standing:
        """The state of the race at `ratio`; splits in which no balancing failed do not count."""
        rounds = [
            replace(each, splits=tuple(s for s in each.splits if not is_lost(self._baseline_of(ratio, s))))
            for each in self._plan.rounds
        ]
        return standing(self._space.balancers, rounds, self.gains[ratio], survivors=self._plan.survivors)

    def names(self, arm: Arm, stage: Stage) -> dict[str, int]:
        """The points that were suggested for `arm` in a stage after the search, and their numbers."""
        begun = self.begun[arm.ratio, stage].items()
        return {name: number for (balancer, _, name), number in begun if balancer == arm.balancer}

    def complete(self, arm: Arm, stage: Stage) -> dict[str, TrialRecord]:
        """The records of the points of `arm` that completed in a stage after the search."""
        numbers = self.names(arm, stage).items()
        ended = ((name, number) for name, number in numbers if number in self._ended)
        records = ((name, self._record_of(self._trial_ids[number])) for name, number in ended)
        return {
            name: record
            for name, record in records
            if record is not None and record.status == "complete" and record.objective is not None
        }

    def num_contenders(self, arm: Arm) -> int:
        """The points of `arm` that entered the last round after the last point of its search.

        A search that was extended has another last round, with its own contenders.
        """
        default, newest = point_id(self._points.default(arm)), self.newest_point.get(arm, -1)
        return sum(number > newest for name, number in self.names(arm, LAST_ROUND).items() if name != default)

    @property
    def num_all_ended(self) -> int:
        """The search trials that have ended."""
        return len(self._ended)

    def num_ended_of(self, arm: Arm) -> int:
        """The search trials of an arm that have ended."""
        return sum(ended for (each, _), ended in self.num_ended.items() if each == arm)

    def has_ended(self, arm: Arm, stage: Stage) -> bool:
        """Whether all trials of `arm` that were suggested in a stage after the search have ended."""
        return self.num_ended[arm, stage] == len(self.names(arm, stage))

    def best_points(self, arm: Arm) -> list[tuple[float, dict[str, Scalar]]]:
        """The points of the search of `arm` without its default, by their smoothed gains, best first."""
        adaptive = self._config.search.allocation == "adaptive"
        known = self.comparable[None if adaptive else arm]
        if arm not in self._smoothed or self._smoothed[arm][0] != len(known):
            scored = [(each, each.value) for each in known if each.value is not None]
            points = [to_unit_cube(self._space, each.params) for each, _ in scored]
            smoothed = smooth(points, [value for _, value in scored])
            found = [
                (float(gain), dict(each.params))
                for gain, (each, _) in zip(smoothed, scored, strict=True)
                if each.user_attrs["stage"] == SEARCH and arm_of(each.params) == arm
            ]
            self._smoothed[arm] = (len(known), sorted(found, key=lambda each: each[0], reverse=True))
        return self._smoothed[arm][1]

    def best_arm(self, ratio: Ratio) -> Arm | None:
        """The variant of the best point at `ratio`; None if no point completed there.

        After a last round it does not change until another point is tried at this ratio.
        """
        arms = [Arm(balancer=name, ratio=ratio) for name in self._space.balancers]
        if self.has_last_round(ratio):
            return self.last_rounds[ratio].arm
        searched = [arm for arm in arms if self.best_points(arm)]
        return max(searched, key=lambda arm: self.best_points(arm)[0][0], default=None)

    def has_last_round(self, ratio: Ratio) -> bool:
        """Whether a last round has started at `ratio` since the last point there."""
        held = self.last_rounds.get(ratio)
        newest = (number for arm, number in self.newest_point.items() if arm.ratio == ratio)
        return held is not None and held.number > max(newest, default=-1)

    def _end(self, number: int, trial: PlannedTrial, record: TrialRecord) -> None:
        each = self.suggestions[number]
        self._ended.add(number)
        self.num_ended[each.arm, each.stage] += 1
        for milestone in record.milestones:
            self.reach(number, milestone)
        trains = record.status == "complete" and training_length(trial.config.balancing) is not None
        if trains and record.generated is None and each.stage == DEFAULTS and not self._varies_size(each.balancer):
            self.without_images.add(each.ratio)
        if each.stage in (DEFAULTS, RACE):
            own = self.gains[each.ratio].setdefault(each.balancer, {})
            own[split_of_seed(self._config, each.seed)] = record.objective if record.status == "complete" else None
        if each.stage in COMPARABLE:
            shown = to_optuna(self._space, trial.trial_id, self.step(each), record)
            for key in (None, each.arm):
                self.comparable[key].append(shown)
                self.learnt[key].add(shown, shown.value)
        # Its configuration is the largest thing that is known of it.
        del self.trials[number]

    def _varies_size(self, balancer: str) -> bool:
        """Whether points say at which size a class lacks nothing, so that a default does not speak for all."""
        return any("balance_to" in key for key in self._space.keys_of(balancer))

    def _learn_from(self, record: TrialRecord) -> None:
        """Take a search trial of another study into what suggestions learn from, if this space has its point."""
        step = record.search
        if step is None or step.stage not in COMPARABLE or record.status == "failed":
            return
        parameters = self._space.parameters
        if all(key in parameters and contains(parameters[key], value) for key, value in step.params.items()):
            shown = to_optuna(self._space, record.trial_id, step, record)
            for key in (None, arm_of(step.params)):
                self.learnt[key].add(shown, shown.value)
                self.taken[key].add(point_id(step.params))

    def step(self, each: Suggestion) -> SearchTrial:
        """What the record of a trial says about its suggestion."""
        return SearchTrial(number=each.number, params=each.params, stage=each.stage, seen=limit_seen(each.seen))


def is_lost(baseline: float | None) -> bool:
    """Whether the trial without balancing failed, represented by NaN."""
    return baseline is not None and baseline != baseline


def is_known(baseline: float | None) -> bool:
    """Whether there is a reference for gains."""
    return baseline is not None and not is_lost(baseline)
