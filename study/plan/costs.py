"""The cost of a trial: seconds as a function of its configuration, from speeds that a probe measured.

The numbers of steps and images follow from the configuration and the class counts, so a planner can compare
studies that have never run.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import heapreplace
from typing import NamedTuple

from gan_study.search_spaces.space import GENERATOR_STEPS_OF_ALL
from gan_study.study.plan.config import Ratio, StudyConfig
from gan_study.study.plan.trials import PlannedTrial
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.balancing.training_length import FEWEST_IMAGES
from gan_study.trainables.base.tunable import Choice
from gan_study.trainables.classifiers.training import num_steps
from gan_study.trainables.gans.length import TrainingLength
from gan_study.trainables.image_quality.extractor import DOMAIN_STEPS
from gan_study.trainables.trial.config import TrialConfig

# What a trial takes beside its stages: Ray hands it over, its arrays are written. 0.02 to 0.1 s in the log of the
# driver of a quickstart on two cores.
TRIAL_SECONDS = 0.1
# Metrics of a class's images beside the classifiers that are fitted for them: 0.05 to 0.3 s in the same study.
METRIC_SECONDS = 0.3
# On disk: the report, a trial's arrays and log without its predictions (30 kB without images of a GAN, 210 kB with
# them), and a class probability. Measured on the quickstart.
REPORT_BYTES, TRIAL_BYTES, GAN_TRIAL_BYTES, PROBABILITY_BYTES = 5e6, 0.04e6, 0.22e6, 4
# They add images, but none that are new and would be measured.
_COPY = ("duplicates", "random_oversampling")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How many images a trial has at one imbalance ratio."""

    training: tuple[int, ...]
    """Images of each class, in label order."""
    minority: tuple[int, ...]
    """The labels of the rare classes."""
    num_validation: int
    num_test: int


@dataclass(frozen=True, kw_only=True)
class GanSpeed:
    """Seconds of the parts of a GAN's training; a step is one generator step with its discriminator steps."""

    step: float
    image: float
    """A generated image at the size of the data."""
    warm_start_epoch: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Seconds of the parts of a trial, in a worker while all others work too."""

    gans: Mapping[str, GanSpeed]
    """The costs of GANs and other generators, by balancer."""
    classifier_step: float
    classifier_start: float
    """Time of a fit beyond its steps."""
    domain_step: float
    """A step of the classifier that measures images."""
    prediction: float
    """An image's predicted class."""
    data: float
    """Reducing, splitting and copying a trial's data."""


class Length(NamedTuple):
    """Generator steps of a GAN's training, which may end automatically between the two."""

    least: int
    most: int


def gan_lengths(balancer: GeneratorBalancing, workload: Workload) -> list[Length]:
    """The length of each GAN or other generator that fills the rare classes."""
    lacking = deficits_of(workload, balancer.balance_to)
    counts = workload.training
    if not balancer.knows_classes:
        return [_length(balancer.length, counts[label], counts[label]) for label in lacking]
    return [_length(balancer.length, sum(counts), max(counts[label] for label in lacking))] if lacking else []


def _length(asked: TrainingLength, num_images: int, num_rare: int) -> Length:
    """The length on so many images; `num_rare` of the largest class that it fills, of which some are held out."""
    least = asked.num_generator_steps(num_images)
    ends_by_itself = asked.most_generator_steps is not None and num_rare >= FEWEST_IMAGES
    return Length(least, asked.most_generator_steps or least if ends_by_itself else least)


def at_floor(asked: TrainingLength) -> TrainingLength:
    """`asked` with its minimum length."""
    return replace(asked, most_generator_steps=None)


def with_share_of_length(asked: TrainingLength, share: float) -> TrainingLength:
    """`asked` with a `share` of its minimum length, at least one step or epoch."""
    if asked.epochs is not None:
        return replace(asked, epochs=max(1, round(share * asked.epochs)), milestones=())
    return asked.of_length(max(1, round(share * (asked.generator_steps or 0))))


def deficits_of(workload: Workload, balance_to: float) -> dict[int, int]:
    """Images that each rare class lacks, as `balancer.deficits` computes them."""
    target = round(balance_to * max(workload.training))
    counts = workload.training
    return {label: target - counts[label] for label in workload.minority if counts[label] < target}


def balancing_seconds(config: TrialConfig, workload: Workload, speeds: Speeds) -> float:
    """Maximum seconds of a trial's balancer; the time of simple methods is negligible."""
    balancer = config.balancing.balancer
    if not isinstance(balancer, GeneratorBalancing):
        return 0.0
    speed, lengths = speeds.gans[config.balancing.name], gan_lengths(balancer, workload)
    steps, warm_starts = sum(length.most for length in lengths), 0
    if isinstance(balancer, GanBalancing):
        warm_starts = len(lengths) * balancer.gan.warm_start_epochs
        if balancer.gan.pretrain == "all_classes" and lengths:
            steps += balancer.gan.num_generator_steps(sum(workload.training))
    images = sum(deficits_of(workload, balancer.balance_to).values())
    return steps * speed.step + warm_starts * speed.warm_start_epoch + images * speed.image


