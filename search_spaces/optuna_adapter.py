"""A space for Optuna: define-by-run, where each parameter is suggested only if it exists."""

from functools import cache

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

from gan_study.search_spaces.space import BALANCER, RATIO, Space
from gan_study.trainables.base.tunable import Choice, Float, Int, Scalar, Tunable


def suggest(space: Space, trial: BaseTrial) -> dict[str, Scalar]:
    """One point of `space`, keys to values: the balancer first, then its parameters."""
    axes = [key for key in (BALANCER, RATIO) if key in space.parameters]
    values = {key: _ask(trial, key, space.parameters[key]) for key in axes}
    inner = space.keys_of(str(values[BALANCER]))
    return values | {key: _ask(trial, key, space.parameters[key]) for key in inner}


@cache
def distribution(domain: Tunable) -> BaseDistribution:
    """Optuna's distribution for a range; one object for all trials, which do not change it."""
    if isinstance(domain, Float):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, Int):
        return IntDistribution(domain.low, domain.high, log=domain.log)
    return CategoricalDistribution(domain.options)


def _ask(trial: BaseTrial, key: str, domain: Tunable) -> Scalar:
    if isinstance(domain, Float):
        return trial.suggest_float(key, domain.low, domain.high, log=domain.log)
    if isinstance(domain, Int):
        return trial.suggest_int(key, domain.low, domain.high, log=domain.log)
    assert isinstance(domain, Choice)
    option = trial.suggest_categorical(key, domain.options)
    assert option is not None, "a Choice has no option None"
    return option
