"""The search: which trial is next, and which is stopped early, from the current state.

Each decision is saved at once and is final. So a search that is resumed or replayed has the same trials with any
number of workers; a new search may have others, because its trials may end in another order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from gan_study.search_spaces.space import RATIO
from gan_study.study.plan.choice import Choice
from gan_study.study.plan.config import Arm, StudyConfig
from gan_study.study.plan.decisions import (
    CHECK,
    LAST_ROUND,
    SEARCH,
    Decision,
    RungDecision,
    Suggestion,
)
from gan_study.study.plan.last_round import CONTENDERS, FITS
from gan_study.study.plan.points import Points, arm_of, point_of
from gan_study.study.plan.search_history import BaselineOf, SearchHistory
from gan_study.study.plan.search_plan import (
    plan_search,
    seed_of_split,
)
from gan_study.study.plan.searcher import (
    NUM_NEAR,
    NUM_RANDOM,
    point_near,
    suggestion,
)
from gan_study.study.plan.selection import SelectedConfig
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.plan.wishes import Wishes
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.records.record import Milestone, TrialRecord

# How many suggested trials are put off at most, as others train their GANs for them to continue from.
MOST_PUT_OFF = 4


class Search:
    """The search of one study.

    `record_of` returns the record of a trial that has ended, `baseline_of` the reference for its gain.
    `decisions` are those so far, and `keep` is called with each new one before it takes effect.
    `may_search` says whether there is time for this many more search trials; `prior` are search trials of another
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
        self._config, self._space, self._ratios = config, config.space(), config.ratios()
        self._plan, self._points = plan_search(config), Points(config)
        self._baseline_of, self._keep = baseline_of, keep
        self._known = SearchHistory(
            config,
            self._plan,
            record_of=record_of,
            baseline_of=baseline_of,
            suggestions=[each for each in decisions if isinstance(each, Suggestion)],
            prior=prior,
        )
        self._choice = Choice(config, self._plan, self._known)
        self._wishes = Wishes(
            config, self._plan, self._known, self._choice, baseline_of=baseline_of, may_search=may_search
        )
        self._judged = {(each.number, each.rung): each for each in decisions if isinstance(each, RungDecision)}

    def next(self) -> PlannedTrial | None:
        """The next search trial; None if no trial can start at the moment."""
        self._known.take_in()
        number = self._choose()
        return None if number is None else self._known.hand_out(number)

    def began(self, trial_id: str) -> None:
        """Note that a worker has started a trial, if it belongs to the search."""
        if (number := self._known.number_of(trial_id)) is not None:
            self._known.began(number)

    @property
    def is_over(self) -> bool:
        """Whether nothing is running and nothing can follow, as `next` has just found."""
        return not self._known.handed_out and all(
            self._baseline_of(ratio, split) is not None
            for ratio in self._ratios
            for split in (self._plan.splits and (0, *self._plan.splits))
        )

    def reached(self, trial_id: str, milestone: Milestone) -> RungDecision | None:
        """Whether a running trial continues at a milestone; None if no rule applies to it."""
        number = self._known.number_of(trial_id)
        if number is None:
            return None
        each, rung = self._known.suggestions[number], self._known.reach(number, milestone)
        pruning = self._config.search.pruning
        if each.stage != SEARCH or pruning is None:
            return None
        if (number, rung) not in self._judged:
            judgement = RungDecision(
                number=number,
                rung=rung,
                # Once the contenders are there, it can no longer become one.
                goes_on=self._known.num_contenders(each.arm) < CONTENDERS
                and self._known.rungs[each.arm, rung].goes_on(number, reduction_factor=pruning.reduction_factor),
                seen=self._known.seen(),
            )
            self._keep(judgement)
            self._judged[number, rung] = judgement
        return self._judged[number, rung]

    def settled(self) -> tuple[Arm, ...]:
        """The arms whose search is over: those that lost the race, and those that were checked.

        After the search gets more trials, an earlier check does not count while there are trials left.
        """
        underway = {each.arm for each in self._known.underway()}
        ratios = [ratio for ratio in self._ratios if self._plan.rounds and self._known.can_search(ratio)]
        decided = [(ratio, at) for ratio in ratios if (at := self._known.standing(ratio)).round is None]
        arms = (
            Arm(balancer=name, ratio=ratio)
            for ratio, at in decided
            for name in self._space.balancers
            if name not in at.variants or self._wishes.is_through(Arm(balancer=name, ratio=ratio), at)
        )
        return tuple(arm for arm in arms if arm not in underway)

    def selected(self, arms: Iterable[Arm]) -> tuple[SelectedConfig, ...]:
        """The settings to confirm for each of `arms`, whose search is over."""
        return tuple(map(self._choice.select, arms))

    def trial_ids(self) -> tuple[str, ...]:
        """Those of the search trials so far."""
        return self._known.trial_ids()

    @property
    def num_ended(self) -> int:
        """The search trials that have ended."""
        return self._known.num_all_ended

    def why_short(self) -> str | None:
        """Why the search, which is over, had fewer trials than possible; None if it had as many, or none."""
        if self._plan.unsearched is not None or self.num_ended >= self._config.search.trials:
            return None
        if self._wishes.are_short_of_time:
            return "there was not enough time for more"
        if self._wishes.exhausted:
            names = sorted({arm.balancer for arm in self._wishes.exhausted if arm is not None})
            return f"every point of the space{' of ' if names else ''}{', '.join(names)} was tried"
        if self._known.without_images:
            return "no rare class lacks an image at a ratio, so no GAN is trained there"
        if not all(map(self._known.can_search, self._ratios)):
            return "no balancing failed at a ratio, so no gain can be measured there"
        return "races and last rounds needed fewer trials than reserved for them"

    def _choose(self) -> int | None:
        """The number of the trial to begin, which waits.

        One whose GAN is in training for another trial is put off, as it will find its steps trained; not for want
        of anything else to do, though.
        """
        ready = [number for number in self._known.waiting if number in self._known.trials]
        idle = next((number for number in ready if not self._is_in_training(number)), None)
        while idle is None and len(ready) < MOST_PUT_OFF and (number := self._suggest()) is not None:
            ready.append(number)
            idle = None if self._is_in_training(number) else number
        return idle if idle is not None else next(iter(ready), None)

    def _is_in_training(self, number: int) -> bool:
        return any(
            self._known.trials[number].shares_training_with(other) for other in self._known.handed_out.values()
        )

    def _suggest(self) -> int | None:
        """Decide on a further trial, and give back its number; None if none is of use at the moment."""
        if self._plan.unsearched is not None or len(self._known.suggestions) >= self._config.search.trials:
            return None
        while (wish := self._wishes.first()) is not None:
            params = wish.params if wish.params is not None else self._find_point(wish.arm)
            if params is None:
                self._wishes.exhausted.add(wish.arm)
                continue
            arm = wish.arm or arm_of(params)
            each = Suggestion(
                number=len(self._known.suggestions),
                stage=wish.stage,
                balancer=arm.balancer,
                ratio=arm.ratio,
                params=params,
                seed=seed_of_split(self._config, wish.split),
                fits=FITS if wish.stage in (LAST_ROUND, CHECK) else self._config.search.fits,
                seen=self._known.seen(),
            )
            self._keep(each)
            self._known.note(each)
            trial = self._known.plan_trial(each.number)
            assert trial is not None, "its baseline is known"
            return each.number
        return None

    def _find_point(self, arm: Arm | None) -> dict[str, Scalar] | None:
        """The next point of `arm`, or of the whole space."""
        number, seed = len(self._known.suggestions), self._config.search.seed
        taken = self._known.taken[arm]
        if arm is not None and self._known.num_points[arm] < NUM_NEAR:
            start, fixed = self._points.nearest_to_default(arm), point_of(arm)
            point = point_near(self._space, start, number=number, seed=seed, fixed=fixed, taken=taken)
            if point is not None:
                return point
        history = [*self._known.learnt[arm].listed(), *self._known.running(arm)]

        def draw(fixed: Mapping[str, Scalar]) -> dict[str, Scalar] | None:
            return suggestion(
                self._space,
                number=number,
                seed=seed,
                startup_trials=NUM_RANDOM if arm is None else NUM_NEAR,
                fixed=fixed,
                history=history,
                taken=taken,
            )

        point = draw({} if arm is None else point_of(arm))
        if point is None or self._known.can_search(arm_of(point).ratio):
            return point
        # Optuna chose among all ratios one that cannot be searched: the point is drawn at another one.
        others = [ratio for ratio in self._ratios if ratio is not None and self._known.can_search(ratio)]
        found = (draw({RATIO: ratio}) for ratio in sorted(others, key=lambda each: self._known.spent[each]))
        return next((point for point in found if point is not None), None)
