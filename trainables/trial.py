"""One trial from its configuration to its record: the whole pipeline, without Ray."""

import datetime
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torchvision

from trainables.artifacts import predictions_file, sample_grid
from trainables.balancing.balancer import BalancedSet
from trainables.classifiers.classifier import FittedClassifier
from trainables.classifiers.training import fit, num_steps
from trainables.config import TrialConfig, dump_trial
from trainables.data.catalog import image_source
from trainables.data.images import Classes, LabeledImages, TrainingSet, class_counts, to_float, training_set
from trainables.data.imbalance import minority_labels, nominal_ratio, target_counts, thin
from trainables.data.source import Loaded
from trainables.data.split import Indices, carve
from trainables.metrics.classification import score
from trainables.record import (
    ClassCounts,
    EpochLoss,
    Milestone,
    Part,
    Phase,
    Scores,
    SearchStep,
    Selection,
    TrialRecord,
)
from trainables.seeding import derive_seed, numpy_generator
from trainables.settings import UserError, settings

# A class of ten images cannot come closer to a ratio than this.
RATIO_TOLERANCE = 0.05


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


@dataclass(frozen=True, kw_only=True)
class TrialParts:
    """A trial's data, split: what may be trained on, what chooses, and the counts that led there.

    `held_back` are the rows of `pool` that the imbalance took away.
    """

    pool: LabeledImages
    held_back: Indices
    training: LabeledImages
    validation: LabeledImages
    classes: Classes
    available: tuple[int, ...]
    imbalanced: tuple[int, ...]
    imbalance_ratio: float
    test_proportions: tuple[float, ...]
    notes: tuple[str, ...]