def fit_seconds(config: TrialConfig, workload: Workload, speeds: Speeds) -> float:
    """Seconds of one fit of a trial's classifier."""
    size, balanced_size = sum(workload.training), sum(workload.training)
    if BALANCERS[config.balancing.name].adds_images:
        balance_to = config.balancing.dump()["balance_to"]
        assert isinstance(balance_to, int | float)
        balanced_size += sum(deficits_of(workload, balance_to).values())
    steps = num_steps(config.classifier, balanced_size=balanced_size, unbalanced_size=size)
    return speeds.classifier_start + steps * speeds.classifier_step


def measures_images(trial: PlannedTrial) -> bool:
    """Whether a trial measures images that its balancer made."""
    makes_images = BALANCERS[trial.arm.balancer].adds_images and trial.arm.balancer not in _COPY
    return trial.config.evaluation.test and trial.purpose.measures_images and makes_images


def trial_seconds(trial: PlannedTrial, workload: Workload, speeds: Speeds) -> float:
    """Seconds of a trial without the models that measure images, which the first trial of a setting trains for
    all.
    """
    config = trial.config
    fit = fit_seconds(config, workload, speeds)
    predicted = workload.num_validation + (workload.num_test if config.evaluation.test else 0)
    return (
        TRIAL_SECONDS
        + speeds.data
        + balancing_seconds(config, workload, speeds)
        + config.evaluation.fits * (fit + predicted * speeds.prediction)
        + measures_images(trial) * (fit + METRIC_SECONDS)
    )


def loads(trials: Iterable[PlannedTrial], workloads: Mapping[Ratio, Workload], speeds: Speeds) -> Iterator[float]:
    """Seconds of each of `trials`; the first trial that needs the models that measure images trains them."""
    made = set[tuple[Ratio, int] | None]()
    for trial in trials:
        ratio = trial.arm.ratio
        seconds = trial_seconds(trial, workloads[ratio], speeds)
        # One model of the whole data set, and of each setting one, and a fit to as many real images.
        settings = {None, (ratio, trial.config.seed)} - made if measures_images(trial) else set()
        made |= settings
        fits = fit_seconds(trial.config, workloads[ratio], speeds) if settings - {None} else 0.0
        yield seconds + len(settings) * DOMAIN_STEPS * speeds.domain_step + fits


def even_loads(
    trials: Iterable[PlannedTrial], workloads: Mapping[Ratio, Workload], speeds: Speeds, *, num_measuring: int
) -> Iterator[float]:
    """As `loads`, for trials in any order: `num_measuring` trials of a setting share the models that measure
    images.
    """
    for trial in trials:
        workload = workloads[trial.arm.ratio]
        made = DOMAIN_STEPS * speeds.domain_step + fit_seconds(trial.config, workload, speeds)
        share = measures_images(trial) * made / max(1, num_measuring)
        yield trial_seconds(trial, workload, speeds) + share


def disk_bytes(trials: Iterable[PlannedTrial], workloads: Mapping[Ratio, Workload]) -> float:
    """Bytes written by `trials`, without the states of GANs in training (`resources.cache_gb`)."""
    total = 0.0
    for trial in trials:
        workload, evaluation = workloads[trial.arm.ratio], trial.config.evaluation
        predicted = workload.num_validation + (workload.num_test if evaluation.test else 0)
        trains = BALANCERS[trial.arm.balancer].trains_generator
        total += GAN_TRIAL_BYTES if trains else TRIAL_BYTES
        total += evaluation.fits * predicted * len(workload.training) * PROBABILITY_BYTES
    return total


def makespan(seconds: Iterable[float], num_workers: int) -> float:
    """When the last of these tasks ends, if each starts in this order as soon as a worker is free."""
    free = [0.0] * num_workers
    for each in seconds:
        heapreplace(free, free[0] + each)
    return max(free)


def mean_searched_steps(config: StudyConfig, balancer: str) -> int | None:
    """The average number of generator steps that the search chooses for a balancer; None if it does not vary
    them.
    """
    space = config.space()
    for key in space.keys_of(balancer):
        if key.partition("@")[0] not in GENERATOR_STEPS_OF_ALL:
            continue
        domain = space.parameters[key]
        if isinstance(domain, Choice):
            return round(sum(map(int, domain.options)) / len(domain.options))
        if domain.log and domain.high > domain.low:
            return round((domain.high - domain.low) / math.log(domain.high / domain.low))
        return round((domain.low + domain.high) / 2)
    return None
