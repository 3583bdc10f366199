"""The contract of a study's own metric."""

from dataclasses import dataclass

import numpy as np

from gan_study.trainables.classifiers.metrics import check_measure, load_measure
from gan_study.trainables.contracts.contract import Promises, require


@dataclass(frozen=True)
class MetricSubject:
    """A metric by its "module:function", and for how many classes."""

    name: str
    num_classes: int


def _is_a_number(subject: MetricSubject) -> None:
    check_measure(subject.name, num_classes=subject.num_classes)


def _is_a_function_of_its_arguments(subject: MetricSubject) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(4 * subject.num_classes) % subject.num_classes
    probabilities = random.dirichlet(np.ones(subject.num_classes), size=len(labels))
    measure, weights = load_measure(subject.name), np.ones(len(labels))
    first, second = (measure(labels, probabilities, weights) for _ in range(2))
    require(first == second, f"{first} and then {second} for the same predictions")


METRIC_PROMISES: Promises[MetricSubject] = {
    "it gives a finite number": _is_a_number,
    "it gives the same number for the same predictions": _is_a_function_of_its_arguments,
}
