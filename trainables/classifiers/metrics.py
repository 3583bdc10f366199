"""The overall scores of a classifier: their names, ranges and directions, and a study's own scores.

Loads without torch, so that the analysis can score stored predictions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.plugins import find_reference, load, one_line
from gan_study.trainables.base.settings import ConfigError, look_up

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
# True class -> predicted class -> cost, by name.
Costs: TypeAlias = Mapping[str, Mapping[str, float]]

# Guo et al. 2017, "On Calibration of Modern Neural Networks", section 5.
NUM_BINS = 15


class Measure(Protocol):
    """A score of a classifier on one part; for a study's own objective, larger is better."""

    def __call__(self, labels: Integers, probabilities: Floats, weights: Floats) -> float:
        """The score of `probabilities` [N, K] against `labels` [N], each image with its weight [N]."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The meaning of an overall score, its range, and its better direction."""

    summary: str
    low: float = 0.0
    high: float = 1.0
    larger_is_better: bool = True


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(summary="share of images that are classified correctly"),
    "balanced_accuracy": Metric(summary="mean recall of the classes"),
    "macro_f1": Metric(summary="mean F1 of the classes"),
    "g_mean": Metric(summary="geometric mean of the classes' recall"),
    "roc_auc": Metric(summary="mean area under the ROC curve of each class against the rest"),
    "minority_precision": Metric(summary="mean precision of the rare classes"),
    "minority_recall": Metric(summary="mean recall of the rare classes"),
    "minority_f1": Metric(summary="mean F1 of the rare classes"),
    "auprc": Metric(summary="mean average precision of each class against the rest"),
    "minority_roc_auc": Metric(summary="roc_auc over the rare classes"),
    "minority_auprc": Metric(summary="auprc over the rare classes"),
    "worst_class_recall": Metric(summary="smallest recall of any class"),
    "mcc": Metric(summary="Matthews correlation coefficient of true and predicted classes", low=-1.0),
    "ece": Metric(summary="expected calibration error of the predicted class", larger_is_better=False),
    "brier": Metric(summary="Brier score over all classes", high=2.0, larger_is_better=False),
    "expected_cost": Metric(summary="mean cost by the study's costs", high=math.inf, larger_is_better=False),
}
# Only where a study says what a mistake costs.
EXPECTED_COST = "expected_cost"
_OWN = Metric(summary="the study's own function", low=-math.inf, high=math.inf)


def find_metric(name: str) -> Metric:
    """The entry of a metric, or of a function named `module:function`; raises ConfigError for another name."""
    return _OWN if is_own(name) else look_up(METRICS, name, where="objective")


def metric_name(name: str) -> str:
    """The name of a metric in records: its own, or "module:function" for one that a package registers.

    An unknown name is returned unchanged.
    """
    return name if name in METRICS else find_reference(name, "metrics", where="objective") or name


def is_own(name: str) -> bool:
    """Whether a metric is a person's function, named `module:function`."""
    return ":" in name


def check_objective(objective: str, costs: Costs) -> None:
    """Raise ConfigError if there is no such metric, or if it needs costs and there are none."""
    find_metric(objective)
    if objective == EXPECTED_COST and not costs:
        raise ConfigError(f"objective: {EXPECTED_COST!r} needs costs, such as {{lynx: {{cat: 10}}}}")


def improvement(metric: str, value: float, reference: float) -> float:
    """How much better `value` is than `reference`: their difference, with the sign chosen so that larger is
    better.
    """
    return value - reference if find_metric(metric).larger_is_better else reference - value


def added_measures(objective: str, costs: Costs, class_names: Sequence[str]) -> dict[str, Measure]:
    """A study's additional scores: its own objective and the expected cost, by name.

    Raises ConfigError if there is no such metric, the function cannot be loaded, or the costs name an unknown
    class.
    """
    check_objective(objective, costs)
    found: dict[str, Measure] = {}
    if costs:
        found[EXPECTED_COST] = partial(expected_cost, costs=cost_matrix(costs, class_names))
    if is_own(objective):
        found[objective] = load_measure(objective)
    return found


