from functools import partial

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torchmetrics.functional.classification import multiclass_calibration_error

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.classifiers.metrics import (
    METRICS,
    added_measures,
    brier_score,
    check_measure,
    cost_matrix,
    expected_calibration_error,
    expected_cost,
    find_metric,
    improvement,
    load_measure,
)
from gan_study.trainables.classifiers.scores import score

HERE = __name__


def recall_of_last(labels, probabilities, weights):
    last = labels == probabilities.shape[1] - 1
    return np.average(probabilities[last].argmax(axis=1) == labels[last], weights=weights[last])


def spoiling(labels, probabilities, weights):
    labels[:], probabilities[:], weights[:] = 0, 0.0, 0.0
    return 1


def without_a_number(labels, probabilities, weights):
    return float("nan")


def with_text(labels, probabilities, weights):
    return "good"


def failing(labels, probabilities, weights):
    raise ValueError("no\nsuch class")


NO_FUNCTION = 3


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=500, p=[0.55, 0.3, 0.1, 0.05])
    logits = rng.normal(size=(500, 4)) + 1.5 * np.eye(4)[labels]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    return labels, probabilities


def test_calibration_error_worked_by_hand():
    # Two bins: (0, 0.5] holds 0.5, right; (0.5, 1] holds 0.75, right, and 0.9, wrong, of weight 2.
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.75, 0.15, 0.1], [0.9, 0.05, 0.05]])
    found = expected_calibration_error(labels, probabilities, np.array([1.0, 1.0, 2.0]), num_bins=2)
    assert found == pytest.approx((0.5 + abs(0.25 - 2 * 0.9)) / 4, abs=1e-12)


def test_calibration_error_agrees_with_torchmetrics(drawn):
    labels, probabilities = drawn
    theirs = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=4, n_bins=15, norm="l1"
    )
    ours = expected_calibration_error(labels, probabilities, np.ones(len(labels)))
    assert ours == pytest.approx(theirs.item(), abs=1e-6)


def test_brier_score_worked_by_hand_and_by_scikit_learn(drawn):
    by_hand = brier_score(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]]), np.array([3.0, 1.0]))
    assert by_hand == pytest.approx((3 * (0.04 + 0.04) + 0.36 + 0.36) / 4, abs=1e-12)
    labels, probabilities = drawn
    weights = np.array([1.0, 2.0, 0.5, 3.0])[labels]
    theirs = reference.brier_score_loss(labels, probabilities, sample_weight=weights, scale_by_half=False)
    assert brier_score(labels, probabilities, weights) == pytest.approx(theirs, abs=1e-9)


def test_costs_by_name_worked_by_hand():
    costs = cost_matrix({"lynx": {"cat": 10}, "cat": {"dog": 0.5}}, ("cat", "dog", "lynx"))
    assert costs.tolist() == [[0, 0.5, 1], [1, 0, 1], [10, 1, 0]]
    # A lynx taken for a cat, of weight 1, and a cat taken for a dog, of weight 3.
    found = expected_cost(np.array([2, 0]), np.eye(3)[[0, 1]], np.array([1.0, 3.0]), costs=costs)
    assert found == pytest.approx((10 + 3 * 0.5) / 4)


def test_without_costs_a_mistake_costs_one(drawn):
    labels, probabilities = drawn
    equal = partial(expected_cost, costs=cost_matrix({}, "abcd"))
    scores = score(labels, probabilities, minority=[3], class_proportions=[0.25] * 4, added={"cost": equal})
    assert scores.overall["cost"] == pytest.approx(1 - scores.overall["accuracy"])


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"lion": {"cat": 2}}, "costs: 'lion' is unknown"),
        ({"cat": {"dgo": 2}}, "costs.cat: 'dgo' is unknown; did you mean 'dog'?"),
        ({"cat": {"cat": 2}}, "costs.cat.cat: 2; a correct prediction has no cost"),
    ],
)
def test_costs_that_cannot_be(costs, message):
    with pytest.raises(ConfigError, match="^" + message.replace("?", r"\?")):
        cost_matrix(costs, ("cat", "dog"))


