import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from gan_study.trainables.data.byte_images import ByteImages
from gan_study.trainables.image_quality import ssim as module
from gan_study.trainables.image_quality.ssim import (
    NUM_PAIRS,
    image_pairs,
    mean_nearest_ssim,
    mean_pairwise_ssim,
    ssim,
)


def uniform_images(num_images, channels=1, size=12, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (num_images, channels, size, size)).astype(np.float32)


def flat_image(intensity, size=8):
    """One image of one grey; `intensity` in [0, 1], as Wang et al. count."""
    return np.full((1, 1, size, size), 2 * intensity - 1)


def test_images_that_are_held_as_bytes_are_compared_in_blocks(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 1, 8, 8), dtype=np.uint8)
    held = ByteImages(torch.from_numpy(pixels), torch.arange(24))
    some, others = held.take(slice(9)), held.take(slice(9, 24))
    floats, other_floats = some[:].numpy(), others[:].numpy()
    expected = mean_nearest_ssim(floats, other_floats), mean_pairwise_ssim(floats, seed=1)
    # Two images at a time.
    monkeypatch.setattr(module, "NEAREST_VALUES", 2 * 64)
    monkeypatch.setattr(module, "BATCH_VALUES", 2 * 64)
    assert (mean_nearest_ssim(some, others), mean_pairwise_ssim(some, seed=1)) == expected
    assert (mean_nearest_ssim(floats, other_floats), mean_pairwise_ssim(floats, seed=1)) == expected


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 6, 20)])
def test_ssim_agrees_with_torchmetrics(shape):
    rng = np.random.default_rng(0)
    first = np.cumsum(rng.uniform(-0.2, 0.2, (40, *shape)), axis=-1).clip(-1, 1)
    second = (first + rng.normal(0, 0.3, first.shape)).clip(-1, 1)
    expected = structural_similarity_index_measure(
        torch.tensor(first + 1), torch.tensor(second + 1), data_range=2.0, reduction="none"
    )
    assert ssim(first, second) == pytest.approx(expected.numpy(), abs=1e-9)
    single = ssim(first.astype(np.float32), second.astype(np.float32))
    assert single == pytest.approx(expected.numpy(), abs=1e-5)


def test_ssim_of_two_greys_is_the_luminance_term():
    # Without structure (2 * 0.4 * 0.6 + C1) / (0.4^2 + 0.6^2 + C1) is left, C1 = 0.01^2.
    assert ssim(flat_image(0.4), flat_image(0.6)) == pytest.approx([0.4801 / 0.5201], abs=1e-9)


def test_ssim_of_an_image_with_itself_is_one_and_with_its_negative_below_zero():
    images = uniform_images(5)
    assert ssim(images, images) == pytest.approx(np.ones(5), abs=1e-6)
    assert (ssim(images, -images) < 0).all()


def test_images_too_small_for_the_window_have_a_similarity():
    assert ssim(flat_image(0.4, size=1), flat_image(0.6, size=1)) == pytest.approx([0.4801 / 0.5201], abs=1e-9)
    assert np.isfinite(ssim(uniform_images(3, size=4), uniform_images(3, size=4, seed=1))).all()


def test_few_images_are_paired_each_with_each_and_many_at_random():
    assert list(zip(*image_pairs(3, seed=0), strict=True)) == [(0, 1), (0, 2), (1, 2)]
    first, second = image_pairs(100, seed=0)
    assert len(first) == NUM_PAIRS
    assert (first != second).all()
    assert set(first) | set(second) == set(range(100))
    assert not np.array_equal(first, image_pairs(100, seed=1)[0])


def test_mean_pairwise_ssim_is_the_mean_over_the_pairs():
    images = uniform_images(3)
    expected = ssim(images[[0, 0, 1]], images[[1, 2, 2]]).mean()
    assert mean_pairwise_ssim(images, seed=0) == pytest.approx(expected, abs=1e-9)
    assert mean_pairwise_ssim(images[:1], seed=0) is None


def test_the_nearest_training_image_is_compared():
    training = uniform_images(6)
    images = training[[4, 2]] * 0.9
    assert mean_nearest_ssim(images, training) == pytest.approx(ssim(images, training[[4, 2]]).mean(), abs=1e-9)
    assert mean_nearest_ssim(images[:0], training) is None
    assert mean_nearest_ssim(images, training[:0]) is None