def load_measure(name: str) -> Measure:
    """The function that `name`, "module:function", names, with a check of each call; raises ConfigError if there
    is none.
    """
    function = load(name, where="objective")
    if not callable(function):
        raise ConfigError(f"objective: {name!r} is a {type(function).__name__}, not a function")
    return partial(_call, name, function)


def _call(name: str, function: Measure, labels: Integers, probabilities: Floats, weights: Floats) -> float:
    """The value of a person's function, which gets copies and may change them; raises ConfigError without one."""
    try:
        value = function(labels.copy(), probabilities.astype(np.float64), weights.copy())
    except Exception as error:
        raise ConfigError(f"objective: {name!r} failed on {_shape(probabilities)} ({one_line(error)})") from error
    if not isinstance(value, Real) or not math.isfinite(value):
        said = f"{value}" if isinstance(value, Real) else f"a {type(value).__name__}"
        raise ConfigError(
            f"objective: {name!r} returned {said} for {_shape(probabilities)}; a finite number is needed"
        )
    return float(value)


def _shape(probabilities: Floats) -> str:
    return f"{len(probabilities)} images of {probabilities.shape[1]} classes"


def check_measure(name: str, *, num_classes: int) -> None:
    """Raise ConfigError unless the function `name` returns a finite number for a few images of every class."""
    labels = np.tile(np.arange(num_classes), 2)
    # The first image of each class is classified correctly, the second is not.
    likely = np.concatenate([labels[:num_classes], np.roll(labels[:num_classes], 1)])
    probabilities = (np.eye(num_classes)[likely] + 1) / (num_classes + 1)
    load_measure(name)(labels, probabilities, np.ones(len(labels)))


def cost_matrix(costs: Costs, class_names: Sequence[str]) -> Floats:
    """The cost [K, K] of each true (row) and predicted class: 1 if `costs` has none, 0 on the diagonal.

    Raises ConfigError for an unknown class name, and for a correct prediction with a cost.
    """
    places = {name: place for place, name in enumerate(class_names)}
    matrix = 1.0 - np.eye(len(class_names))
    for true, row in costs.items():
        for predicted, cost in row.items():
            at = look_up(places, true, where="costs"), look_up(places, predicted, where=f"costs.{true}")
            if at[0] == at[1] and cost != 0:
                raise ConfigError(f"costs.{true}.{predicted}: {cost:g}; a correct prediction has no cost")
            matrix[at] = cost
    return matrix


def expected_cost(labels: Integers, probabilities: Floats, weights: Floats, *, costs: Floats) -> float:
    """The weighted mean of `costs` [K, K] by true and predicted class (Elkan 2001, section 1.1)."""
    return float(np.average(costs[labels, probabilities.argmax(axis=1)], weights=weights))


def expected_calibration_error(
    labels: Integers, probabilities: npt.NDArray[np.floating], weights: Floats, *, num_bins: int = NUM_BINS
) -> float:
    """The difference between the confidence in the predicted class and the share of correct predictions, in [0,
    1].

    Confidences fall into `num_bins` equal bins ((m − 1) / M, m / M]; the mean over the bins of |accuracy −
    confidence|, each bin weighted by the images in it (Guo et al. 2017, equations 2 to 4).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    error = weights * ((probabilities.argmax(axis=1) == labels) - confidence)
    bins = np.searchsorted(np.arange(1, num_bins) / num_bins, confidence, side="left")
    return float(np.abs(np.bincount(bins, weights=error, minlength=num_bins)).sum() / weights.sum())


def brier_score(labels: Integers, probabilities: npt.NDArray[np.floating], weights: Floats) -> float:
    """The weighted mean squared distance of probabilities [N, K] from the true class, in [0, 2] (Brier 1950).

    The same as scikit-learn's `brier_score_loss` without `scale_by_half`, which supports several classes from 1.7
    on, and refuses a probability that rounding raised above 1.
    """
    missed = probabilities.astype(np.float64)
    missed[np.arange(len(labels)), labels] -= 1
    return float(np.average((missed**2).sum(axis=1), weights=weights))
