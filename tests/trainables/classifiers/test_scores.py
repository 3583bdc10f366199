import numpy as np
import pytest
from sklearn import metrics as reference

from gan_study.trainables.classifiers.scores import mean_overall, score, to_arrays


def one_hot(predicted, num_classes):
    return np.eye(num_classes, dtype=np.float32)[predicted]


@pytest.fixture
def drawn():
    """600 imbalanced labels of 4 classes with probabilities that are right more often than not."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=600, p=[0.55, 0.3, 0.1, 0.05])
    logits = rng.normal(size=(600, 4)) + 1.5 * np.eye(4)[labels]
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_a_confusion_worked_by_hand():
    # Class 0: 4 images, 3 found; class 1: 2 images, 1 found. One of each is taken for the other.
    labels = np.array([0, 0, 0, 0, 1, 1])
    scores = score(labels, one_hot([0, 0, 0, 1, 1, 0], 2), minority=[1])
    assert scores.confusion_matrix.tolist() == [[3, 1], [1, 1]]
    assert scores.overall["accuracy"] == pytest.approx(4 / 6)
    assert scores.overall["minority_recall"] == pytest.approx(1 / 2)
    assert scores.overall["minority_precision"] == pytest.approx(1 / 2)
    assert scores.f1 == pytest.approx((3 / 4, 1 / 2))
    assert scores.overall["macro_f1"] == pytest.approx(5 / 8)
    assert scores.overall["g_mean"] == pytest.approx((3 / 4 * 1 / 2) ** 0.5)


def test_class_proportions_weight_precision_by_hand():
    # As above, but scores are to speak of a part where both classes are equally common: class 1 counts double.
    labels = np.array([0, 0, 0, 0, 1, 1])
    scores = score(labels, one_hot([0, 0, 0, 1, 1, 0], 2), minority=[1], class_proportions=[0.5, 0.5])
    # Weights 0.75 and 1.5: predicted as 1 are 1 * 0.75 (wrong) and 1 * 1.5 (right).
    assert scores.overall["minority_precision"] == pytest.approx(1.5 / 2.25)
    assert scores.overall["minority_recall"] == pytest.approx(1 / 2)
    assert scores.overall["accuracy"] == pytest.approx((3 * 0.75 + 1.5) / 6)
    assert scores.confusion_matrix.tolist() == [[3, 1], [1, 1]]


@pytest.mark.parametrize("proportions", [None, (0.25, 0.25, 0.25, 0.25), (0.1, 0.2, 0.3, 0.4)])
def test_agrees_with_scikit_learn(drawn, proportions):
    labels, probabilities = drawn
    predicted = probabilities.argmax(axis=1)
    found = np.bincount(labels) / len(labels)
    weights = None if proportions is None else (np.array(proportions) / found)[labels]
    precision, recall, f1, _ = reference.precision_recall_fscore_support(labels, predicted, sample_weight=weights)
    scores = score(labels, probabilities, minority=[2, 3], class_proportions=proportions)
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    assert scores.f1 == pytest.approx(f1)
    assert scores.overall["minority_f1"] == pytest.approx(f1[2:].mean())
    assert scores.overall["accuracy"] == pytest.approx(
        reference.accuracy_score(labels, predicted, sample_weight=weights)
    )
    assert scores.overall["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(labels, predicted)
    )
    areas = [reference.roc_auc_score(labels == c, probabilities[:, c], sample_weight=weights) for c in range(4)]
    assert scores.overall["roc_auc"] == pytest.approx(np.mean(areas))
    assert np.array_equal(scores.confusion_matrix, reference.confusion_matrix(labels, predicted))


def test_a_class_without_images_is_left_out_of_the_means():
    scores = score(np.array([0, 0, 1]), one_hot([0, 0, 1], 3), minority=[1, 2])
    assert scores.recall.tolist() == pytest.approx([1.0, 1.0, np.nan], nan_ok=True)
    assert scores.overall["minority_recall"] == 1.0
    assert scores.overall["macro_f1"] == 1.0


def test_a_class_that_is_never_predicted_has_precision_zero():
    scores = score(np.array([0, 0, 1]), one_hot([0, 0, 0], 2), minority=[1])
    assert scores.overall["minority_precision"] == 0.0
    assert scores.overall["minority_f1"] == 0.0
    assert scores.overall["g_mean"] == 0.0


def test_the_mean_over_fits_is_undefined_where_one_fit_is():
    some = score(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), minority=(1,))
    all_right = score(np.array([0, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]), minority=(1,))
    one_class = score(np.array([0, 0]), np.array([[0.9, 0.1], [0.6, 0.4]]), minority=(1,))
    assert mean_overall([some, all_right])["accuracy"] == 0.75
    assert mean_overall([some, one_class])["minority_recall"] is None
    arrays = to_arrays("test", [some, all_right])
    assert arrays["test/recall"].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert arrays["test/overall"][1, arrays["scores/metrics"].tolist().index("accuracy")] == 1.0