@dataclass
class Stopwatch:
    """Wall time by stage, in seconds: each lap ends where the next begins."""

    seconds: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=perf_counter)

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to `stage`."""
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._started
        self._started = now


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tried:
    """A balanced set that was tried out: the classifier fitted to it, and what it does on validation data."""

    balanced: BalancedSet
    classifier: FittedClassifier
    probabilities: npt.NDArray[np.float32]
    validation: Scores


TrialEvent: TypeAlias = Milestone | TrialOutcome


def run_trial(config: TrialConfig, purpose: Purpose, *, device: torch.device) -> Iterator[TrialEvent]:
    """The trial's milestones as they are reached, and last its outcome.

    A consumer that stops asking stops the training. Errors of the data (UserError) and of the training (a loss
    that is not finite) are raised; `failed_record` makes a record of them.
    """
    clock = Stopwatch()
    parts = prepare(config)
    training = training_set(parts.training, parts.classes, device)
    clock.lap("data")
    milestones: list[Milestone] = []
    for balanced in config.balancing.balancer.balance(training, seed=derive_seed(config.seed, "balancing")):
        clock.lap("balancing")
        tried = _try_out(config, parts, balanced, clock, device)
        if balanced.is_final:
            yield _outcome(config, purpose, parts, tried, tuple(milestones), clock, device)
        else:
            milestones.append(_milestone(tried, purpose))
            yield milestones[-1]


def prepare(config: TrialConfig) -> TrialParts:
    """The training and validation parts: the pool is thinned first, then validation is carved out of the rest.

    Of the test part only its class counts are used, which weight the validation scores.
    """
    source = image_source(config.data)
    pool = source.pool()
    counts, names = pool.images.class_counts(), pool.images.class_names
    targets = target_counts(config.imbalance, counts, names)
    kept_rows = thin(pool.images.labels, targets, seed=derive_seed(config.seed, "imbalance"))
    kept = pool.images.subset(kept_rows)
    rest, carved = carve(
        kept.labels,
        config.data.validation_fraction,
        seed=derive_seed(config.seed, "validation"),
        class_names=names,
    )
    test_counts = source.test_class_counts()
    ratio = nominal_ratio(config.imbalance, counts, names)
    return TrialParts(
        pool=pool.images,
        held_back=np.setdiff1d(np.arange(len(pool.images)), kept_rows),
        training=kept.subset(rest),
        validation=kept.subset(carved),
        classes=Classes(names=names, minority=minority_labels(config.imbalance, counts, names)),
        available=counts,
        imbalanced=kept.class_counts(),
        imbalance_ratio=ratio,
        test_proportions=tuple(n / sum(test_counts) for n in test_counts),
        notes=(*pool.notes, *ratio_notes(ratio, kept.class_counts())),
    )


def granted(balanced: BalancedSet, parts: TrialParts, *, seed: int) -> BalancedSet:
    """`balanced` with the real images that it wants; a note says where the data hold fewer."""
    for label, number in balanced.wanted.items():
        rows = parts.held_back[parts.pool.labels[parts.held_back] == label]
        drawn = numpy_generator(seed, label).permutation(rows)[:number]
        training, device = balanced.training, balanced.training.images.device
        images = to_float(parts.pool.images[drawn], device)
        labels = torch.full((len(drawn),), label, device=device)
        name = parts.classes.names[label]
        missing = (f"class {name!r}: {number} more real images were wanted, {len(drawn)} were held back",)
        balanced = replace(
            balanced,
            training=training.extended(images, labels, synthetic=False),
            notes=balanced.notes + missing * (len(drawn) < number),
        )
    return balanced


def ratio_notes(asked: float, counts: Sequence[int]) -> tuple[str, ...]:
    """A line where the data do not give the imbalance ratio that was asked for, to within rounding of counts."""
    found = max(counts) / min(counts)
    if abs(found / asked - 1) <= RATIO_TOLERANCE:
        return ()
    return (f"imbalance ratio {asked:g} was asked for; the largest class has {found:.2f} times the smallest",)


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
    return f"artifacts/{trial_id}/{name}.{'png' if name == 'samples' else 'npz'}"


def versions() -> dict[str, str]:
    """The machine's kind, and the versions of what computes the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def environment(device: torch.device) -> dict[str, str]:
    """What the numbers of a trial may depend on beside its configuration."""
    return {
        **versions(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": str(torch.get_num_threads()),
    }


def _try_out(
    config: TrialConfig, parts: TrialParts, balanced: BalancedSet, clock: Stopwatch, device: torch.device
) -> _Tried:
    balanced = granted(balanced, parts, seed=derive_seed(config.seed, "held back"))
    steps = num_steps(config.classifier, balanced_size=len(balanced.training), unbalanced_size=len(parts.training))
    seed = derive_seed(config.seed, "classifier")
    classifier = fit(config.classifier, balanced.training, steps=steps, seed=seed, plan=balanced.plan)
    clock.lap("classifier")
    probabilities = classifier.probabilities(to_float(parts.validation.images, device)).cpu().numpy()
    validation = score(
        parts.validation.labels,
        probabilities,
        minority=parts.classes.minority,
        class_proportions=parts.test_proportions,
    )
    clock.lap("evaluation")
    return _Tried(balanced=balanced, classifier=classifier, probabilities=probabilities, validation=validation)


def _outcome(
    config: TrialConfig,
    purpose: Purpose,
    parts: TrialParts,
    tried: _Tried,
    milestones: tuple[Milestone, ...],
    clock: Stopwatch,
    device: torch.device,
) -> TrialOutcome:
    record = replace(
        _blank_record(config, purpose, imbalance_ratio=parts.imbalance_ratio),
        status="complete",
        class_names=parts.classes.names,
        minority_classes=parts.classes.minority,
        class_counts=_class_counts(parts, tried.balanced.training),
        scores={"validation": tried.validation},
        objective=_gain(tried.validation, purpose),
        milestones=milestones,
        losses=_losses(tried.balanced),
        notes=(*parts.notes, *tried.balanced.notes),
    )
    files = {"predictions_validation": predictions_file(parts.validation.labels, tried.probabilities)}
    grid = sample_grid(tried.balanced.training)
    if grid is not None:
        files["samples"] = grid
    if config.test:
        test = image_source(config.data).test()
        probabilities = tried.classifier.probabilities(to_float(test.images.images, device)).cpu().numpy()
        files["predictions_test"] = predictions_file(test.images.labels, probabilities)
        record = _with_test(record, test, probabilities)
        clock.lap("test")
    record = replace(
        record,
        artifacts={name: artifact_path(record.trial_id, name) for name in files},
        seconds=clock.seconds,
        environment=environment(device),
        finished_at=_now(),
    )
    return TrialOutcome(record=record, files=files)


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
