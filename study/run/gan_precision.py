"""`gan_precision: auto` of a study that begins: what a probe of this machine decides for each of its GANs."""

from collections.abc import Mapping, Sequence

import ray
from pydantic import JsonValue
from ray.exceptions import RayError, RayTaskError

from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.overlay import merge
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.options import RunOptions
from gan_study.study.run.place import Place
from gan_study.study.run.probe import (
    MOST_SECONDS,
    MOST_SECONDS_A_GAN,
    MOST_SHARE_OF_BUDGET,
    ProbeError,
    prepare_worker,
    trials_of_one_setting,
    typical_data,
    variant_of,
)
from gan_study.study.watch.terminal import say
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.precision_probe import Comparison, compare_precisions
from gan_study.trainables.trial.data import load_data
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.trainable import assigned_device

_INSTEAD = "set balancers.NAME.gan.precision for each GAN instead"


def refuse_precision_of_cluster(config: StudyConfig, options: RunOptions) -> None:
    """Raise ConfigError if the probe's machine may not be the one that trials run on."""
    if config.gan_precision == "auto" and options.address is not None:
        raise ConfigError(
            "gan_precision: 'auto' cannot be used with --address, since one machine cannot decide for others; "
            f"{_INSTEAD}"
        )


def decide_precision(
    config: StudyConfig, place: Place, options: RunOptions
) -> tuple[StudyConfig, Mapping[str, str]]:
    """`config` with the precision of each GAN written out, and a sentence for each that was measured.

    The whole study keeps to it, also when it is resumed. Raises ConfigError if trials run on a GPU, ProbeError if
    a GAN cannot be measured.
    """
    trials = [trial for trial in trials_of_one_setting(config) if _is_open(config, trial)]
    if not trials:
        return config, {}
    if place.room.trial["GPU"] > 0:
        raise ConfigError(
            f"gan_precision: 'auto' can only be used on CPUs, and trials run on a GPU here; {_INSTEAD}"
        )
    seconds = _seconds_a_gan(len(trials), options.time_budget_seconds)
    names = ", ".join(trial.arm.balancer for trial in trials)
    say(options.console, f"Comparing bf16 with float32 for {names}, about {seconds:.0f} s each")
    measure = ray.remote(num_cpus=place.room.trial["CPU"], max_retries=0)(_compare_in_worker)
    try:
        found = ray.get(measure.remote(trials, place.images, seconds))
    except RayError as error:
        reason = describe_failure(error.cause if isinstance(error, RayTaskError) else error)
        raise ProbeError(f"measuring the precision of GANs failed: {reason}; {_INSTEAD}") from None
    for name, comparison in found.items():
        say(options.console, f"Precision of {name}: {comparison}")
    return with_precisions(config, found), {name: str(comparison) for name, comparison in found.items()}


def with_precisions(config: StudyConfig, found: Mapping[str, Comparison]) -> StudyConfig:
    """`config` with the decision for each GAN as if a person had set it."""
    changes: dict[str, JsonValue] = {name: {"gan": {"precision": each.precision}} for name, each in found.items()}
    return parse_study(merge(dump(config), {"balancers": changes}))


def compare_all(trials: Sequence[PlannedTrial], source: ImageSource, *, seconds: float) -> dict[str, Comparison]:
    """The comparison of each trial's GAN, at the size and batch size that it is trained with.

    A GAN that has nothing to fill is not compared.
    """
    training = load_data(trials[0].config, source, assigned_device()).training
    found = {}
    for trial in trials:
        balancer = trial.config.balancing.balancer
        assert isinstance(balancer, GanBalancing)
        data = typical_data(balancer, training)
        if data is not None:
            found[trial.arm.balancer] = compare_precisions(
                variant_of(balancer), balancer.gan, data, seconds=seconds
            )
    return found


def _compare_in_worker(
    trials: Sequence[PlannedTrial], source: ImageSource, seconds: float
) -> dict[str, Comparison]:
    prepare_worker()
    return compare_all(trials, source, seconds=seconds)


def _is_open(config: StudyConfig, trial: PlannedTrial) -> bool:
    uses_gan = isinstance(trial.config.balancing.balancer, GanBalancing)
    return uses_gan and config.decides_precision(trial.arm.balancer)


def _seconds_a_gan(num_gans: int, budget_seconds: float | None) -> float:
    most = MOST_SECONDS if budget_seconds is None else min(MOST_SECONDS, MOST_SHARE_OF_BUDGET * budget_seconds)
    return min(MOST_SECONDS_A_GAN, most / num_gans)
