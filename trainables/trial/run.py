"""One trial from its configuration to its record: the whole pipeline, without Ray."""

import datetime
import importlib.metadata
import logging
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import UserError, settings
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.classifiers.scores import score
from gan_study.trainables.data.catalog import image_source
from gan_study.trainables.data.images import Loaded, TrainingSet, class_counts, to_float, training_set
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.batched.together import BY_DEVICE, GanExecution
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.image_quality.judge import Judged, judged
from gan_study.trainables.image_quality.nearest import pairs, points
from gan_study.trainables.record import (
    ClassCounts,
    EpochLoss,
    EpochOnTest,
    Milestone,
    Part,
    Phase,
    Scores,
    SearchStep,
    Selection,
    TrialRecord,
)
from gan_study.trainables.runtime.cache import Store
from gan_study.trainables.runtime.matrix_products import library
from gan_study.trainables.trial.artifacts import (
    growth_strip,
    map_file,
    nearest_panel,
    predictions_file,
    sample_grid,
)
from gan_study.trainables.trial.config import TrialConfig, dump_trial
from gan_study.trainables.trial.data import TrialParts, granted, prepare
from gan_study.trainables.trial.shared_steps import fit_classifier, setting_yardstick, validation_on_device

_log = logging.getLogger(__name__)

PICTURES = frozenset({"samples", "growth", "nearest"})


@settings
class Purpose:
    """Why a trial is run: its phase, the metric that counts, and what it is measured against.

    `metric` names one of Scores.overall. `baseline` is its value on validation data without balancing in the same
    setting, where it is known; the trial's objective is the gain over it.
    """

    phase: Phase
    metric: str = "minority_f1"
    baseline: float | None = None
    search: SearchStep | None = None
    selection: Selection | None = None


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """A finished trial: its record, and the files that go with it by the names in `record.artifacts`."""

    record: TrialRecord
    files: Mapping[str, bytes]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tried:
    """A balanced set that was tried out: the classifier fitted to it, and what it does on validation data."""

    balanced: BalancedSet
    classifier: FittedClassifier
    probabilities: npt.NDArray[np.float32]
    validation: Scores


TrialEvent: TypeAlias = Milestone | TrialOutcome


def run_trial(
    config: TrialConfig,
    purpose: Purpose,
    *,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
    store: Store | None = None,
    source: ImageSource | None = None,
    execution: GanExecution = BY_DEVICE,
    family: Sequence[int] = (),
) -> Iterator[TrialEvent]:
    """The trial's milestones as they are reached, and last its outcome.

    A consumer that stops asking stops the training. With `checkpoints` no GAN's epoch is trained twice, with
    `store` no classifier that measures images; no number depends on either. Errors of the data (UserError) and of
    the training (a loss that is not finite) are raised; `failed_record` makes a record of them. `source` holds the
    images that `config.data` asks for, where somebody has read them; they are read otherwise. GANs are trained as
    `execution` says; `family` are the seeds of trials that are otherwise like this one, its own among them, whose
    GANs may be trained side by side with its own.
    """
    trial = _Trial(
        config,
        purpose,
        device,
        source=source or image_source(config.data),
        checkpoints=checkpoints,
        store={} if store is None else store,
        execution=execution.on(device.type),
        family=family,
    )
    milestones: list[Milestone] = []
    for balanced in trial.balanced_sets():
        tried = trial.try_out(balanced)
        if balanced.is_final:
            yield trial.outcome(tried, tuple(milestones))
        else:
            milestones.append(_milestone(tried, purpose))
            yield milestones[-1]


def failed_record(config: TrialConfig, purpose: Purpose, *, reason: str, imbalance_ratio: float) -> TrialRecord:
    """The record of a trial that did not come to an end, and why."""
    blank = _blank_record(config, purpose, imbalance_ratio=imbalance_ratio)
    return replace(blank, status="failed", failure=reason, finished_at=_now())


def pruned_record(
    config: TrialConfig, purpose: Purpose, *, milestones: tuple[Milestone, ...], imbalance_ratio: float
) -> TrialRecord:
    """The record of a search trial that was stopped early, with the milestones it had reached."""
    blank = _blank_record(config, purpose, imbalance_ratio=imbalance_ratio)
    return replace(blank, status="pruned", milestones=milestones, finished_at=_now())


def describe_failure(error: BaseException) -> str:
    """One line that says what went wrong."""
    message = " ".join(str(error).split())
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"


def artifact_path(trial_id: str, name: str) -> str:
    """Where a trial's file lies, relative to the study folder."""
    return f"artifacts/{trial_id}/{name}.{'png' if name in PICTURES else 'npz'}"


