"""How fast this machine is for a study's work: times a few steps of each GAN and of the classifier."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from gan_study.study.plan.config import NO_BALANCING, StudyConfig
from gan_study.study.plan.costs import GanSpeed, Speeds
from gan_study.study.plan.rounds import SeedRound, all_arms
from gan_study.study.plan.time_plan import default_selection
from gan_study.study.plan.trials import PlannedTrial, confirmations
from gan_study.study.run.cluster import Room
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.data.byte_images import resize
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.gans.variant import GanVariant, TrainingData
from gan_study.trainables.image_quality.extractor import DOMAIN_FEATURES, DOMAIN_TRAINING
from gan_study.trainables.runtime.matrix_products import choose_library
from gan_study.trainables.runtime.process import keep_freed_memory, use_threads
from gan_study.trainables.trial.data import TrialData, load_data
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.trainable import SharedImages, assigned_cpus, assigned_device

# A study of many GANs is to begin within half a minute, and one of three minutes within a few seconds.
MOST_SECONDS, MOST_SECONDS_A_GAN, MOST_SHARE_OF_BUDGET = 30.0, 5.0, 0.04
# What a study without a budget waits for its estimate; said again from its trials, which are better known.
SECONDS_BEFORE_RUN = 3.0
# Timed for so long or, if it takes longer, so often: the median of three tells a hiccup from a step.
_LONG_ENOUGH, _FEWEST_CHUNKS = 1.0, 3
# A warm start is timed on so many batches.
_WARM_START_BATCHES = 4
_IMAGES = 64
# Plain Python, as most of a report is; the processor time that it took on the machine where the report was timed.
_ADDED_NUMBERS, _ADDING_SECONDS = 500_000, 0.05


class ProbeError(UserError):
    """This machine cannot be measured: a trial's work fails here, or its process is killed."""


def probe(config: StudyConfig, images: SharedImages, room: Room, *, seconds: float = MOST_SECONDS) -> Speeds:
    """The speeds of the work of `config` on a trial's device, while all other workers do the same: medians over
    them.

    Takes about `seconds` after the workers have started. Raises ProbeError if this work fails or is killed.
    """
    trials = trials_of_one_setting(config)
    # One that was killed for want of memory would be tried again for ever.
    measure = ray.remote(num_cpus=room.trial["CPU"], num_gpus=room.trial["GPU"], max_retries=0)(_measure_in_worker)
    try:
        found = ray.get([measure.remote(trials, images, seconds) for _ in range(room.num_workers)])
    except RayError as error:
        reason = describe_failure(error.cause if isinstance(error, RayTaskError) else error)
        raise ProbeError(f"measuring the speed of this machine failed: {reason}") from None
    return typical(found)


def trials_of_one_setting(config: StudyConfig) -> list[PlannedTrial]:
    """A confirm trial of every method with its defaults, all at the first ratio and seed."""
    first = SeedRound(seeds=config.confirm.seeds[:1], arms=all_arms(config))
    trials = list(confirmations(config, default_selection(config), [first]))
    return [trial for trial in trials if trial.arm.ratio == trials[0].arm.ratio]


def measure_slowness() -> float:
    """How many times slower this process is than one with a core of its own where the report was timed."""

    def work() -> None:
        sum(number * number for number in range(_ADDED_NUMBERS))

    return max(1.0, _seconds_of(work, 2 * _LONG_ENOUGH) / _ADDING_SECONDS)


def typical(found: Sequence[Speeds]) -> Speeds:
    """The median of each of the speeds."""
    numbers = ("classifier_step", "classifier_start", "domain_step", "prediction", "data")
    return Speeds(
        gans={
            name: GanSpeed(
                step=median(each.gans[name].step for each in found),
                image=median(each.gans[name].image for each in found),
                warm_start_epoch=median(each.gans[name].warm_start_epoch for each in found),
            )
            for name in found[0].gans
        },
        **{name: median(getattr(each, name) for each in found) for name in numbers},
    )


def _measure_in_worker(trials: Sequence[PlannedTrial], images: SharedImages, seconds: float) -> Speeds:
    prepare_worker()
    return measure_speeds(trials, images, assigned_device(), seconds=seconds)


def prepare_worker() -> None:
    """Compute in this process as a trial's worker does."""
    use_threads(assigned_cpus())
    keep_freed_memory()
    choose_library()


def measure_speeds(
    trials: Sequence[PlannedTrial], source: ImageSource, device: torch.device, *, seconds: float
) -> Speeds:
    """The speeds of the work of `trials` of one setting on `device`, measured within about `seconds`.

    No balancing must be one of them.
    """
    (plain,) = (trial for trial in trials if trial.arm.balancer == NO_BALANCING)
    began = time.perf_counter()
    data = load_data(plain.config, source, device)
    data_seconds = time.perf_counter() - began
    gans = [trial for trial in trials if isinstance(trial.config.balancing.balancer, GeneratorBalancing)]
    # The classifiers take as long as a GAN does, and their start is counted with them.
    share = min(MOST_SECONDS_A_GAN, seconds / (len(gans) + 1))
    step, start = _fit_speed(data, plain, share / 2)
    images = data.validation.images[:_IMAGES]
    fitted = fit(plain.config.classifier.unwatching(), _timed_images(data, plain), steps=1, seed=0)
    return Speeds(
        gans={trial.arm.balancer: _gan_speed(trial, data, share) for trial in gans},
        classifier_step=step,
        classifier_start=start,
        domain_step=_domain_speed(data, share / 2),
        prediction=_seconds_of(lambda: fitted.probabilities(images).sum().item(), 0.0) / len(images),
        data=data_seconds,
    )


