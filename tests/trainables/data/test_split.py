from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.split import (
    belonging,
    carve,
    draw,
    per_class_sizes,
    proportional_sizes,
    subsample,
    units_of,
)

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


def grouped(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and units of 30 groups of 1 to 5 rows, most of one class."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(30), rng.integers(1, 6, 30))
    labels = np.where(rng.random(len(units)) < 0.9, units % 3, rng.integers(0, 3, len(units)))
    return labels.astype(np.int64), units


@given(seed=st.integers(0, 2**20), fraction=st.floats(0.1, 0.6))
def test_no_unit_is_divided_and_every_class_is_on_both_sides(seed: int, fraction: float) -> None:
    labels, units = grouped(seed)
    rest, carved = carve(labels, fraction, seed=seed, units=units, least_left=2)
    assert not set(units[rest]) & set(units[carved])
    assert sorted([*rest, *carved]) == list(range(len(labels)))
    assert set(labels[rest]) == set(labels[carved]) == {0, 1, 2}
    for label in range(3):
        assert len(set(units[rest][labels[rest] == label])) >= 2
    again, _ = carve(labels, fraction, seed=seed, units=units, least_left=2)
    assert again.tolist() == rest.tolist()


def test_sizes_are_as_near_as_units_allow() -> None:
    labels = np.repeat([0, 1], [100, 40]).astype(np.int64)
    for seed in range(20):
        _, carved = carve(labels, 0.25, seed=seed, units=np.arange(140) // 5)
        assert np.bincount(labels[carved]).tolist() == [25, 10]
        # 12 of 40 are nearer to 10 than 8 would be, or as near; of 100 rows 24 are nearer to 25 than 28.
        _, carved = carve(labels, 0.25, seed=seed, units=np.arange(140) // 4)
        assert np.bincount(labels[carved]).tolist() == [24, 8]


@given(seed=st.integers(0, 2**20))
def test_units_of_one_row_are_drawn_as_rows_without_units_are(seed: int) -> None:
    rest, carved = carve(LABELS, 0.3, seed=seed)
    assert carve(LABELS, 0.3, seed=seed, units=np.arange(17))[1].tolist() == carved.tolist()
    # Beside a class whose units have two rows, so that the draw is by units.
    labels = np.append(LABELS, [3, 3, 3, 3])
    units = np.append(np.arange(17), [17, 17, 18, 18])
    _, by_units = carve(labels, 0.3, seed=seed, units=units)
    assert by_units[by_units < 17].tolist() == carved.tolist()
    assert len(by_units) == len(carved) + 2
    assert len(rest) + len(carved) == 17


def test_a_class_of_one_unit_is_named() -> None:
    labels, units = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    with pytest.raises(DataError, match=r"class 'dog' has one group of images, which is not divided \(2 images\)"):
        carve(labels, 0.5, seed=0, class_names=("cat", "dog"), units=units)
    # Three classes of two groups each, which two sides cannot share out.
    with pytest.raises(DataError, match="cannot be split: without any of them another class"):
        carve(np.array([0, 1, 1, 2, 2, 0]), 0.5, seed=0, units=np.array([0, 0, 1, 1, 2, 2]))


@given(seed=st.integers(0, 2**20))
def test_what_is_drawn_is_of_two_units_and_a_smaller_draw_a_part_of_a_larger_one(seed: int) -> None:
    labels, units = np.zeros(20, dtype=np.int64), np.array([0] * 18 + [1, 2])
    draws = [draw(labels, {0: size}, seed=seed, purpose="x", units=units).tolist() for size in range(1, 20)]
    assert all(set(small) < set(large) for small, large in pairwise(draws))
    assert all(len(set(units[rows])) > 1 for rows in draws[1:])
    plain = draw(labels, {0: 7}, seed=seed, purpose="x").tolist()
    assert draw(labels, {0: 7}, seed=seed, purpose="x", units=np.arange(20)).tolist() == plain


def test_rows_belong_together_by_groups_and_by_looks() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert units_of(5, [[1, 3], [3, 4]]).tolist() == [0, 1, 2, 1, 1]
    assert belonging(labels, None, [], least=3).units is None
    found = belonging(labels, ("a", "a", "b", "c", "d", "e"), [[2, 3]], least=2)
    assert found.units is not None
    assert (found.units.tolist(), found.dissolved) == ([0, 0, 2, 2, 4, 5], ())


def test_look_alikes_give_way_where_a_class_has_nothing_else_and_groups_do_not() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = belonging(labels, None, [[0, 1, 2], [3, 4]], least=2)
    assert found.units is not None
    assert (found.units.tolist(), found.dissolved) == ([0, 1, 2, 3, 3, 5], (0,))
    groups = ("a", "a", "b", "c", "c", "c")
    kept = belonging(labels, groups, [[1, 2]], least=2)
    assert kept.units is not None
    assert (kept.units.tolist(), kept.dissolved) == ([0, 0, 2, 3, 3, 3], (0,))