def comparison_files(made: Mapping[str, Judged], class_names: Sequence[str]) -> dict[str, bytes]:
    """Generated images beside their nearest training images, and both as points; nothing where none were made."""
    if not made:
        return {}
    return {
        "nearest": nearest_panel(
            {
                name: pairs(each.generated, each.training, features=each.quality.features)
                for name, each in made.items()
            }
        ),
        "map": map_file(
            points({class_names.index(name): (each.generated, each.training) for name, each in made.items()})
        ),
    }


def versions() -> dict[str, str]:
    """The machine's kind, and the versions of what computes the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def environment(device: torch.device) -> dict[str, str]:
    """What the numbers of a trial may depend on beside its configuration."""
    return {
        **versions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
        "matrix_products": library(),
    }


class _Trial:
    """One trial under way: its data on its device, and the time that each stage took."""

    def __init__(
        self,
        config: TrialConfig,
        purpose: Purpose,
        device: torch.device,
        *,
        source: ImageSource,
        checkpoints: Checkpoints | None,
        store: Store,
        execution: GanExecution,
        family: Sequence[int],
    ) -> None:
        self.config, self.purpose, self.device = config, purpose, device
        self.source, self.checkpoints, self.store = source, checkpoints, store
        self.execution, self.family = execution, family
        self.clock = Stopwatch()
        self.test_epochs: list[EpochOnTest] = []
        self.parts = prepare(config, source)
        self.training = training_set(self.parts.training, self.parts.classes, device)
        self.validation = validation_on_device(self.parts.validation, self.parts.test_proportions, device)
        self.clock.lap("data")

    def balanced_sets(self) -> Iterator[BalancedSet]:
        """What the balancer makes of the training part."""
        balancer, seed = self.config.balancing.balancer, self._seed("balancing")
        for balanced in (
            balancer.balance(
                self.training,
                seed=seed,
                checkpoints=self.checkpoints,
                execution=self.execution,
                family=self._family(),
            )
            if isinstance(balancer, GanBalancing)
            else balancer.balance(self.training, seed=seed)
        ):
            self.clock.lap("balancing")
            yield granted(balanced, self.parts, seed=self._seed("held back"))

    def try_out(self, balanced: BalancedSet) -> _Tried:
        """The classifier fitted to a balanced set, and its scores on the validation part."""
        classifier = fit_classifier(
            self.config,
            balanced,
            self.validation,
            unbalanced_size=len(self.training),
            after_epoch=self._tested_epoch if self._tests_epochs_of(balanced) else None,
        )
        self.clock.lap("classifier")
        probabilities = _predicted(classifier, self.validation.images)
        validation = score(
            self.parts.validation.labels,
            probabilities,
            minority=self.parts.classes.minority,
            class_proportions=self.parts.test_proportions,
        )
        self.clock.lap("evaluation")
        return _Tried(
            balanced=balanced,
            classifier=classifier,
            probabilities=probabilities,
            validation=validation,
        )

    def outcome(self, tried: _Tried, milestones: tuple[Milestone, ...]) -> TrialOutcome:
        """The record of the trial and its files; where the configuration allows it, the test part is read."""
        record = self._record(tried, milestones)
        files = {"predictions_validation": predictions_file(self.parts.validation.labels, tried.probabilities)}
        pictures = {
            "samples": sample_grid(tried.balanced.training),
            "growth": growth_strip(self.training, tried.balanced.growth),
        }
        files |= {name: picture for name, picture in pictures.items() if picture is not None}
        if self.config.evaluation.test:
            made = self._judged(tried)
            record = replace(record, generated={name: each.quality for name, each in made.items()})
            files |= comparison_files(made, record.class_names)
            self.clock.lap("quality")
            test, images = self._test_part
            probabilities = _predicted(tried.classifier, images)
            files["predictions_test"] = predictions_file(test.images.labels, probabilities)
            record = replace(_with_test(record, test, probabilities), test_epochs=tuple(self.test_epochs))
            self.clock.lap("test")
        record = replace(
            record,
            artifacts={name: artifact_path(record.trial_id, name) for name in files},
            seconds=self.clock.seconds,
            environment=environment(self.device),
            finished_at=_now(),
        )
        return TrialOutcome(record=record, files=files)

    def _family(self) -> list[tuple[TrainingSet, int]]:
        """What the balancers of all trials of the family are given, where their GANs are trained side by side."""
        if self.execution.way == "one_at_a_time":
            return []
        configs = [replace(self.config, seed=seed) for seed in self.family]
        return [(self._training_set_of(config), derive_seed(config.seed, "balancing")) for config in configs]

    def _training_set_of(self, config: TrialConfig) -> TrainingSet:
        if config.seed == self.config.seed:
            return self.training
        parts = prepare(config, self.source)
        return training_set(parts.training, parts.classes, self.device)

    def _record(self, tried: _Tried, milestones: tuple[Milestone, ...]) -> TrialRecord:
        parts = self.parts
        return replace(
            _blank_record(self.config, self.purpose, imbalance_ratio=parts.imbalance_ratio),
            status="complete",
            class_names=parts.classes.names,
            minority_classes=parts.classes.minority,
            class_counts=_class_counts(parts, tried.balanced.training),
            scores={"validation": tried.validation},
            objective=_gain(tried.validation, self.purpose),
            milestones=milestones,
            losses=_losses(tried.balanced),
            gan_seconds=tried.balanced.gan_seconds,
            notes=(*parts.notes, *tried.balanced.notes),
        )

    def _judged(self, tried: _Tried) -> dict[str, Judged]:
        """The images that were made, by class; their quality is measured when a configuration is confirmed."""
        if not tried.balanced.training.synthetic.any():
            return {}
        real, measure = setting_yardstick(self.config, self.parts, self.training, self.store)
        return judged(tried.balanced.training, real, measure, seed=self._seed("quality"))

    @cached_property
    def _test_part(self) -> tuple[Loaded, Tensor]:
        """The test part, and its images on the device."""
        assert self.config.evaluation.test, "the test part may not be read"
        test = self.source.test()
        return test, to_float(test.images.images, self.device)

    def _tests_epochs_of(self, balanced: BalancedSet) -> bool:
        return self.config.evaluation.test_each_epoch and balanced.is_final

    def _tested_epoch(self, epoch: int, classifier: FittedClassifier) -> None:
        test, images = self._test_part
        scores = score(test.images.labels, _predicted(classifier, images), minority=self.parts.classes.minority)
        self.test_epochs.append(EpochOnTest(epoch=epoch, overall=scores.overall))

    def _seed(self, purpose: str) -> int:
        return derive_seed(self.config.seed, purpose)


def _predicted(classifier: FittedClassifier, images: Tensor) -> npt.NDArray[np.float32]:
    probabilities: npt.NDArray[np.float32] = classifier.probabilities(images).cpu().numpy()
    return probabilities


def _with_test(record: TrialRecord, test: Loaded, probabilities: npt.NDArray[np.float32]) -> TrialRecord:
    scores: dict[Part, Scores] = {
        **record.scores,
        "test": score(test.images.labels, probabilities, minority=record.minority_classes),
    }
    assert record.class_counts is not None
    counts = replace(record.class_counts, test=test.images.class_counts())
    notes = tuple(dict.fromkeys((*record.notes, *test.notes)))
    return replace(record, scores=scores, class_counts=counts, notes=notes)


def _blank_record(config: TrialConfig, purpose: Purpose, *, imbalance_ratio: float) -> TrialRecord:
    return TrialRecord(
        trial_id=config.trial_id,
        setting_id=config.setting_id,
        phase=purpose.phase,
        status="failed",
        dataset=config.data.name,
        classifier=config.classifier.name,
        balancer=config.balancing.name,
        imbalance_ratio=imbalance_ratio,
        seed=config.seed,
        config=dump_trial(config),
        baseline=purpose.baseline,
        search=purpose.search,
        selection=purpose.selection,
    )


def _class_counts(parts: TrialParts, balanced: TrainingSet) -> ClassCounts:
    synthetic = balanced.labels[balanced.synthetic].cpu().numpy()
    return ClassCounts(
        available=parts.available,
        imbalanced=parts.imbalanced,
        training=parts.training.class_counts(),
        validation=parts.validation.class_counts(),
        balanced=balanced.class_counts(),
        synthetic=class_counts(synthetic, len(parts.classes.names)),
    )


def _milestone(tried: _Tried, purpose: Purpose) -> Milestone:
    gain = _gain(tried.validation, purpose)
    assert gain is not None, "milestones are asked for only where a baseline is known"
    return Milestone(epoch=tried.balanced.epoch, objective=gain)


def _gain(validation: Scores, purpose: Purpose) -> float | None:
    value = validation.overall[purpose.metric]
    return None if value is None or purpose.baseline is None else value - purpose.baseline


def _losses(balanced: BalancedSet) -> dict[str, tuple[EpochLoss, ...]]:
    return {
        name: tuple(
            EpochLoss(epoch=loss.epoch, generator=loss.generator, discriminator=loss.discriminator)
            for loss in losses
        )
        for name, losses in balanced.losses.items()
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
