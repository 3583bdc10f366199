"""One trial from its configuration to its record: the whole pipeline, without Ray.

A breakpoint in `run_trial` is the best way to explore this package: every stage starts there.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TypeAlias

import torch

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.backbone import Backbone
from gan_study.trainables.classifiers.classifier import BACKBONE, ClassifierConfig, FittedClassifier
from gan_study.trainables.classifiers.metrics import added_measures
from gan_study.trainables.classifiers.scores import Scores, score
from gan_study.trainables.classifiers.training import AfterEpoch, Validation, fit, num_steps
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.batched import ALONE, TrialExecution
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.image_quality.image_filter import image_filter
from gan_study.trainables.image_quality.judge import (
    MeasuredImages,
    RealImages,
    ReferenceModels,
    fit_reference_models,
    measure_images,
)
from gan_study.trainables.records.record import Milestone, Part
from gan_study.trainables.runtime.cache import Store
from gan_study.trainables.runtime.process import usable_device, with_torch_defaults
from gan_study.trainables.trial.config import TrialConfig
from gan_study.trainables.trial.data import TrialData, TrialParts, add_held_back, held_out, load_data
from gan_study.trainables.trial.outcome import Evaluated, Fits, TrialOutcome, complete, gain
from gan_study.trainables.trial.purpose import Purpose

_log = logging.getLogger(__name__)

# Passes over the features by a linear head: Adam at 0.001 is through with 512 of them by then.
FROZEN_EPOCHS = 100

TrialEvent: TypeAlias = Milestone | TrialOutcome


@checked_arguments
@with_torch_defaults
def run_trial(
    config: TrialConfig,
    purpose: Purpose,
    *,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
    store: Store | None = None,
    source: ImageSource | None = None,
    execution: TrialExecution = ALONE,
) -> Iterator[TrialEvent]:
    """Run one trial, without Ray and without a study's folder.

    Parameters
    ----------
    config : TrialConfig
        Data, imbalance, classifier, balancing and seed; `parse_trial` makes one.
    purpose : Purpose
        Why the trial is run: only a confirmation reads the test set.
    device : torch.device
        Where the networks are trained.
    checkpoints : Checkpoints, optional
        Where states of GANs are saved and found; with it no step of a GAN is trained twice. Changes no number.
    store : mutable mapping, optional
        Where classifiers that measure images are saved and found. Changes no number.
    source : ImageSource, optional
        The images of `config.data`, if they have been read already.
    execution : TrialExecution
        How the GANs are trained: alone or several at once.

    Yields
    ------
    Milestone or TrialOutcome
        Each milestone when it is reached, and the outcome last. To stop the training, stop iterating.

    Raises
    ------
    UserError
        If the data cannot be used.
    ValueError
        If nothing can be computed on the device.
    DivergedError
        If a loss is not finite. `failed_record` makes a record of either error.

    Examples
    --------
    >>> import torch
    >>> from gan_study import Purpose, parse_trial, run_trial
    >>> trial = parse_trial(
    ...     {
    ...         "seed": 1,
    ...         "data": {"name": "digits", "image_size": 16},
    ...         "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3", "8"]},
    ...         "classifier": {"epochs": 1},
    ...         "balancing": {"name": "duplicates"},
    ...     }
    ... )
    >>> *milestones, outcome = run_trial(trial, Purpose(phase="baseline"), device=torch.device("cpu"))
    >>> outcome.record.status, sorted(outcome.record.scores)
    ('complete', ['validation'])
    """
    clock, device = Stopwatch(), usable_device(device)
    cached: Store = {} if store is None else store
    # The pool is thinned to the imbalance, validation is carved out of what is left, both go onto the device.
    data = _load(config, purpose, source, device)
    clock.lap("data")
    milestones: list[Milestone] = []
    # A balancer yields one set or, if it trains a generator, one at each milestone and the answer last.
    for balanced in _balance(config, data, checkpoints, execution, cached):
        clock.lap("balancing")
        fits = _fit_classifiers(config, data, balanced)
        clock.lap("classifier")
        evaluated: dict[Part, Evaluated] = {"validation": _evaluate(data, fits.classifiers, "validation")}
        clock.lap("evaluation")
        if not balanced.is_final:
            objective = gain(evaluated["validation"].scores, purpose)
            assert objective is not None, "milestones are asked for only if a baseline is known"
            milestones.append(Milestone(generator_steps=balanced.generator_steps, objective=objective))
            yield milestones[-1]
            continue
        measured: dict[int, MeasuredImages] = {}
        # The test set is read, and generated images are measured, only to confirm.
        if config.evaluation.test and purpose.measures_images:
            measured = _measure_images(config, data, balanced, cached)
            clock.lap("quality")
        if config.evaluation.test:
            evaluated["test"] = _evaluate(data, fits.classifiers, "test")
            clock.lap("test")
        frozen = _evaluate_frozen(config, data)
        yield complete(
            config,
            purpose,
            data,
            balanced,
            fits=fits,
            evaluated=evaluated,
            measured=measured,
            frozen=frozen,
            milestones=tuple(milestones),
            seconds=clock.seconds,
        )


def _load(config: TrialConfig, purpose: Purpose, source: ImageSource | None, device: torch.device) -> TrialData:
    """The trial's data, with what the study scores beside the metrics that all studies have."""
    data = load_data(config, source or image_source(config.data), device)
    added = added_measures(purpose.metric, purpose.costs, data.parts.classes.names)
    return replace(data, added_measures=added)