def _gan_speed(trial: PlannedTrial, data: TrialData, seconds: float) -> GanSpeed:
    balancer = trial.config.balancing.balancer
    assert isinstance(balancer, GeneratorBalancing)
    typical = typical_data(balancer, data.training)
    if typical is None:
        return GanSpeed(step=0.0, image=0.0)
    trainer = balancer.trainer(typical, seed=0)

    def step() -> None:
        means = trainer.take_steps(islice(trainer.batches, trainer.batches_per_step))
        # Read, so that a GPU has come to it.
        means[1].sum().item()

    labels, size = data.training.labels[:_IMAGES], data.training.shape.size

    def make_images() -> None:
        made = sample(trainer.sampled_generator, labels, trainer.latent_size, seed=0)
        resize(made, size).sum().item()

    return GanSpeed(
        step=_seconds_of(step, seconds),
        image=_seconds_of(make_images, 0.0) / len(labels),
        warm_start_epoch=_warm_start_seconds(trainer) if isinstance(trainer, GanTrainer) else 0.0,
    )


def typical_data(balancer: GeneratorBalancing, training: TrainingSet) -> TrainingData | None:
    """The data of the generator that learns from most images; None if no class lacks any.

    A step of the others takes as long, as batches are full.
    """
    wanted = max(balancer.wanted(training), key=lambda each: len(each.data.images), default=None)
    return None if wanted is None else wanted.data


def variant_of(balancer: GanBalancing) -> GanVariant:
    """The GAN that balances."""
    variant = BALANCERS[balancer.name].variant
    assert variant is not None, "a GanBalancing names one"
    return variant


def _warm_start_seconds(trainer: GanTrainer) -> float:
    """Seconds of a pass of the warm start over all images, from one over a few of every class; 0 without any."""
    data, warm_start = trainer.data, trainer.variant.warm_start
    if warm_start is None or not trainer.settings.warm_start_epochs:
        return 0.0
    each = -(-_WARM_START_BATCHES * trainer.settings.batch_size // data.num_classes)
    rows = torch.cat([torch.nonzero(data.labels == label).flatten()[:each] for label in range(data.num_classes)])
    few = TrainingData(images=data.images[rows], labels=data.labels[rows], num_classes=data.num_classes)
    once = replace(trainer.settings, warm_start_epochs=1)
    began = time.perf_counter()
    warm_start(trainer.networks, few, once, torch.Generator(device=trainer.device).manual_seed(0))
    return (time.perf_counter() - began) * len(data.images) / len(rows)


def _fit_speed(data: TrialData, trial: PlannedTrial, seconds: float) -> tuple[float, float]:
    """Seconds of a step of the classifier under study, and of all that a fit takes beside its steps."""
    config, training = trial.config.classifier.unwatching(), _timed_images(data, trial)
    return _slope(lambda steps: fit(config, training, steps=steps, seed=0), seconds)


def _timed_images(data: TrialData, trial: PlannedTrial) -> TrainingSet:
    """The images that a fit is timed on: all, but a few for a frozen network.

    It computes the features of each before the first step, which a worker does once, and not for each trial.
    """
    backbone = trial.config.classifier.backbone
    if backbone is None or backbone.tuning != "frozen":
        return data.training
    return data.training.take(torch.arange(min(_IMAGES, len(data.training)), device=data.device))


def _domain_speed(data: TrialData, seconds: float) -> float:
    """Seconds of a step of the classifier that measures images."""
    return _slope(
        lambda steps: fit(DOMAIN_TRAINING, data.training, steps=steps, seed=0, model=DOMAIN_FEATURES), seconds
    )[0]


def _slope(work: Callable[[int], object], seconds: float) -> tuple[float, float]:
    """Seconds of a step of `work`, which takes a number of steps, and of no step; within about `seconds`."""
    few, many = 2, 12
    work(few)
    short = min(_time(work, few) for _ in range(2))
    long = _time(work, many)
    # More steps where there is time for them: short ones drown in noise.
    step = max(long - short, 1e-6) / (many - few)
    more = int(min(20 * many, seconds / 2 / step))
    if more > many:
        step = max(_time(work, more) - short, 1e-6) / (more - few)
    return step, max(0.0, short - few * step)


def _time(work: Callable[[int], object], steps: int) -> float:
    began = time.perf_counter()
    work(steps)
    return time.perf_counter() - began


def _seconds_of(work: Callable[[], object], seconds: float) -> float:
    """The median of the seconds of `work`, done for about `seconds` and at least a few times; warm."""
    work()
    taken: list[float] = []
    while len(taken) < _FEWEST_CHUNKS or sum(taken) < min(seconds / 2, _LONG_ENOUGH):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)
