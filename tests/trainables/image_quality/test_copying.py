import numpy as np
import pytest

from gan_study.trainables.image_quality import copying
from gan_study.trainables.image_quality.copying import (
    copied_share,
    expected_memorised_share,
    find_repeats,
    memorised_share,
    nearest,
    repeat_distance,
    repeated_share,
)


def column(*values):
    return np.array(values, dtype=np.float64)[:, None]


@pytest.mark.parametrize("most", [1, 60, 10**9])
def test_the_nearest_are_the_same_however_many_are_compared_at_once(most, monkeypatch):
    random = np.random.default_rng(0)
    made, real = random.normal(size=(31, 4)), random.normal(size=(17, 4))
    distances = np.linalg.norm(made[:, None] - real[None], axis=2)
    monkeypatch.setattr(copying, "MOST_DISTANCES", most)
    found = nearest(made, real)
    np.testing.assert_array_equal(found.row, distances.argmin(axis=1))
    np.testing.assert_allclose(found.distance, distances.min(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(found.is_copy, found.distance < np.sort(distances, axis=1)[:, 1] / 2)


def test_memorised_are_those_nearer_than_the_nearest_of_a_few_held_out_images():
    # Held-out images lie 2 and 3 from the nearest training image. Generated ones: 1.5, 0, 2 and 50.
    training, held_out = column(0, 100), column(2, 97)
    assert memorised_share(column(1.5, 100, 98, 50), training, held_out) == pytest.approx(2 / 4)


@pytest.mark.parametrize(("num_held_out", "expected"), [(1, 1 / 2), (12, 1 / 13), (19, 1 / 20), (99, 5 / 100)])
def test_expected_memorised_share_by_hand(num_held_out, expected):
    assert expected_memorised_share(num_held_out) == pytest.approx(expected)


@pytest.mark.parametrize("num_held_out", [5, 45])
def test_fresh_images_have_the_memorised_share_of_the_floor_on_average(num_held_out):
    rng = np.random.default_rng(0)
    shares = [memorised_share(*(rng.normal(size=(num, 3)) for num in (50, 20, num_held_out))) for _ in range(600)]
    expected = expected_memorised_share(num_held_out)
    assert np.mean(shares) == pytest.approx(expected, abs=4 * np.std(shares) / np.sqrt(600))


def test_copied_are_those_less_than_half_as_far_from_one_image_as_from_any_other():
    # Distances to 0 and 10: 3 and 7 (copied), 3.4 and 6.6 (not), 10 and 0 (copied), -12 and -22 (not).
    assert copied_share(column(3, 3.4, 10, -12), column(0, 10)) == pytest.approx(2 / 4)


def test_averages_of_training_images_are_memorised_but_not_copied():
    rng = np.random.default_rng(0)
    training, held_out = rng.normal(size=(20, 50)), rng.normal(size=(12, 50))
    averages = np.stack([training[rng.choice(20, size=5, replace=False)].mean(axis=0) for _ in range(40)])
    assert memorised_share(averages, training, held_out) == 1
    assert copied_share(averages, training) == 0


def test_repeated_are_the_pairs_nearer_than_a_quarter_of_the_training_images_median_distance():
    # Training pairs lie 4, 4 and 8 apart: what is nearer than 1 is the same. Of the generated pairs 0.5 is.
    assert repeated_share(column(0, 0.5, 2), column(0, 4, 8), seed=0) == pytest.approx(1 / 3)


def test_a_generator_of_a_few_images_repeats_itself_as_often_as_birthdays_coincide():
    rng = np.random.default_rng(0)
    training, made = rng.normal(size=(50, 20)), rng.normal(size=(4, 20))
    share = repeated_share(made[rng.integers(4, size=2000)], training, seed=0)
    assert share == pytest.approx(1 / 4, abs=4 * np.sqrt(1 / 4 * 3 / 4 / 1000))


def test_too_few_images_give_none():
    some, one, none = column(1, 2, 3), column(1), np.empty((0, 1))
    assert [memorised_share(*sets) for sets in [(none, some, some), (some, none, some), (some, some, none)]] == [
        None
    ] * 3
    assert expected_memorised_share(0) is None
    assert copied_share(none, some) is None
    assert copied_share(some, one) is None
    assert repeated_share(one, some, seed=0) is None
    assert repeated_share(some, one, seed=0) is None


def test_repeats_are_counted_once():
    # Two training images part 10; what is nearer than 2.5 to an earlier image repeats it.
    training = np.array([[0.0, 0.0], [10.0, 0.0]])
    images = np.array([[0.0, 0.0], [2.4, 0.0], [5.0, 0.0], [0.0, 0.0], [7.6, 0.0]])
    assert repeat_distance(training, seed=0) == 2.5
    found = find_repeats(images, nearer_than=2.5)
    assert found.row.tolist() == [0, 0, 2, 0, 4]
    assert found.num_distinct == 3
    assert found.share == 3 * 2 / (5 * 4)


@pytest.mark.parametrize("training", [np.zeros((1, 2)), np.zeros((3, 2))])
def test_without_a_distance_to_compare_with_only_equal_images_repeat(training):
    near = repeat_distance(training, seed=0)
    found = find_repeats(np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.001]]), nearer_than=near)
    assert found.row.tolist() == [0, 0, 2]


def test_no_image_repeats_nothing():
    assert find_repeats(np.zeros((0, 2)), nearer_than=1.0).num_distinct == 0


def test_features_that_are_no_numbers_repeat_nothing():
    found = find_repeats(np.array([[np.nan, 1.0], [0.0, 1.0], [0.0, 1.0]]), nearer_than=0.1)
    assert found.row.tolist() == [0, 1, 1]