@dataclass
class Stopwatch:
    """Wall time by stage, in seconds: each lap ends where the next begins."""

    seconds: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=perf_counter)

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to `stage`."""
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._started
        _log.info("stage done", extra={"stage": stage, "seconds": round(now - self._started, 3)})
        self._started = now


def _balance(
    config: TrialConfig, data: TrialData, checkpoints: Checkpoints | None, execution: TrialExecution, store: Store
) -> Iterator[BalancedSet]:
    """The balanced sets, each with the real images that it asks for; a generator has the filter it applies."""
    inputs_of, balancer = partial(_balancer_inputs, config, data), config.balancing.balancer
    training, seed = inputs_of(config.seed)
    if isinstance(balancer, GeneratorBalancing):
        execution = replace(execution, inputs_of=inputs_of)
        reject = None
        if balancer.filter == "apply":
            reject = image_filter(training, store, seed=derive_seed(config.seed, "quality"))
        sets = balancer.balance(training, seed=seed, checkpoints=checkpoints, execution=execution, reject=reject)
    else:
        sets = balancer.balance(training, seed=seed)
    for balanced in sets:
        yield add_held_back(balanced, data.parts, seed=derive_seed(config.seed, "held back"))


def _balancer_inputs(config: TrialConfig, data: TrialData, seed: int) -> tuple[TrainingSet, int]:
    """The training set and the seed that the balancer is given in the trial that has `seed` instead of its own."""
    if seed != config.seed:
        data = load_data(replace(config, seed=seed), data.source, data.device)
    return data.training, derive_seed(seed, "balancing")


def _fit_classifiers(config: TrialConfig, data: TrialData, balanced: BalancedSet) -> Fits:
    """The classifiers fitted to a balanced set: as many as asked for to the final one, one to a milestone's."""
    test_epochs: list[Scores] = []

    def test_epoch(epoch: int, classifier: FittedClassifier) -> None:
        test_epochs.extend(_evaluate(data, [classifier], "test").scores)

    is_tested = config.evaluation.test_each_epoch and balanced.is_final
    classifiers: list[FittedClassifier] = []
    seconds: list[float] = []
    for number in range(config.evaluation.fits if balanced.is_final else 1):
        started = perf_counter()
        classifiers.append(
            fit_classifier(
                config,
                balanced,
                data.validation,
                unbalanced_size=len(data.training),
                number=number,
                after_epoch=test_epoch if is_tested and number == 0 else None,
            )
        )
        seconds.append(perf_counter() - started)
    return Fits(classifiers=tuple(classifiers), seconds=tuple(seconds), test_epochs=tuple(test_epochs))


def fit_classifier(
    config: TrialConfig,
    balanced: BalancedSet,
    validation: Validation,
    *,
    unbalanced_size: int,
    number: int = 0,
    after_epoch: AfterEpoch | None = None,
) -> FittedClassifier:
    """The trial's classifier fitted to a balanced set of a training set that had `unbalanced_size` images.

    Fits with another `number` use other weights and batches, the same ones for every balancer: they are pairs.
    """
    return fit(
        config.classifier,
        balanced.training,
        steps=num_steps(config.classifier, balanced_size=len(balanced.training), unbalanced_size=unbalanced_size),
        seed=derive_seed(config.seed, "classifier", *([number] if number else [])),
        plan=balanced.plan,
        validation=validation,
        after_epoch=after_epoch,
    )


def _evaluate(data: TrialData, classifiers: Sequence[FittedClassifier], part: Part) -> Evaluated:
    parts = data.parts
    if part == "validation":
        # Weighted to the test set's class proportions, so that both parts' scores speak of the same population.
        images, labels, proportions = data.validation.images, parts.validation.labels, parts.test_proportions
    else:
        images, labels, proportions = data.test.images, data.test.loaded.images.labels, None
    probabilities = tuple(each.probabilities(images).cpu().numpy() for each in classifiers)
    scores = tuple(
        score(
            labels,
            each,
            minority=parts.classes.minority,
            class_proportions=proportions,
            added=data.added_measures,
        )
        for each in probabilities
    )
    return Evaluated(labels=labels, probabilities=probabilities, scores=scores)


def _evaluate_frozen(config: TrialConfig, data: TrialData) -> Scores | None:
    """Test scores of a linear head on the frozen network, without balancing; None if none is asked for."""
    network = config.evaluation.frozen_baseline
    if network is None:
        return None
    backbone = Backbone(**vars(network), tuning="frozen")
    head = ClassifierConfig(name=BACKBONE, backbone=backbone, epochs=FROZEN_EPOCHS)
    number = len(data.training)
    fitted = fit(
        head,
        data.training,
        steps=num_steps(head, balanced_size=number, unbalanced_size=number),
        seed=derive_seed(config.seed, "frozen baseline"),
    )
    return _evaluate(data, [fitted], "test").scores[0]


def _measure_images(
    config: TrialConfig, data: TrialData, balanced: BalancedSet, store: Store
) -> dict[int, MeasuredImages]:
    """The images that were made and their quality, by label; nothing if none were made."""
    if not balanced.training.synthetic.any():
        return {}
    real, models = reference_models(config, data.parts, data.training, store)
    return measure_images(balanced.training, real, models, seed=derive_seed(config.seed, "quality"))


def reference_models(
    config: TrialConfig, parts: TrialParts, training: TrainingSet, store: Store
) -> tuple[RealImages, ReferenceModels]:
    """The real images of the trial's setting, each with weight one, and the models that measure generated ones."""
    real = RealImages(
        training=training.unweighted(),
        held_out=held_out(parts, training.images.device),
        classifier=config.classifier,
    )
    seed = derive_seed(config.seed, "quality")
    return real, fit_reference_models(real, parts.pool, config.evaluation.image_features, store, seed=seed)
