"""The points of a study's search space, and the settings that they represent."""

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import cast

from pydantic import JsonValue

from gan_study.search_spaces.space import BALANCER, RATIO
from gan_study.search_spaces.unit_cube import clip
from gan_study.study.plan.config import Arm, StudyConfig
from gan_study.study.plan.searcher import point_id
from gan_study.trainables.balancing.balancer import BalancingConfig
from gan_study.trainables.base.tunable import Scalar, contains
from gan_study.trainables.trial.config import training_length, with_length


def point_of(arm: Arm) -> dict[str, Scalar]:
    """The settings of a point for its arm."""
    return {BALANCER: arm.balancer} | ({} if arm.ratio is None else {RATIO: arm.ratio})


def arm_of(params: Mapping[str, Scalar]) -> Arm:
    """The arm of a point."""
    return Arm(balancer=str(params[BALANCER]), ratio=float(params[RATIO]) if RATIO in params else None)


class Points:
    """The points of the space of one study."""

    def __init__(self, config: StudyConfig) -> None:
        self._config, self._space = config, config.space()
        # Every decision of a search asks for defaults, which never change.
        self._own: dict[str, Mapping[str, JsonValue]] = {}

    def default(self, arm: Arm) -> dict[str, Scalar]:
        """The variant's default settings that lie in the space, as a point."""
        own = self._default_settings(arm.balancer).items()
        inside = {key: value for key, value in own if contains(self._space.parameters[key], value)}
        return {**point_of(arm), **cast(dict[str, Scalar], inside)}

    def nearest_to_default(self, arm: Arm) -> dict[str, Scalar]:
        """The point of the space that is nearest to the variant's default settings."""
        own = self._default_settings(arm.balancer).items()
        clipped = {key: clip(self._space.parameters[key], value) for key, value in own}
        return {key: value for key, value in clipped.items() if value is not None}

    def balancing(self, params: Mapping[str, Scalar]) -> BalancingConfig:
        """The balancer with the settings of a point."""
        balancer = str(params[BALANCER])
        if point_id(params) == point_id(self.default(arm_of(params))):
            # Not all that a default is lies in the space: a given length is exact, and it may end by itself.
            return self._config.balancing_by(balancer)
        return self._config.balancing_at(params)

    def with_rungs(self, balancing: BalancingConfig) -> BalancingConfig:
        """`balancing` with a milestone at every rung before the last step of its generator."""
        pruning, length = self._config.search.pruning, training_length(balancing)
        own = training_length(self._config.balancing_by(balancing.name))
        if pruning is None or length is None or own is None or own.generator_steps is None:
            return balancing
        rungs = sorted({max(1, round(share * own.generator_steps)) for share in pruning.rungs})
        last = length.most_generator_steps or length.generator_steps or 0
        milestones = tuple(rung for rung in rungs if rung < last)
        return with_length(balancing, replace(length, milestones=milestones))

    def _default_settings(self, balancer: str) -> Mapping[str, JsonValue]:
        """A variant's own value of each parameter."""
        if balancer not in self._own:
            settings: JsonValue = self._config.balancing_by(balancer).dump()
            self._own[balancer] = {key: _value_at(settings, key) for key in self._space.keys_of(balancer)}
        return self._own[balancer]


def _value_at(settings: JsonValue, key: str) -> JsonValue:
    path = key.partition("@")[0].split("/")[1:]
    return reduce(lambda inner, name: cast(dict[str, JsonValue], inner)[name], path, settings)
