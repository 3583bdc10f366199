"""The plans that can be combined with generated images, by name."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from gan_study.trainables.balancing import methods
from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.members import collect_members
from gan_study.trainables.base.settings import nearest
from gan_study.trainables.data.images import TrainingSet

PLANS: Mapping[str, BalancerEntry] = {
    name: entry for name, entry in collect_members(methods, BalancerEntry).items() if entry.only_plans
}


def _checked_name(name: str) -> str:
    if name not in PLANS:
        raise ValueError(f"{name!r} is not a plan for fitting a classifier; {nearest(name, PLANS)}")
    return name


PlanName: TypeAlias = Annotated[str, AfterValidator(_checked_name)]


def apply_plan(name: str, filled: TrainingSet, *, seed: int) -> BalancedSet:
    """`filled` with the plan `name` for it, with the plan's default settings."""
    (planned,) = PLANS[name].parse({}, name).balance(filled, seed=seed)
    return planned
