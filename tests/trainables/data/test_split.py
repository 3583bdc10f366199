import numpy as np
import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.split import carve, per_class_sizes, proportional_sizes, subsample

LABELS = np.array([0] * 10 + [1] * 5 + [2] * 2, dtype=np.int64)


def test_per_class_sizes_are_rounded_and_leave_one_on_either_side() -> None:
    # 0.3 * (10, 5, 2) = (3, 1.5, 0.6); Python rounds 1.5 to 2.
    assert per_class_sizes((10, 5, 2), 0.3) == (3, 2, 1)
    assert per_class_sizes((2, 100), 0.001) == (1, 1)
    assert per_class_sizes((2, 100), 0.999) == (1, 99)


def test_carve_parts_every_class_in_sorted_order() -> None:
    rest, carved = carve(LABELS, 0.3, seed=1)
    assert np.bincount(LABELS[carved]).tolist() == [3, 2, 1]
    assert sorted([*rest, *carved]) == list(range(17))
    assert (np.diff(rest) > 0).all()
    assert (np.diff(carved) > 0).all()


def test_carve_depends_on_its_seed_alone() -> None:
    assert carve(LABELS, 0.3, seed=1)[1].tolist() == carve(LABELS, 0.3, seed=1)[1].tolist()
    assert len({tuple(carve(LABELS, 0.3, seed=seed)[1]) for seed in range(5)}) > 1


def test_carve_of_one_class_does_not_depend_on_the_others() -> None:
    _, carved = carve(LABELS, 0.3, seed=1)
    _, without_last = carve(LABELS[:15], 0.3, seed=1)
    assert carved[carved < 15].tolist() == without_last.tolist()


def test_carve_names_the_class_that_is_too_small() -> None:
    labels = np.array([0, 0, 1], dtype=np.int64)
    with pytest.raises(DataError, match="class '1' has 1 image"):
        carve(labels, 0.5, seed=0)
    with pytest.raises(DataError, match="class 'dog' has 1 image"):
        carve(labels, 0.5, seed=0, class_names=("cat", "dog"))


def test_proportional_sizes_add_up() -> None:
    # Quotas of 7 from (10, 5, 2): 4.12, 2.06, 0.82; the largest remainder is the last class's.
    assert proportional_sizes((10, 5, 2), 7) == (4, 2, 1)
    assert proportional_sizes((1, 1, 1), 2) == (1, 1, 0)
    assert proportional_sizes((5, 5), 10) == (5, 5)


def test_subsample_keeps_the_proportions() -> None:
    names = ("a", "b", "c")
    drawn = subsample(LABELS, 7, seed=0, class_names=names)
    assert np.bincount(LABELS[drawn]).tolist() == [4, 2, 1]
    with pytest.raises(DataError, match="18 is more than the 17 images"):
        subsample(LABELS, 18, seed=0, class_names=names)
    with pytest.raises(DataError, match="no image of class 'c'"):
        subsample(LABELS, 2, seed=0, class_names=names)
