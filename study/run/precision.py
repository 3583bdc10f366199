"""`gan_precision: auto` and `classifier_precision: auto` of a study that begins: what a probe of this machine
decides for each of its GANs, and for its classifier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ray
from pydantic import JsonValue
from ray.exceptions import RayError, RayTaskError

from gan_study.study.plan.config import NO_BALANCING, StudyConfig, parse_study
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
from gan_study.trainables.base.precision_probe import Comparison
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.classifiers.precision_probe import compare_classifiers
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.precision_probe import compare_precisions
from gan_study.trainables.trial.data import load_data
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.trainable import assigned_device

# Each setting that may ask for a probe, and what a person sets who decides without one.
_INSTEAD = {
    "gan_precision": "set balancers.NAME.gan.precision for each GAN instead",
    "classifier_precision": "set classifier.precision instead",
}


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What a probe found and decided; a GAN that was not measured is not among `gans`."""

    gans: Mapping[str, Comparison] = field(default_factory=dict)
    classifier: Comparison | None = None

    def named(self) -> dict[str, Comparison]:
        """All of them, by what is measured."""
        return {**self.gans, **({} if self.classifier is None else {"the classifier": self.classifier})}


def refuse_precision_of_cluster(config: StudyConfig, options: RunOptions) -> None:
    """Raise ConfigError if the probe's machine may not be the one that trials run on."""
    for key, instead in _asked(config).items():
        if options.address is not None:
            raise ConfigError(
                f"{key}: 'auto' cannot be used with --address, since one machine cannot decide for others; "
                f"{instead}"
            )


def decide_precision(config: StudyConfig, place: Place, options: RunOptions) -> tuple[StudyConfig, Decisions]:
    """`config` with the precision of GANs and classifier written out where a probe decides, and what it found.

    The whole study keeps to it, also when it is resumed. Raises ConfigError if trials run on a GPU, ProbeError if
    something cannot be measured.
    """
    trials = open_trials(config)
    if not trials:
        return config, Decisions()
    if place.room.trial["GPU"] > 0:
        (key, instead), *_ = _asked(config).items()
        raise ConfigError(f"{key}: 'auto' can only be used on CPUs, and trials run on a GPU here; {instead}")
    seconds = _seconds_each(len(trials), options.time_budget_seconds)
    names = ", ".join("the classifier" if _is_plain(each) else each.arm.balancer for each in trials)
    say(options.console, f"Comparing bf16 with float32 for {names}, about {seconds:.0f} s each")
    measure = ray.remote(num_cpus=place.room.trial["CPU"], max_retries=0)(_compare_in_worker)
    try:
        found = ray.get(measure.remote(trials, place.images, seconds))
    except RayError as error:
        reason = describe_failure(error.cause if isinstance(error, RayTaskError) else error)
        instead = "; ".join(_asked(config).values())
        raise ProbeError(f"measuring the precision failed: {reason}; {instead}") from None
    for name, comparison in found.named().items():
        say(options.console, f"Precision of {name}: {comparison}")
    return with_precisions(config, found), found


def open_trials(config: StudyConfig) -> list[PlannedTrial]:
    """A trial of each GAN whose precision a probe decides, and no balancing if it decides the classifier's."""
    return [
        trial
        for trial in trials_of_one_setting(config)
        if (_is_plain(trial) and config.decides_classifier_precision)
        or (_trains_gan(trial) and config.decides_precision(trial.arm.balancer))
    ]


def with_precisions(config: StudyConfig, found: Decisions) -> StudyConfig:
    """`config` with each decision as if a person had set it."""
    gans: dict[str, JsonValue] = {
        name: {"gan": {"precision": each.precision}} for name, each in found.gans.items()
    }
    changes: dict[str, JsonValue] = {"balancers": gans}
    if found.classifier is not None:
        changes["classifier"] = {"precision": found.classifier.precision}
    return parse_study(merge(dump(config), changes))


def compare_all(trials: Sequence[PlannedTrial], source: ImageSource, *, seconds: float) -> Decisions:
    """The comparison of what is trained in each of the `open_trials`, at its size and batch size in the study.

    A GAN that has nothing to fill is not compared.
    """
    training = load_data(trials[0].config, source, assigned_device()).training
    gans, classifier = dict[str, Comparison](), None
    for trial in trials:
        balancer = trial.config.balancing.balancer
        if not isinstance(balancer, GanBalancing):
            classifier = compare_classifiers(trial.config.classifier, training, seconds=seconds)
        elif (data := typical_data(balancer, training)) is not None:
            gans[trial.arm.balancer] = compare_precisions(
                variant_of(balancer), balancer.gan, data, seconds=seconds
            )
    return Decisions(gans=gans, classifier=classifier)


def _compare_in_worker(trials: Sequence[PlannedTrial], source: ImageSource, seconds: float) -> Decisions:
    prepare_worker()
    return compare_all(trials, source, seconds=seconds)


def _asked(config: StudyConfig) -> dict[str, str]:
    """The settings that ask for a probe, and what to set instead."""
    asked = {"gan_precision": config.gan_precision, "classifier_precision": config.classifier_precision}
    return {key: _INSTEAD[key] for key, value in asked.items() if value == "auto"}


def _is_plain(trial: PlannedTrial) -> bool:
    return trial.arm.balancer == NO_BALANCING


def _trains_gan(trial: PlannedTrial) -> bool:
    return isinstance(trial.config.balancing.balancer, GanBalancing)


def _seconds_each(number: int, budget_seconds: float | None) -> float:
    most = MOST_SECONDS if budget_seconds is None else min(MOST_SECONDS, MOST_SHARE_OF_BUDGET * budget_seconds)
    return min(MOST_SECONDS_A_GAN, most / number)
