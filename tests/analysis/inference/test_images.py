import numpy as np
import pytest

from gan_study.analysis.inference.images import Score, image_error, resolution

LABELS = np.repeat([0, 1, 2], [60, 40, 20])


def test_images_that_one_method_alone_sees_are_mcnemars_variance() -> None:
    reference = np.zeros((3, 2, 120), dtype=np.int64)
    method = reference.copy()
    # Six of the twenty images of class 2, by every seed and fit: a variance of 6 / 20^2.
    method[..., 100:106] = 2
    found = image_error(LABELS, method, reference, classes=[2], score="minority_recall")
    assert found == pytest.approx(np.sqrt(6) / 20)


def test_what_seeds_do_not_share_is_not_counted() -> None:
    rng = np.random.default_rng(0)
    reference = np.zeros((40, 1, 120), dtype=np.int64)
    method = np.where(rng.random((40, 1, 120)) < 0.3, 2, 0) * (LABELS == 2)
    # Each seed sees other images: each of them is seen with probability 0.3, and adds 0.3 / 20.
    found = image_error(LABELS, method, reference, classes=[2], score="minority_recall")
    assert found == pytest.approx(np.sqrt(20 * 0.3**2) / 20, rel=0.05)


def test_no_difference_at_all_is_uncertain_by_one_image() -> None:
    predicted = np.broadcast_to(LABELS, (3, 2, 120))
    for score in ("minority_recall", "minority_f1"):
        assert image_error(LABELS, predicted, predicted, classes=[1, 2], score=score) == 1 / (2 * 20)
    assert resolution(LABELS, [1]) == 1 / 40
    assert image_error(LABELS, predicted, predicted, classes=[3], score="minority_f1") == np.inf


@pytest.mark.parametrize("score", ["minority_recall", "minority_f1"])
def test_it_is_the_spread_over_test_parts_drawn_anew(score: Score) -> None:
    """Many test sets from one population of images, each seen by the same classifiers."""
    rng = np.random.default_rng(1)
    number, parts = 400, []
    labels = np.repeat([0, 1], [300, 100])
    for _ in range(number):
        seen = rng.random((2, 400)) < np.array([[0.55], [0.7]])
        shared = rng.random(400) < 0.5
        parts.append(np.where(np.where(shared, seen[0], seen), labels, 1 - labels))
    gains, errors = [], []
    for reference, method in parts:
        gains.append(_score(labels, method, score) - _score(labels, reference, score))
        rows = np.stack([method] * 3)[:, None], np.stack([reference] * 3)[:, None]
        errors.append(image_error(labels, *rows, classes=[1], score=score))
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.15)


def _score(labels: np.ndarray, predicted: np.ndarray, score: Score) -> float:
    hits = float(np.sum((labels == 1) & (predicted == 1)))
    if score == "minority_recall":
        return hits / float(np.sum(labels == 1))
    return 2 * hits / float(np.sum(labels == 1) + np.sum(predicted == 1))
