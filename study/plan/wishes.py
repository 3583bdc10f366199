"""What a search wants next: the race of the defaults, points, last rounds and checks, the most useful first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gan_study.study.plan.choice import Choice
from gan_study.study.plan.config import Arm, Ratio, StudyConfig
from gan_study.study.plan.decisions import CHECK, DEFAULTS, LAST_ROUND, RACE, SEARCH, Stage
from gan_study.study.plan.last_round import CONTENDERS, EARLY_CONTENDERS
from gan_study.study.plan.points import Points
from gan_study.study.plan.race import Standing, rank
from gan_study.study.plan.search_history import BaselineOf, SearchHistory, is_known
from gan_study.study.plan.search_plan import (
    CHECK_SPLIT,
    LAST_ROUND_SPLIT,
    LAST_ROUND_TRIALS,
    SearchPlan,
    seed_of_split,
)
from gan_study.study.plan.searcher import point_id
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.records.record import COMPARABLE

# The share of a search's points that its last round does not wait for: waiting for the slowest of 32 workers
# left a quarter of their time unused (docs/benchmarks.md).
MOST_STRAGGLERS = 0.1


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A trial that would be of use; `params` None if a point is still to be found."""

    stage: Stage
    arm: Arm | None
    split: int = 0
    params: Mapping[str, Scalar] | None = None
    is_guess: bool = False
    """Whether it is only needed if the current leaders stay ahead."""


