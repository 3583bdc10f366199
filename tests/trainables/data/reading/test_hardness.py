"""Neighbours and shift on sets where both are known."""

import numpy as np
import pytest

from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.reading.hardness import hardness_lines, neighbour_types, shift_auc

RNG = np.random.default_rng(0)


def test_neighbours_worked_by_hand() -> None:
    # On a line: six of class 1 beside one another, one of them far away among six of class 0.
    places = np.array([0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105, 102.5], dtype=np.float32)[:, None]
    labels = np.array([1] * 6 + [0] * 6 + [1])
    assert neighbour_types(places, labels, 1) == {
        "safe": pytest.approx(6 / 7),
        "borderline": 0,
        "rare": 0,
        "outliers": pytest.approx(1 / 7),
    }
    # The five nearest of each of the others hold the stranger or not: four or five of the same class.
    assert neighbour_types(places, labels, 0)["safe"] == 1


def test_too_few_images_have_no_neighbours() -> None:
    assert neighbour_types(np.zeros((5, 1), dtype=np.float32), np.zeros(5, dtype=np.int64), 0) == {}


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.4, 0.6), (1.0, 0.7, 0.85), (5.0, 0.99, 1.0)])
def test_a_shift_is_told_by_its_size(shift: float, low: float, high: float) -> None:
    """Of one standard deviation in one of ten directions: two normal distributions so far apart have 0.76."""
    first, second = (RNG.normal(size=(400, 10)).astype(np.float32) for _ in range(2))
    second[:, 0] += shift
    assert low <= shift_auc(first, second) <= high


def part(levels: float, number: int = 60) -> LabeledImages:
    images = np.clip(RNG.normal(levels, 30, (number, 1, 20, 20)), 0, 255).astype(np.uint8)
    labels = np.arange(number) % 2
    images[labels == 1, :, :10] //= 2
    names = tuple(map(str, range(number)))
    return LabeledImages(images=images, labels=labels, class_names=("cat", "dog"), digests=names, origins=names)


def test_what_is_said() -> None:
    assert list(hardness_lines(part(120), part(120), [1])) == [
        "images of dog by their 5 nearest neighbours: 100% safe"
    ]
    *_, shifted = hardness_lines(part(120), part(200), [1])
    assert shifted.startswith("test images differ from training images (AUC 1.00")
