import numpy as np
from sklearn.datasets import load_digits

from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig

# load_digits: 178 182 177 183 181 182 181 179 174 180 images; a quarter of each, rounded.
QUARTERS = (44, 46, 44, 46, 45, 46, 45, 45, 44, 45)


def test_parts() -> None:
    source = image_source(DataConfig(image_size=8))
    pool, test = source.pool().images, source.test().images
    assert source.test_class_counts() == test.class_counts() == QUARTERS
    assert (len(pool), len(test)) == (1347, 450)


def test_pixels_are_ink_scaled_to_bytes() -> None:
    source = image_source(DataConfig(image_size=8))
    originals = load_digits().images
    for part in (source.pool().images, source.test().images):
        positions = [int(origin.removeprefix("digits/")) for origin in part.origins]
        expected = np.round(originals[positions] * 15.9375)  # 255 / 16
        np.testing.assert_array_equal(part.images[:, 0], expected)


def test_no_digit_is_in_both_parts() -> None:
    source = image_source(DataConfig(image_size=8, drop_duplicates=True))
    assert source.test_class_counts() == source.test().images.class_counts() == QUARTERS
    assert source.test().notes == ()


def test_train_size_is_stratified() -> None:
    pool = image_source(DataConfig(image_size=8, train_size=500)).pool().images
    whole = image_source(DataConfig(image_size=8)).pool().images
    assert len(pool) == 500
    for drawn, available in zip(pool.class_counts(), whole.class_counts(), strict=True):
        assert abs(drawn - 500 * available / len(whole)) < 1
    assert set(pool.origins) < set(whole.origins)
