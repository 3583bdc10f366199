"""Scores of a classifier, all from its probabilities on one part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The scores of one classifier on one part, each in [0, 1]."""

    overall: Mapping[str, float | None]
    """By metric: accuracy, balanced_accuracy, macro_f1, g_mean, roc_auc, and means over the minority classes."""
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
) -> Scores:
    """Scores of `probabilities` [N, K] against `labels` [N].

    `class_proportions` [K] are those of the part that the scores are to speak of: each image is weighted so that
    its class has that share. Recall does not change by it, precision, F1, accuracy and ROC AUC do. None: as found.
    A ratio without denominator is 0 where the class has images, and None where it has none (then it is left out
    of the means); both are scikit-learn's conventions for precision and recall.
    """
    num_classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=num_classes)
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, num_classes)
    class_weights = _class_weights(counts, class_proportions)
    precision, recall, f1 = precision_recall_f1(confusion * class_weights[:, None])
    overall = {
        "accuracy": _share(np.trace(confusion * class_weights[:, None]), float((counts * class_weights).sum())),
        "balanced_accuracy": _mean(recall),
        "macro_f1": _mean(f1),
        "g_mean": _geometric_mean(recall),
        "roc_auc": macro_roc_auc(labels, probabilities, class_weights[labels]),
        "minority_precision": _mean(precision[list(minority)]),
        "minority_recall": _mean(recall[list(minority)]),
        "minority_f1": _mean(f1[list(minority)]),
    }
    return Scores(overall=overall, precision=precision, recall=recall, f1=f1, confusion_matrix=confusion)


def mean_overall(fits: Sequence[Scores]) -> dict[str, float | None]:
    """The overall scores' means over several fits; None where some fit's is."""
    found = {name: [each.overall[name] for each in fits] for name in fits[0].overall}
    defined = {name: [value for value in values if value is not None] for name, values in found.items()}
    return {name: float(np.mean(values)) if len(values) == len(fits) else None for name, values in defined.items()}


def spread(fits: Sequence[Scores], metric: str) -> float | None:
    """The standard deviation (n - 1) of an overall score over fits; None with one, or where some fit's is."""
    values = [each.overall[metric] for each in fits]
    defined = [value for value in values if value is not None]
    return float(np.std(defined, ddof=1)) if 1 < len(defined) == len(values) else None


def to_arrays(part: str, fits: Sequence[Scores]) -> dict[str, npt.NDArray[np.generic]]:
    """The scores of several fits on a part, under the names of a trial's arrays (`trainables.arrays`)."""
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


def macro_roc_auc(labels: Integers, probabilities: npt.NDArray[np.floating], weights: Floats) -> float | None:
    """Mean over the classes of the area under the one-against-rest ROC curve; None where there is one class."""
    areas = [
        roc_auc_score(labels == label, probabilities[:, label], sample_weight=weights)
        for label in range(probabilities.shape[1])
        if 0 < (labels == label).sum() < len(labels)
    ]
    return float(np.mean(areas)) if areas else None


def _class_weights(counts: Integers, proportions: Sequence[float] | None) -> Floats:
    if proportions is None:
        return np.ones(len(counts))
    found = counts / counts.sum()
    weights: Floats = np.divide(np.asarray(proportions), found, out=np.zeros(len(counts)), where=found > 0)
    return weights


def _mean(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else None


def _geometric_mean(values: Floats) -> float | None:
    present = values[~np.isnan(values)]
    return float(np.prod(present) ** (1 / len(present))) if len(present) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
