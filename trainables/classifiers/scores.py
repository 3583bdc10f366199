"""Scores of a classifier, all computed from its probabilities on one part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score

from gan_study.trainables.classifiers.metrics import (
    Floats,
    Integers,
    Measure,
    brier_score,
    expected_calibration_error,
)

NO_MEASURES: Mapping[str, Measure] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The scores of one classifier on one part."""

    overall: Mapping[str, float | None]
    """By metric: those of `metrics.METRICS` and additional ones; None if undefined."""
    precision: Floats
    """By class [K]; NaN for a class without images, as in the next two."""
    recall: Floats
    f1: Floats
    confusion_matrix: Integers
    """Images [K, K] by true and predicted class, unweighted."""


def score(
    labels: Integers,
    probabilities: npt.NDArray[np.floating],
    *,
    minority: Sequence[int],
    class_proportions: Sequence[float] | None = None,
    added: Mapping[str, Measure] = NO_MEASURES,
) -> Scores:
    """Scores of `probabilities` [N, K] against `labels` [N].

    `class_proportions` [K] are those of the part that the scores should represent: each image is weighted so that
    its class has that share. This does not change recall, but it changes all other scores. None: as found. A ratio
    without denominator is 0 if the class has images, and None if it has none (then it is left out of the means);
    both are scikit-learn's conventions for precision and recall. `added` are further overall scores.
    """
    num_classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=num_classes)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, num_classes)
    class_weights = _class_weights(counts, class_proportions)
    weights, rare = class_weights[labels], list(minority)
    precision, recall, f1 = precision_recall_f1(confusion * class_weights[:, None])
    roc_auc = class_areas(roc_auc_score, labels, probabilities, weights)
    auprc = class_areas(average_precision_score, labels, probabilities, weights)
    overall = {
        "accuracy": _share(np.trace(confusion * class_weights[:, None]), float((counts * class_weights).sum())),
        "balanced_accuracy": _mean(recall),
        "macro_f1": _mean(f1),
        "g_mean": _geometric_mean(recall),
        "roc_auc": _mean(roc_auc),
        "minority_precision": _mean(precision[rare]),
        "minority_recall": _mean(recall[rare]),
        "minority_f1": _mean(f1[rare]),
        "auprc": _mean(auprc),
        "minority_roc_auc": _mean(roc_auc[rare]),
        "minority_auprc": _mean(auprc[rare]),
        "worst_class_recall": _smallest(recall),
        "mcc": _correlation(labels, predicted, weights),
        "ece": expected_calibration_error(labels, probabilities, weights),
        "brier": brier_score(labels, probabilities, weights),
        **{
            name: measure(labels.copy(), probabilities.astype(np.float64), weights.copy())
            for name, measure in added.items()
        },
    }
    return Scores(overall=overall, precision=precision, recall=recall, f1=f1, confusion_matrix=confusion)


def mean_overall(fits: Sequence[Scores]) -> dict[str, float | None]:
    """The overall scores' means over several fits; None if that of a fit is None."""
    found = {name: [each.overall[name] for each in fits] for name in fits[0].overall}
    defined = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: float(np.mean(values)) if len(values) == len(fits) else None for name, values in defined.items()}


def spread(fits: Sequence[Scores], metric: str) -> float | None:
    """The standard deviation (n - 1) of an overall score over fits; None with one fit, or if that of a fit is
    None.
    """
    values = [each.overall[metric] for each in fits]
    defined = [value for value in values if value is not None]
    return float(np.std(defined, ddof=1)) if 1 < len(defined) == len(values) else None


def to_arrays(part: str, fits: Sequence[Scores]) -> dict[str, npt.NDArray[np.generic]]:
    """The scores of several fits on a part, under the names of a trial's arrays (`trainables.records.arrays`)."""
    return {
        "scores/metrics": np.array(list(fits[0].overall)),
        f"{part}/overall": np.array([list(each.overall.values()) for each in fits], dtype=np.float64),
        f"{part}/precision": np.stack([each.precision for each in fits]),
        f"{part}/recall": np.stack([each.recall for each in fits]),
        f"{part}/f1": np.stack([each.f1 for each in fits]),
        f"{part}/confusion_matrix": np.stack([each.confusion_matrix for each in fits]),
    }


def confusion_matrix(labels: Integers, predicted: Integers, num_classes: int) -> Integers:
    """Counts [K, K] of images by true class (row) and predicted class (column)."""
    flat = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes).astype(np.int64)


def precision_recall_f1(confusion: npt.NDArray[np.number]) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 [K] of each class from a (weighted) confusion matrix [K, K].

    NaN for a class without images; precision is 0 for a class that has images and was never predicted.
    """
    hits = np.diag(confusion).astype(np.float64)
    actual = confusion.sum(axis=1).astype(np.float64)
    claimed = confusion.sum(axis=0).astype(np.float64)
    absent = actual == 0
    precision = np.divide(hits, claimed, out=np.zeros_like(hits), where=claimed > 0)
    recall = np.divide(hits, actual, out=np.zeros_like(hits), where=~absent)
    f1 = np.divide(2 * hits, actual + claimed, out=np.zeros_like(hits), where=actual + claimed > 0)
    return tuple(np.where(absent, np.nan, values) for values in (precision, recall, f1))  # type: ignore[return-value]


def class_areas(
    area: Callable[..., Floats | float],
    labels: Integers,
    probabilities: npt.NDArray[np.floating],
    weights: Floats,
) -> Floats:
    """`area` (scikit-learn's under a curve) of each class against the rest [K]; NaN if one side has no image.

    An image of weight 0 does not count.
    """
    there = weights > 0
    is_class = np.eye(probabilities.shape[1], dtype=np.int64)[labels[there]]
    found = np.flatnonzero(is_class.any(axis=0) & ~is_class.all(axis=0))
    areas = np.full(probabilities.shape[1], np.nan)
    if found.size:
        # All classes in one call: scikit-learn spends most of the time of a call on checks.
        likely = probabilities[np.ix_(there, found)]
        areas[found] = area(is_class[:, found], likely, sample_weight=weights[there], average=None)
    return areas


def _class_weights(counts: Integers, proportions: Sequence[float] | None) -> Floats:
    if proportions is None:
        return np.ones(len(counts))
    found = counts / counts.sum()
    weights: Floats = np.divide(np.asarray(proportions), found, out=np.zeros(len(counts)), where=found > 0)
    return weights


def _mean(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else None


def _correlation(labels: Integers, predicted: Integers, weights: Floats) -> float | None:
    """Matthews's coefficient; None if there is one class, and so nothing to correlate with."""
    if (labels == labels[0]).all():
        return None
    return float(matthews_corrcoef(labels, predicted, sample_weight=weights))


def _smallest(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(present.min()) if len(present) else None


def _geometric_mean(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(np.prod(present) ** (1 / len(present))) if len(present) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
