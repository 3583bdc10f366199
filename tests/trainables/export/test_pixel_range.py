import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.export.pixel_range import find_range

NOISE = np.random.default_rng(0).normal(size=(20, 1, 8, 8))
PHOTOGRAPHS = np.random.default_rng(1).integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)


def ends(found):
    return list(zip(found.lowest.tolist(), found.highest.tolist(), strict=True))


def test_photographs_have_the_range_of_their_bytes():
    found = find_range(PHOTOGRAPHS)
    assert ends(found) == [(0, 255)] * 3
    assert found.notes == ()
    np.testing.assert_array_equal(
        found.to_unit(PHOTOGRAPHS), (PHOTOGRAPHS.astype(np.float64) * (2 / 255) - 1).astype(np.float32)
    )


@pytest.mark.parametrize(("lowest", "highest"), [(0, 1), (0, 16), (240, 255), (0, 127)])
def test_bytes_that_use_no_more_than_half_of_their_range_have_their_own(lowest, highest):
    images = np.linspace(lowest, highest, 64).round().astype(np.uint8).reshape(1, 1, 8, 8)
    found = find_range(images)
    assert ends(found) == [(lowest, highest)]
    assert found.notes == (f"generated images have values of {lowest} to {highest}, like the real ones",)


def test_channels_of_different_scale_have_a_range_each():
    images = np.concatenate([NOISE, 1000 * NOISE, np.full_like(NOISE, 7)], axis=1)
    found = find_range(images)
    assert ends(found)[0] == (NOISE.min(), NOISE.max())
    assert ends(found)[1] == (1000 * NOISE.min(), 1000 * NOISE.max())
    assert ends(found)[2] == (7, 7)
    assert len(found.notes) == 2
    np.testing.assert_allclose(found.from_unit(found.to_unit(images), images.dtype), images, atol=1e-3)


def test_channels_that_hardly_differ_share_one_range():
    found = find_range(np.concatenate([NOISE, 0.6 * NOISE], axis=1))
    assert len(set(ends(found))) == 1


@pytest.mark.parametrize("values", [[-9999.0], [1e30], [-9999.0, 1e20]])
def test_single_values_far_from_all_others_are_left_out_and_said(values):
    images = NOISE.copy()
    images.reshape(-1)[: len(values)] = values
    rest = images.reshape(-1)[len(values) :]
    found = find_range(np.concatenate([images, np.resize(NOISE, (200, 1, 8, 8))]))
    assert ends(found) == [(NOISE.min(), NOISE.max())]
    assert f"{len(values)} value" in found.notes[0]
    assert "left out of the range" in found.notes[0]
    assert rest.min() >= NOISE.min()


def test_many_values_far_from_all_others_are_said():
    images = NOISE.copy()
    images[:, :, :2] = -9999
    found = find_range(images)
    assert ends(found)[0][0] == -9999
    assert "no value lies between -9999 and" in found.notes[0]


@pytest.mark.parametrize("share", [0.0002, 0.5])
def test_a_mask_is_no_outlier(share):
    images = (np.random.default_rng(0).random((20, 1, 32, 32)) < share).astype(np.float64)
    assert ends(find_range(images)) == [(0, 1)]
    assert find_range(images).notes == ()


def test_bright_points_without_a_gap_are_no_outliers():
    images = np.exp(3 * np.random.default_rng(0).normal(size=(20, 1, 32, 32)))
    assert ends(find_range(images)) == [(images.min(), images.max())]


@pytest.mark.parametrize("given", [None, (0, 1e-310)])
def test_values_between_which_there_are_no_floats_are_one_value(given):
    with pytest.raises(ValueError, match="has only one value"):
        find_range(NOISE.clip(0, 1).astype(np.float64) * 1e-310, given)


def test_few_values_outside_of_the_given_range_are_clipped_and_many_refused():
    images = NOISE.copy()
    images[0, 0, 0, 0] = -9999
    found = find_range(images, (-5, 5))
    assert ends(found) == [(-5, 5)]
    assert "1 value" in found.notes[0]
    assert found.to_unit(images).min() == -1
    with pytest.raises(ValueError, match="outside of it"):
        find_range(images, (0, 5))


@given(
    lowest=st.floats(-1e6, 1e6),
    span=st.floats(1e-3, 1e6),
    dtype=st.sampled_from([np.float32, np.float64, np.uint8, np.int16, np.uint16]),
)
def test_what_is_made_lies_within_what_there_is(lowest, span, dtype):
    values = np.linspace(lowest, lowest + span, 3 * 64)
    if np.issubdtype(dtype, np.integer):
        values = values.clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    images = values.astype(dtype).reshape(3, 1, 8, 8)
    if images.min() == images.max():
        return
    found = find_range(images)
    made = found.from_unit(np.random.default_rng(0).uniform(-1, 1, images.shape), images.dtype)
    assert made.dtype == dtype
    low, high = (0, 255) if ends(found) == [(0, 255)] else (images.min(), images.max())
    assert low <= made.min()
    assert made.max() <= high
