"""ROC and precision-recall curves of each rare class by method, and the areas under them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES, TRIAL_IDS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import number

Floats: TypeAlias = npt.NDArray[np.float64]

# The points at which curves are averaged: 0, 0.02, ..., 1.
GRID: Floats = np.linspace(0, 1, 51)
# What of a curve stands in the page, as places on its axis; the CSV has all points.
SHOWN = {"ROC": (0.02, 0.1, 0.2), "PR": (0.5, 0.8, 0.9)}
_HEADINGS = {"ROC": "Recall at {:.0%} false alarms", "PR": "Precision at recall {:.0%}"}


class Counts(NamedTuple):
    """True and false positives above each distinct score, from the highest down; the last are all."""

    hits: Floats
    false_alarms: Floats


def count_above(is_class: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> Counts:
    """The counts above each distinct value of `scores` [N]; both classes are present."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(is_class[order])[ends].astype(np.float64)
    return Counts(hits=hits, false_alarms=ends + 1 - hits)


def roc_auc(counts: Counts) -> float:
    """The area under the ROC curve: the probability that an image of the class scores above one of another."""
    recall, rate = _roc(counts)
    return float(np.trapezoid(recall, rate))


def average_precision(counts: Counts) -> float:
    """Σ (R_n − R_{n−1}) P_n over the distinct scores, as in scikit-learn."""
    recall, precision = _pr(counts)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def roc_at(counts: Counts, rates: Floats) -> Floats:
    """The recall at each false-alarm rate, linear between points; the highest if the curve is vertical there."""
    recall, rate = _roc(counts)
    return np.interp(rates, rate, recall)


def precision_at(counts: Counts, recalls: Floats) -> Floats:
    """The precision at the highest score that reaches each recall."""
    recall, precision = _pr(counts)
    # A recall that is reached but for rounding is reached.
    found: Floats = precision[np.searchsorted(recall, recalls - 1e-12, side="left")]
    return found


def _roc(counts: Counts) -> tuple[Floats, Floats]:
    hits, false_alarms = (np.append(0.0, each) for each in counts)
    return hits / hits[-1], false_alarms / false_alarms[-1]


def _pr(counts: Counts) -> tuple[Floats, Floats]:
    return counts.hits / counts.hits[-1], counts.hits / (counts.hits + counts.false_alarms)


def rare_class_counts(trial: Trial) -> dict[int, list[Counts]]:
    """The counts of each fit, by the label of each rare class, on the test set; empty without its predictions.

    A class without test images, or without images of other classes, has none.
    """
    predictions = trial.predictions("test")
    if predictions is None:
        return {}
    belongs = {label: predictions.labels == label for label in trial.minority_classes}
    return {
        label: [count_above(is_class, each[:, label]) for each in predictions.probabilities]
        for label, is_class in belongs.items()
        if is_class.any() and not is_class.all()
    }


def curve_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """The points of the mean ROC and PR curves of each rare class and method; none without stored predictions.

    Each curve is the mean over fits, then over seeds, at fixed points of its x axis (vertical averaging, Fawcett
    2006, section 8). The page has a few points of each, the CSV all.
    """
    groups = by_arm(confirmed(records))
    found = [(arm, name, curves) for arm, trials in groups.items() for name, curves in _mean_curves(trials)]
    if not found:
        return ()
    ids = {arm: " ".join(each.trial_id for each in trials) for arm, trials in groups.items()}
    numbers = [
        (*arm, name, kind, place, value, number_seeds, ids[arm])
        for arm, name, (curves, number_seeds) in found
        for kind, values in curves.items()
        for place, value in zip(GRID.round(2).tolist(), values.tolist(), strict=True)
    ]
    headings = [_HEADINGS[kind].format(place) for kind, places in SHOWN.items() for place in places]
    text = [(*arm, name, *_shown(curves)) for arm, name, (curves, _) in found]
    return (
        Table(
            name="curves",
            title="ROC and precision-recall curves of the rare classes",
            numbers=pd.DataFrame(numbers, columns=[*ARM_COLUMNS, "class", "curve", "x", "y", "n", TRIAL_IDS]),
            rows=pd.DataFrame(text, columns=[*ARM_COLUMNS, "class", *headings]),
            origin=SCORES,
        ),
    )


_Curves: TypeAlias = dict[str, Floats]


def _mean_curves(trials: Sequence[Trial]) -> Iterator[tuple[str, tuple[_Curves, int]]]:
    """By the name of each rare class: its curves at the places of GRID, and the seeds that they are means over."""
    by_class: dict[str, list[_Curves]] = {}
    for trial in trials:
        for label, fits in rare_class_counts(trial).items():
            curves = {
                "ROC": np.mean([roc_at(each, GRID) for each in fits], axis=0),
                "PR": np.mean([precision_at(each, GRID) for each in fits], axis=0),
            }
            by_class.setdefault(trial.class_names[label], []).append(curves)
    for name, seeds in by_class.items():
        yield name, ({kind: np.mean([each[kind] for each in seeds], axis=0) for kind in SHOWN}, len(seeds))


def _shown(curves: _Curves) -> list[str]:
    """The values at the places that stand in the page."""
    return [
        number(float(curves[kind][np.argmin(np.abs(GRID - place))]))
        for kind, places in SHOWN.items()
        for place in places
    ]
