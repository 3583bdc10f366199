"""The result of a trial: its record and its arrays."""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from gan_study.trainables.balancing.balancer import BalancedSet, Balancer, FillsClasses
from gan_study.trainables.balancing.drawing import FilterCounts, count_rejected
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.settings import UserError, digest
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.classifiers.metrics import improvement
from gan_study.trainables.classifiers.scores import Scores, mean_overall, spread
from gan_study.trainables.data.images import Labels, TrainingSet, class_counts
from gan_study.trainables.image_quality.judge import MeasuredImages
from gan_study.trainables.records.arrays import Array
from gan_study.trainables.records.limits import MOST_FAILURE_BYTES, limit_notes, omit_classes, shorten
from gan_study.trainables.records.record import (
    Digests,
    GanLength,
    GeneratedImages,
    Memorisation,
    Milestone,
    Part,
    Seen,
    Stop,
    TrialRecord,
)
from gan_study.trainables.runtime.environment import code_digest, environment
from gan_study.trainables.trial.artifacts import (
    class_arrays,
    filter_arrays,
    fit_arrays,
    gan_arrays,
    measured_arrays,
    sample_arrays,
    score_arrays,
    snapshot_arrays,
)
from gan_study.trainables.trial.config import TrialConfig, dump_trial, gan_settings, pretrained_on
from gan_study.trainables.trial.data import TrialData
from gan_study.trainables.trial.purpose import Purpose

