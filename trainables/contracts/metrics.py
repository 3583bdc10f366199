"""The contract of a study's own metric."""

from dataclasses import dataclass

import numpy as np

from gan_study.trainables.base.plugins import load
from gan_study.trainables.classifiers.metrics import Floats, Integers, check_measure, load_measure
from gan_study.trainables.contracts.contract import Promises, require


@dataclass(frozen=True)
class MetricSubject:
    """A metric by its "module:function", and for how many classes."""

    name: str
    num_classes: int


def _is_a_number(subject: MetricSubject) -> None:
    check_measure(subject.name, num_classes=subject.num_classes)


def _is_a_function_of_its_arguments(subject: MetricSubject) -> None:
    labels, probabilities = _predictions(subject.num_classes)
    measure, weights = load_measure(subject.name), np.ones(len(labels))
    first, second = (measure(labels, probabilities, weights) for _ in range(2))
    require(first == second, f"{first} and then {second} for the same predictions")


def _leaves_its_arguments(subject: MetricSubject) -> None:
    labels, probabilities = _predictions(subject.num_classes)
    given = {"labels": labels, "probabilities": probabilities, "weights": np.ones(len(labels))}
    own = {name: each.copy() for name, each in given.items()}
    measure = load(subject.name, where="metric")
    assert callable(measure), "see find_parts"
    measure(*own.values())
    changed = [name for name, each in given.items() if not np.array_equal(each, own[name])]
    require(not changed, f"it changes {' and '.join(changed)}")


def _predictions(num_classes: int) -> tuple[Integers, Floats]:
    """Labels [N] and random probabilities [N, K]."""
    labels = np.arange(4 * num_classes) % num_classes
    return labels, np.random.default_rng(0).dirichlet(np.ones(num_classes), size=len(labels))


METRIC_PROMISES: Promises[MetricSubject] = {
    "it gives a finite number": _is_a_number,
    "it gives the same number for the same predictions": _is_a_function_of_its_arguments,
    "it leaves labels, probabilities and weights as they are": _leaves_its_arguments,
}
