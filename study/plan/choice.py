"""The choice of a search: the winner of the last round if the check confirms it, else the default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import cast

from gan_study.study.plan.config import Arm, StudyConfig
from gan_study.study.plan.decisions import CHECK, LAST_ROUND
from gan_study.study.plan.last_round import Verdict, check, choose
from gan_study.study.plan.points import Points
from gan_study.study.plan.search_history import SearchHistory
from gan_study.study.plan.search_plan import SearchPlan
from gan_study.study.plan.searcher import point_id
from gan_study.study.plan.selection import SelectedConfig
from gan_study.trainables.base.tunable import Scalar
from gan_study.trainables.records.record import Selection


@dataclass(frozen=True, kw_only=True)
class LastRound:
    """The result of an arm's last round: the chosen point, and its trials, the default's first."""

    params: Mapping[str, Scalar]
    verdict: Verdict
    trial_ids: tuple[str, ...]


class Choice:
    """The settings to confirm for each arm, from the state of the search."""

    def __init__(self, config: StudyConfig, plan: SearchPlan, history: SearchHistory) -> None:
        self._config, self._plan, self._history = config, plan, history
        self._space, self._points = config.space(), Points(config)

    def select(self, arm: Arm) -> SelectedConfig:
        """The winner of the last round if the check confirms it; else the default."""
        default: Mapping[str, Scalar] = self._points.default(arm)
        found = self.last_round(arm)
        num_ended = self._history.num_ended_of(arm)
        checked = self._history.complete(arm, CHECK)
        params, selection = default, Selection(search_trials=num_ended)
        if found is not None and checked.keys() >= {point_id(default), point_id(found.params)}:
            gain, default_gain = (cast(float, checked[point_id(p)].objective) for p in (found.params, default))
            checked_choice = check(found.verdict, gain=gain, default_gain=default_gain)
            params = found.params if checked_choice.place else default
            selection = replace(
                selection,
                trial_id=found.trial_ids[checked_choice.place] if checked_choice.place else None,
                validation_objective=checked_choice.expected_gain,
                contenders=found.trial_ids,
                check_gain=gain,
                default_check_gain=default_gain,
                spread=found.verdict.spread,
            )
        else:
            selection = replace(selection, unsearched=self._why_unsearched(arm))
        return SelectedConfig(
            balancer=arm.balancer, ratio=arm.ratio, balancing=self._points.balancing(params), selection=selection
        )

    def last_round(self, arm: Arm) -> LastRound | None:
        """The winner of the last round of `arm`; None without one."""
        records, default = self._history.complete(arm, LAST_ROUND), point_id(self._points.default(arm))
        if default not in records or len(records) < 2:
            return None
        names = [default, *(name for name in records if name != default)]
        gains = [cast(float, records[name].objective) for name in names]
        spreads = [spread**2 for record in records.values() if (spread := record.fit_spread) is not None]
        verdict = choose(gains[0], gains[1:], fit_spread=fmean(spreads or [0.0]) ** 0.5)
        chosen = self._history.suggestions[self._history.names(arm, LAST_ROUND)[names[verdict.place]]]
        return LastRound(
            params=chosen.params, verdict=verdict, trial_ids=tuple(records[name].trial_id for name in names)
        )

    def is_checked(self, arm: Arm) -> bool:
        """Whether the winner of the last round of `arm`, and the default, have been checked."""
        found = self.last_round(arm) if self._history.num_ended[arm, CHECK] else None
        chosen = () if found is None else (point_id(found.params), point_id(self._points.default(arm)))
        return found is not None and set(chosen) <= self._history.complete(arm, CHECK).keys()

    def _why_unsearched(self, arm: Arm) -> str:
        """Why the default of `arm` is confirmed without a last round."""
        if self._plan.unsearched is not None:
            return self._plan.unsearched
        if arm.ratio in self._history.without_images:
            return "no rare class lacks an image at this ratio, so no GAN is trained"
        if not self._history.can_search(arm.ratio):
            return "no balancing failed at this ratio, so no gain can be measured"
        if self._config.search.allocation == "adaptive":
            best = self._history.best_arm(arm.ratio)
            if best is not None and best != arm:
                return f"Optuna's best point at this ratio is of {best.balancer}"
        else:
            at = self._history.standing(arm.ratio)
            if at.round is not None:
                return "the time budget ended the race of the defaults before it was decided"
            if arm.balancer not in at.variants:
                return (
                    f"{len(at.variants)} of {len(self._space.balancers)} variants are searched at each ratio, and "
                    "its default was not among the best of them"
                )
        return "no point of the search beat the default in a last round"