# Codes that set colours and move the cursor on a terminal (ECMA-48), and other control characters.
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.?)|[\x00-\x08\x0e-\x1f\x7f]"
)


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """A finished trial: its record, and the arrays that go to `record.arrays` (`trainables.records.arrays`)."""

    record: TrialRecord
    arrays: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fits:
    """The classifiers that were fitted to one balanced set."""

    classifiers: tuple[FittedClassifier, ...]
    seconds: tuple[float, ...]
    """Wall time of each."""
    test_epochs: tuple[Scores, ...] = ()
    """The first fit's scores on the test set after each epoch; empty unless requested."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluated:
    """The predictions of the fitted classifiers for one part, whose images have the `labels` [N]."""

    labels: Labels
    probabilities: tuple[npt.NDArray[np.float32], ...]
    """[N, K] of each fit."""
    scores: tuple[Scores, ...]
    """The scores of each fit."""


def complete(
    config: TrialConfig,
    purpose: Purpose,
    data: TrialData,
    balanced: BalancedSet,
    *,
    fits: Fits,
    evaluated: Mapping[Part, Evaluated],
    measured: Mapping[int, MeasuredImages],
    frozen: Scores | None = None,
    milestones: tuple[Milestone, ...],
    seconds: Mapping[str, float],
) -> TrialOutcome:
    """The record and the arrays of a completed trial."""
    filtered = balanced.filtered or {label: count_rejected(each.rejected) for label, each in measured.items()}
    counts = _count_images(data, balanced.training, filtered)
    notes = (*data.parts.notes, *balanced.notes)
    groups = {"training": data.parts.training.num_groups(), "validation": data.parts.validation.num_groups()}
    if "test" in evaluated:
        groups["test"] = data.test.loaded.images.num_groups()
        counts["test"] = data.test.loaded.images.class_counts()
        notes += data.test.loaded.notes
    classifier_precision = config.classifier.precision or "float32"
    gan = gan_settings(config.balancing)
    gan_precision = {"gan_precision": gan.precision} if gan else {}
    blank = _with_milestones(
        _blank_record(config, purpose, imbalance_ratio=data.parts.imbalance_ratio), milestones
    )
    record = replace(
        blank,
        status="complete",
        num_fits=len(fits.classifiers),
        scores={part: mean_overall(each.scores) for part, each in evaluated.items()},
        frozen_baseline=mean_overall([frozen]) if frozen else {},
        fit_spread=spread(evaluated["validation"].scores, purpose.metric),
        objective=gain(evaluated["validation"].scores, purpose),
        generated=_describe_images(
            config.balancing.balancer, counts, filtered, minority=data.parts.classes.minority
        ),
        gan=_describe_length(balanced, pretrained_on(config.balancing)),
        memorisation=_describe_memorisation(measured),
        num_groups={part: number for part, number in groups.items() if number is not None},
        arrays=array_path(blank.trial_id),
        notes=limit_notes(notes),
        seconds=seconds,
        environment={**environment(data.device), "classifier_precision": classifier_precision, **gan_precision},
        finished_at=_now(),
    )
    arrays = {
        **class_arrays(data.parts.classes, counts),
        **filter_arrays(data.parts.classes, filtered),
        **gan_arrays(balanced.gans, pretrained_on=pretrained_on(config.balancing)),
        **sample_arrays(balanced.training),
        **snapshot_arrays(data.training, balanced.snapshots),
        **measured_arrays(measured),
        **fit_arrays(fits.classifiers, seconds=fits.seconds, test_epochs=fits.test_epochs),
    }
    for part, each in evaluated.items():
        arrays |= score_arrays(part, each.labels, each.probabilities, each.scores)
    return TrialOutcome(record=record, arrays=arrays)


def failed_record(config: TrialConfig, purpose: Purpose, *, reason: str, imbalance_ratio: float) -> TrialRecord:
    """The record of a trial that did not complete, with the reason: one line, without terminal control codes."""
    blank = _blank_record(config, purpose, imbalance_ratio=imbalance_ratio)
    return replace(blank, failure=shorten(one_line(reason), MOST_FAILURE_BYTES), finished_at=_now())


def pruned_record(
    config: TrialConfig,
    purpose: Purpose,
    *,
    milestones: tuple[Milestone, ...],
    imbalance_ratio: float,
    seen: Seen | None = None,
) -> TrialRecord:
    """The record of a search trial that was stopped early, with the milestones it had reached.

    `seen` is what the rule that stopped it was based on.
    """
    blank = _with_milestones(_blank_record(config, purpose, imbalance_ratio=imbalance_ratio), milestones)
    stop = Stop(rung=len(milestones), reason="successive halving", seen=seen)
    return replace(blank, status="pruned", stop=stop, finished_at=_now())


def one_line(text: str) -> str:
    """`text` in one line, without terminal control codes."""
    return " ".join(_TERMINAL_CODES.sub("", text).split())


def describe_failure(error: BaseException) -> str:
    """One line that says what went wrong."""
    message = one_line(str(error))
    # Some errors have a name alone.
    return message if isinstance(error, UserError) else f"{type(error).__name__}: {message}".removesuffix(": ")


def array_path(trial_id: str) -> str:
    """The path of a trial's arrays, relative to the study's folder."""
    return str(PurePosixPath("artifacts") / f"{trial_id}.npz")


def gain(fits: Sequence[Scores], purpose: Purpose) -> float | None:
    """How much better the mean validation objective over the fits is than the baseline's.

    None if either is not known.
    """
    value = mean_overall(fits)[purpose.metric]
    if value is None or purpose.baseline is None:
        return None
    return improvement(purpose.metric, value, purpose.baseline)


def _with_milestones(record: TrialRecord, milestones: tuple[Milestone, ...]) -> TrialRecord:
    """The record of a trial that has passed these milestones, each of which is a rung of the search."""
    search = record.search
    if milestones and search is not None:
        search = replace(search, rung=len(milestones))
    return replace(record, milestones=milestones, search=search)


def _blank_record(config: TrialConfig, purpose: Purpose, *, imbalance_ratio: float) -> TrialRecord:
    dumped = dump_trial(config)
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
        config=omit_classes(dumped),
        digests=Digests(configuration=digest(dumped), code=code_digest()),
        baseline=purpose.baseline,
        search=purpose.search,
        selection=purpose.selection,
    )


def _count_images(
    data: TrialData, balanced: TrainingSet, filtered: Mapping[int, FilterCounts]
) -> dict[str, tuple[int, ...]]:
    """Images by class at each stage; see `counts/` in `trainables.records.arrays`."""
    parts = data.parts
    synthetic = class_counts(balanced.labels[balanced.synthetic].cpu().numpy(), len(parts.classes.names))
    return {
        "available": parts.available,
        "imbalanced": parts.imbalanced,
        "training": parts.training.class_counts(),
        "validation": parts.validation.class_counts(),
        "balanced": balanced.class_counts(),
        "synthetic": synthetic,
        "made": tuple(filtered[k].num_made if k in filtered else number for k, number in enumerate(synthetic)),
    }


def _describe_images(
    balancer: Balancer,
    counts: Mapping[str, Sequence[int]],
    filtered: Mapping[int, FilterCounts],
    *,
    minority: Sequence[int],
) -> GeneratedImages | None:
    if not sum(counts["made"]):
        return None
    fills = balancer if isinstance(balancer, FillsClasses) else None
    generates = balancer if isinstance(balancer, GeneratorBalancing) else None
    return GeneratedImages(
        balance_to=fills.balance_to if fills else None,
        dose=fills.dose if fills else None,
        share_reached=min(counts["balanced"][label] for label in minority) / max(counts["balanced"]),
        num_made=sum(counts["made"]),
        num_passed=sum(counts["synthetic"]),
        num_rejected=sum(each.num_rejected for each in filtered.values()) if filtered else None,
        filter=("apply" if generates and generates.filter == "apply" else "measure") if filtered else None,
        weight=generates.synthetic_weight if generates else 1.0,
    )


def _describe_length(balanced: BalancedSet, pretrained_on: str | None) -> GanLength | None:
    """The length of the GAN that took fewest steps; still improving if any of them was."""
    if not balanced.gans:
        return None
    shortest = min(balanced.gans.values(), key=lambda gan: gan.generator_steps)
    ends = [gan.end for gan in balanced.gans.values() if gan.end is not None]
    known = [end.still_improving for end in ends if end.still_improving is not None]
    return GanLength(
        generator_steps=shortest.generator_steps,
        reason=shortest.end.reason if shortest.end else "fixed",
        still_improving=any(known) if known else None,
        pretrained_on=pretrained_on,
    )


def _describe_memorisation(measured: Mapping[int, MeasuredImages]) -> Memorisation | None:
    if not measured:
        return None
    found = [each.quality for each in measured.values()]
    shares = [share for each in found if (share := each.metrics["copied_share"]) is not None]
    return Memorisation(
        largest_copied_share=max(shares, default=None),
        fewest_distinct=min(each.num_distinct for each in found),
        flags=tuple(sorted({flag for each in found for flag in each.flags})),
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