@pytest.mark.parametrize("proportions", [None, (0.1, 0.2, 0.3, 0.4)])
def test_every_metric_lies_in_its_range_and_agrees_with_scikit_learn(drawn, proportions):
    labels, probabilities = drawn
    found = np.bincount(labels) / len(labels)
    weights = np.ones(len(labels)) if proportions is None else (np.array(proportions) / found)[labels]
    overall = score(labels, probabilities, minority=[2, 3], class_proportions=proportions).overall
    assert set(overall) == set(METRICS) - {"expected_cost"}
    for name, value in overall.items():
        assert METRICS[name].low <= value <= METRICS[name].high
        assert type(value) is float
    areas, precisions = (
        [area(labels == c, probabilities[:, c], sample_weight=weights) for c in range(4)]
        for area in (reference.roc_auc_score, reference.average_precision_score)
    )
    assert overall["roc_auc"] == np.mean(areas)
    assert overall["auprc"] == pytest.approx(np.mean(precisions), abs=1e-12)
    assert overall["minority_roc_auc"] == pytest.approx(np.mean(areas[2:]), abs=1e-12)
    assert overall["minority_auprc"] == pytest.approx(np.mean(precisions[2:]), abs=1e-12)
    predicted = probabilities.argmax(axis=1)
    recalls = reference.recall_score(labels, predicted, average=None)
    assert overall["worst_class_recall"] == pytest.approx(min(recalls))
    assert overall["mcc"] == pytest.approx(
        reference.matthews_corrcoef(labels, predicted, sample_weight=weights), abs=1e-12
    )


def test_a_class_that_is_not_there_has_no_area():
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.3, 0.6, 0.1]])
    overall = score(labels, probabilities, minority=[2]).overall
    assert overall["minority_auprc"] is None and overall["minority_roc_auc"] is None
    assert overall["auprc"] == overall["roc_auc"] == 1.0
    assert score(labels[:2], probabilities[:2], minority=[0]).overall["mcc"] is None


def test_a_gain_is_positive_where_the_score_got_better():
    assert improvement("minority_f1", 0.75, 0.5) == 0.25
    assert improvement("ece", 0.25, 0.75) == 0.5
    assert improvement("my:own", 3.0, 1.0) == 2.0
    with pytest.raises(ConfigError, match="objective: 'minority_f2' is unknown; did you mean 'minority_f1'"):
        find_metric("minority_f2")


def test_a_persons_function_is_one_of_the_scores(drawn):
    labels, probabilities = drawn
    name = f"{HERE}:recall_of_last"
    added = added_measures(name, {"a": {"b": 3.0}}, "abcd")
    assert list(added) == ["expected_cost", name]
    scores = score(labels, probabilities, minority=[3], added=added)
    assert scores.overall[name] == pytest.approx(scores.recall[3])
    assert type(scores.overall[name]) is float


def test_a_persons_function_cannot_change_what_is_stored(drawn):
    labels, probabilities = drawn
    before = labels.copy(), probabilities.copy()
    score(labels, probabilities, minority=[3], added={"own": load_measure(f"{HERE}:spoiling")})
    assert np.array_equal(labels, before[0]) and np.array_equal(probabilities, before[1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:f", r"cannot import 'no_such_module' \(ModuleNotFoundError: .*\); install it"),
        (":f", "cannot import ''"),
        (f"{HERE}:missing", "has no 'missing'"),
        (f"{HERE}:", "has no ''"),
        (f"{HERE}:NO_FUNCTION", "is a int, not a function"),
        (f"{HERE}:without_a_number", "returned nan for 6 images of 3 classes; a finite number is needed"),
        (f"{HERE}:with_text", "returned a str for 6 images"),
        (f"{HERE}:failing", r"failed on 6 images of 3 classes \(ValueError: no such class\)"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_in_one_line(name, message):
    with pytest.raises(ConfigError, match=message) as raised:
        check_measure(name, num_classes=3)
    assert str(raised.value).startswith(f"objective: {name!r}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_a_function_that_can_be_used_is_not_refused(num_classes):
    check_measure(f"{HERE}:recall_of_last", num_classes=num_classes)
