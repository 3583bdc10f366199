"""The results of each method for each class: precision, recall and F1, and confusions."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gan_study.analysis.inference.estimates import Estimate, t_interval
from gan_study.analysis.records.select import ARM_COLUMNS, Arm, by_arm, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, estimate_text
from gan_study.trainables.classifiers.scores import confusion_matrix, precision_recall_f1

Floats: TypeAlias = npt.NDArray[np.float64]

CLASS_METRICS = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
# The classes that a row of the page names, of those that images are taken for by mistake.
MOST_MISTAKES = 3


def class_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """Precision, recall and F1 of every class, and the confusion matrices; none without stored predictions."""
    groups = {
        arm: [found for trial in trials if (found := _read(trial))]
        for arm, trials in by_arm(confirmed(records)).items()
    }
    tested = {arm: trials for arm, trials in groups.items() if trials}
    return (_class_scores(tested), _confusion(tested)) if tested else ()


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """A trial's scores of each class [K] by metric, and its confusion matrix [K, K], means over its fits."""

    class_names: tuple[str, ...]
    minority: tuple[int, ...]
    scores: Mapping[str, Floats]
    confusion: Floats


def _read(trial: Trial) -> _Tested | None:
    """What a trial's predictions of the test set come to; None if they are not stored."""
    predictions = trial.predictions("test")
    if predictions is None or not trial.class_names:
        return None
    labels, num_classes = predictions.labels, len(trial.class_names)
    fits = [confusion_matrix(labels, each.argmax(axis=1), num_classes) for each in predictions.probabilities]
    scores = np.mean([precision_recall_f1(each) for each in fits], axis=0)
    return _Tested(
        class_names=trial.class_names,
        minority=trial.minority_classes,
        scores=dict(zip(CLASS_METRICS, scores, strict=True)),
        confusion=np.mean(fits, axis=0),
    )


def _class_scores(groups: Mapping[Arm, Sequence[_Tested]]) -> Table:
    """A row for each method and class: means over fits, then over seeds, with intervals over seeds."""
    numbers: list[tuple[object, ...]] = []
    text: list[tuple[object, ...]] = []
    for arm, trials in groups.items():
        by_seed = {metric: np.stack([each.scores[metric] for each in trials]) for metric in CLASS_METRICS}
        for place, name in enumerate(trials[0].class_names):
            row = (*arm, name, "yes" if place in trials[0].minority else "no")
            found = {metric: _estimate(values[:, place]) for metric, values in by_seed.items()}
            numbers += [(*row, metric, *_numbers(each)) for metric, each in found.items()]
            text.append((*row, *(estimate_text(each) if each else ABSENT for each in found.values())))
    columns = [*ARM_COLUMNS, "class", "minority"]
    return Table(
        name="class_scores",
        title="Precision, recall and F1 of every class on the test set",
        numbers=pd.DataFrame(numbers, columns=[*columns, "metric", "n", "mean", "low", "high"]),
        rows=pd.DataFrame(text, columns=[*columns, *CLASS_METRICS.values()]),
        origin=SCORES,
    )


def _estimate(values: Floats) -> Estimate | None:
    """The mean over the seeds; None if the class has no test images."""
    present = values[~np.isnan(values)]
    return t_interval(present.tolist(), bounds=(0.0, 1.0)) if present.size else None


def _numbers(estimate: Estimate | None) -> tuple[object, ...]:
    return astuple(estimate) if estimate else (0, None, None, None)


def _confusion(groups: Mapping[Arm, Sequence[_Tested]]) -> Table:
    """A row for each method and true class: for how many images a classifier takes it for what, the mean.

    The CSV has a row for each cell, with its share of the true class.
    """
    numbers: list[tuple[object, ...]] = []
    text: list[tuple[object, ...]] = []
    for arm, trials in groups.items():
        names, images = trials[0].class_names, np.mean([each.confusion for each in trials], axis=0)
        totals = images.sum(axis=1, keepdims=True)
        shares = np.divide(images, totals, out=np.full_like(images, np.nan), where=totals > 0)
        numbers += [
            (*arm, names[true], names[predicted], count, shares[true, predicted], len(trials))
            for (true, predicted), count in np.ndenumerate(images)
        ]
        text += [(*arm, *_describe(names, images[true], true)) for true in range(len(names))]
    return Table(
        name="confusion",
        title="Predicted classes of the test images",
        numbers=pd.DataFrame(numbers, columns=[*ARM_COLUMNS, "true", "predicted", "images", "share", "n"]),
        rows=pd.DataFrame(text, columns=[*ARM_COLUMNS, "True class", "Images", "Right", "Taken for"]),
        origin=SCORES,
    )


def _describe(names: Sequence[str], images: Floats, true: int) -> tuple[str, ...]:
    """A row of a confusion matrix in words: the class, its images, the right ones, the commonest mistakes."""
    total = images.sum()
    wrong = [place for place in np.argsort(-images, kind="stable") if place != true and images[place] > 0]
    mistakes = [f"{names[place]} {images[place]:.1f}" for place in wrong[:MOST_MISTAKES]]
    right = f"{images[true]:.1f} ({images[true] / total:.0%})" if total else ABSENT
    return names[true], f"{total:.0f}", right, ", ".join(mistakes) or ABSENT