class Wishes:
    """The trials that would be of use to one search, from its current state.

    `baseline_of` returns the reference for a gain, `may_search` whether there is time for this many more search
    trials.
    """

    def __init__(
        self,
        config: StudyConfig,
        plan: SearchPlan,
        history: SearchHistory,
        choice: Choice,
        *,
        baseline_of: BaselineOf,
        may_search: Callable[[int], bool],
    ) -> None:
        self._config, self._space, self._ratios = config, config.space(), config.ratios()
        self._plan, self._points, self._known, self._choice = plan, Points(config), history, choice
        self._baseline_of, self._may_search = baseline_of, may_search
        self.exhausted: set[Arm | None] = set()
        """The arms, or the whole space (None), of which every point was tried."""
        self.are_short_of_time = False
        """Whether there was once no time for a trial."""

    def first(self) -> Wish | None:
        """The most useful trial: what is certain to be needed before what may be, and ratios in turn."""
        ratios = [ratio for ratio in self._ratios if self._known.can_search(ratio)]
        if self._config.search.allocation == "adaptive":
            return self._adaptive_wish(ratios)
        wishes = [(wish, ratio) for ratio in ratios if (wish := next(self._wishes(ratio), None)) is not None]
        if not wishes:
            return None
        return min(wishes, key=lambda each: (each[0].is_guess, self._known.spent[each[1]]))[0]

    def _wishes(self, ratio: Ratio) -> Iterator[Wish]:
        """What would be of use at `ratio`, the most useful first."""
        at = self._known.standing(ratio)
        race_left = self._race_left(ratio, at)
        if self._has_time(race_left):
            # Without anybody to lose, the defaults are still the search's first points.
            yield from self._race_wishes(ratio, at.variants, at.round or 0)
            if at.round is not None and at.round + 1 < len(self._plan.rounds):
                ahead = rank(at.variants, self._known.gains[ratio])[: self._plan.rounds[at.round + 1].num_variants]
                yield from (replace(each, is_guess=True) for each in self._race_wishes(ratio, ahead, at.round + 1))
        arms = self._leaders(ratio, at)
        reserved = race_left + self._last_round_left(ratio, at)
        is_ending = self._plan.budgets[ratio] - self._known.spent[ratio] - reserved < 2 * len(
            self._known.handed_out
        )
        if is_ending and at.round is None:
            # What the last round needs in any case begins before the last points: less is left after them.
            for arm in arms:
                yield from self._default_wishes(arm)
        if open_arms := [arm for arm in arms if self._is_open(arm, at)]:
            # In turn; in the end one after the other, so that the last round of one fills the workers that the
            # last points of another leave.
            sign = -1 if is_ending else 1
            arm = min(open_arms, key=lambda each: sign * self._known.num_points[each])
            if self._has_time(1 + self._reserved(arm)):
                yield Wish(stage=SEARCH, arm=arm, is_guess=at.round is not None)
        if at.round is None and self._has_time(1):
            for arm in arms:
                yield from self._last_round_wishes(arm)

    def _adaptive_wish(self, ratios: Sequence[Ratio]) -> Wish | None:
        """The defaults, each at one of the ratios; points of one study of the whole space; last rounds."""
        splits = (0, LAST_ROUND_SPLIT, CHECK_SPLIT)
        if not ratios or any(self._baseline_of(ratio, s) is None for ratio in self._ratios for s in splits):
            return None
        begun = {name for ratio in ratios for name, *_ in self._known.begun[ratio, DEFAULTS]}
        for place, name in enumerate(self._space.balancers):
            if name not in begun and self._has_time(1):
                arm = Arm(balancer=name, ratio=ratios[place % len(ratios)])
                return Wish(stage=DEFAULTS, arm=arm, params=self._points.default(arm))
        needs = list(map(self._adaptive_needs, ratios))
        # A point may open the last round of one ratio again.
        reserved = sum(needs) + LAST_ROUND_TRIALS - min(needs)
        is_left = len(self._known.suggestions) + reserved < self._config.search.trials
        is_left = is_left and None not in self.exhausted
        if is_left and self._has_time(1 + reserved):
            return Wish(stage=SEARCH, arm=None)
        if any(each.stage in COMPARABLE for each in self._known.underway()):
            return None
        best = (self._known.best_arm(ratio) for ratio in ratios if self._has_time(1))
        return next((wish for arm in best if arm for wish in self._last_round_wishes(arm)), None)

    def _adaptive_needs(self, ratio: Ratio) -> int:
        """The most trials that the last round at `ratio` still needs; while points are tried, it may be of any."""
        is_open = any(each.stage == SEARCH and each.ratio == ratio for each in self._known.underway())
        arm = self._known.best_arm(ratio) if ratio in self._known.last_rounds and not is_open else None
        return LAST_ROUND_TRIALS if arm is None else self._last_round_needs(arm)

    def _race_wishes(self, ratio: Ratio, variants: Sequence[str], round_: int) -> Iterator[Wish]:
        for split in self._plan.rounds[round_].splits:
            stage: Stage = RACE if split else DEFAULTS
            begun = {(name, seed) for name, seed, _ in self._known.begun[ratio, stage]}
            for name in variants:
                is_new = (name, seed_of_split(self._config, split)) not in begun
                if is_new and is_known(self._baseline_of(ratio, split)):
                    arm = Arm(balancer=name, ratio=ratio)
                    yield Wish(stage=stage, arm=arm, split=split, params=self._points.default(arm))

    def _default_wishes(self, arm: Arm) -> Iterator[Wish]:
        """The default in the splits of the last round and of the check."""
        default = self._points.default(arm)
        for stage, split in ((LAST_ROUND, LAST_ROUND_SPLIT), (CHECK, CHECK_SPLIT)):
            if self._known.best_points(arm) and point_id(default) not in self._known.names(arm, stage):
                yield Wish(stage=stage, arm=arm, split=split, params=default)

    def _last_round_wishes(self, arm: Arm) -> Iterator[Wish]:
        """The default, and the best points so far; the last of them only once nearly all points are known."""
        names = self._known.names(arm, LAST_ROUND)
        default = self._points.default(arm)
        is_searching = self._num_searching(arm) > MOST_STRAGGLERS * self._known.num_points[arm]
        if not is_searching and not self._known.best_points(arm):
            # Nothing came of the search: nothing to compare the default with.
            return
        num_wanted = (EARLY_CONTENDERS if is_searching else CONTENDERS) - self._known.num_contenders(arm)
        wanted = [default, *self._fresh_points(arm)[: max(0, num_wanted)]]
        for point in wanted:
            if point_id(point) not in names:
                yield Wish(stage=LAST_ROUND, arm=arm, split=LAST_ROUND_SPLIT, params=point, is_guess=is_searching)
        if is_searching:
            return
        checked: list[Mapping[str, Scalar]] = [default]
        if self._known.has_ended(arm, LAST_ROUND) and (found := self._choice.last_round(arm)) is not None:
            checked.append(found.params)
        for params in checked:
            if point_id(params) not in self._known.names(arm, CHECK):
                yield Wish(stage=CHECK, arm=arm, split=CHECK_SPLIT, params=params)

    def _fresh_points(self, arm: Arm) -> list[dict[str, Scalar]]:
        """The points of `arm` that have been in no last round, the best first."""
        names = self._known.names(arm, LAST_ROUND)
        return [point for _, point in self._known.best_points(arm) if point_id(point) not in names]

    def _num_searching(self, arm: Arm) -> int:
        """The points of `arm` that are being tried."""
        return self._known.num_points[arm] - self._known.num_ended[arm, SEARCH]

    def _race_left(self, ratio: Ratio, at: Standing) -> int:
        """The most trials of the race that are still to begin."""
        left = sum(1 for _ in self._race_wishes(ratio, at.variants, at.round or 0))
        further = () if at.round is None else self._plan.rounds[at.round + 1 :]
        return left + sum(each.num_variants * len(each.splits) for each in further)

    def _leaders(self, ratio: Ratio, at: Standing) -> list[Arm]:
        """The arms that survive the race at `ratio`, or would if it ended now; all before anybody leads."""
        leaders = rank(at.variants, self._known.gains[ratio])
        if at.round is None or len(self._known.gains[ratio]) >= self._plan.survivors:
            leaders = leaders[: self._plan.survivors]
        return [Arm(balancer=name, ratio=ratio) for name in leaders]

    def is_through(self, arm: Arm, at: Standing) -> bool:
        """Whether the search of `arm` has ended: its choice was checked, and no trials remain."""
        return self._choice.is_checked(arm) and not self._is_open(arm, at)

    def _is_open(self, arm: Arm, at: Standing) -> bool:
        """Whether trials are left for another point of `arm`, with all that has to follow at its ratio."""
        ratio = arm.ratio
        reserved = self._race_left(ratio, at) + self._last_round_left(ratio, at, searched=arm)
        return arm not in self.exhausted and self._known.spent[ratio] + reserved < self._plan.budgets[ratio]

    def _last_round_left(self, ratio: Ratio, at: Standing, *, searched: Arm | None = None) -> int:
        """The most trials of last rounds and checks at `ratio` still to begin, if a point of `searched` comes."""
        leaders = self._leaders(ratio, at)[: self._plan.survivors]
        return sum(self._last_round_needs(arm, is_searched=arm == searched) for arm in leaders)

    def _last_round_needs(self, arm: Arm, *, is_searched: bool = False) -> int:
        """The most trials of the last round and the check of `arm` still to begin.

        With `is_searched` after a further point, which opens the last round again.
        """
        default, checked = point_id(self._points.default(arm)), self._known.names(arm, CHECK)
        left = CONTENDERS - (0 if is_searched else self._known.num_contenders(arm))
        if not is_searched and left < CONTENDERS:
            # It is underway: no more can come than there are points.
            left = min(left, len(self._fresh_points(arm)) + self._num_searching(arm))
        # Who wins is known once all have ended.
        found = self._choice.last_round(arm) if left <= 0 and self._known.has_ended(arm, LAST_ROUND) else None
        is_winner_checked = found is not None and point_id(found.params) in {*checked, default}
        defaults = (default not in self._known.names(arm, LAST_ROUND)) + (default not in checked)
        return max(0, left) + defaults + (not is_winner_checked)

    def _reserved(self, searched: Arm) -> int:
        """The most trials that races and last rounds still need, at all ratios together: time is one for all."""
        ratios = [ratio for ratio in self._ratios if self._known.can_search(ratio)]
        standings = {ratio: self._known.standing(ratio) for ratio in ratios}
        return sum(
            self._race_left(ratio, at) + self._last_round_left(ratio, at, searched=searched)
            for ratio, at in standings.items()
        )

    def _has_time(self, num_trials: int) -> bool:
        has_time = self._may_search(max(1, num_trials))
        self.are_short_of_time |= not has_time
        return has_time
