from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gan_study.trainables.image_quality.class_quality import ImageSample, class_quality, quality_flags
from gan_study.trainables.image_quality.distribution_metrics import frechet_distance

DIGIT = 3
SIZES = {"training": 60, "held_out": 60, "fresh": 63}
# A fixed random projection keeps distances and has few enough dimensions for a Fréchet distance.
PROJECTION = np.random.default_rng(7).normal(size=(64, 16)) / 4


def sample_of(images):
    return ImageSample(images=images, features=images.reshape(len(images), 64) @ PROJECTION)


def digits(label=DIGIT):
    """The images of one digit as three disjoint samples."""
    bunch = load_digits()
    images = (bunch.images[bunch.target == label] / 8 - 1)[:, None]
    images = images[np.random.default_rng(0).permutation(len(images))]
    parts = np.split(images, np.cumsum(list(SIZES.values()))[:-1])
    return {name: sample_of(part) for name, part in zip(SIZES, parts, strict=True)}


def quality_of(generated, label=DIGIT, **probabilities):
    parts = digits(label)
    return class_quality(
        generated=generated, training=parts["training"], held_out=parts["held_out"], seed=0, **probabilities
    )


def draws(sample, num_images=200, seed=1):
    return sample_of(sample.images[np.random.default_rng(seed).integers(len(sample), size=num_images)])


def noisy(sample):
    noise = np.random.default_rng(2).normal(0, 0.05, sample.images.shape)
    return sample_of((sample.images + noise).clip(-1, 1))


@pytest.mark.parametrize("label", range(10))
def test_fresh_real_images_raise_no_flag_and_score_about_the_floor(label):
    quality = quality_of(digits(label)["fresh"], label)
    assert quality.flags == ()
    metrics = quality.metrics
    assert metrics["kid"] == pytest.approx(metrics["kid_floor"], abs=0.3)
    assert metrics["fid"] == pytest.approx(metrics["fid_floor"], rel=0.6)
    assert metrics["ssim_nearest"] == pytest.approx(metrics["ssim_nearest_floor"], abs=0.05)
    assert metrics["ssim_between"] == pytest.approx(metrics["ssim_between_floor"], abs=0.05)
    assert metrics["coverage"] > 0.75


@pytest.mark.parametrize("label", range(10))
def test_images_of_another_digit_are_far_from_the_floor(label):
    quality = quality_of(digits((label + 1) % 10)["fresh"], label)
    assert quality.flags == ()
    metrics = quality.metrics
    assert metrics["kid"] > metrics["kid_floor"] + 3
    assert metrics["fid"] > 5 * metrics["fid_floor"]
    assert metrics["precision"] < 0.6


@pytest.mark.parametrize("label", range(10))
def test_copies_of_training_images_are_flagged_as_such_alone(label):
    copies = draws(digits(label)["training"])
    exact, inexact = quality_of(copies, label), quality_of(noisy(copies), label)
    assert exact.flags == inexact.flags == ("copies",)
    assert exact.metrics["memorised_share"] == exact.metrics["copied_share"] == 1
    assert exact.metrics["ssim_nearest"] == pytest.approx(1, abs=1e-6)
    assert exact.metrics["fid"] < exact.metrics["fid_floor"]


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize("num_different", [1, 3])
def test_the_same_few_images_again_and_again_are_flagged_as_collapsed(label, num_different):
    few = sample_of(digits(label)["fresh"].images[:num_different])
    quality = quality_of(noisy(draws(few)), label)
    assert "collapsed" in quality.flags
    assert quality.metrics["repeated_share"] == pytest.approx(1 / num_different, abs=0.08)


def test_one_training_image_again_and_again_is_both():
    one = sample_of(digits()["training"].images[:1])
    assert quality_of(draws(one)).flags == ("copies", "collapsed")


def test_averages_of_training_images_are_not_copies():
    parts = digits()
    means = sum(draws(parts["training"], seed=seed).images for seed in range(5)) / 5
    assert "copies" not in quality_of(sample_of(means)).flags


def test_noise_that_looks_all_the_same_to_a_classifier_is_not_collapsed():
    noise = np.random.default_rng(0).uniform(-1, 1, (50, 1, 8, 8))
    blind = ImageSample(images=noise, features=np.zeros((50, 16)))
    quality = quality_of(blind)
    assert quality.metrics["repeated_share"] == 1
    assert quality.flags == ()


@pytest.mark.parametrize("copied", [0.24, 0.25])
def test_both_shares_must_reach_the_threshold_of_copies(copied):
    metrics = {**quality_of(digits()["fresh"]).metrics, "memorised_share": 1.0, "copied_share": copied}
    assert quality_flags(metrics) == (("copies",) if copied == 0.25 else ())


def test_the_four_scores_are_shares_of_the_images_and_0_at_best():
    parts = digits()
    fresh, training = parts["fresh"], parts["training"]
    # Half of them copies; a third repeats the rest; noise is not real.
    copied = quality_of(sample_of(np.concatenate([training.images[:30], fresh.images[:30]])))
    assert copied.metrics["memorised"] == copied.metrics["copied_share"] == pytest.approx(0.5, abs=0.05)
    repeated = quality_of(sample_of(np.concatenate([fresh.images[:20], fresh.images[:20], fresh.images[20:40]])))
    assert (repeated.num_distinct, repeated.metrics["unvaried"]) == (40, pytest.approx(1 / 3))
    noise = quality_of(sample_of(np.random.default_rng(0).uniform(-1, 1, (40, 1, 8, 8))))
    assert noise.metrics["unrealistic"] == noise.metrics["underrepresented"] == 1
    honest = quality_of(fresh).metrics
    assert honest["unrealistic"] == pytest.approx(honest["unrealistic_floor"], abs=0.2)
    assert honest["underrepresented"] == pytest.approx(honest["underrepresented_floor"], abs=0.2)
    assert honest["memorised"] <= honest["memorised_floor"] + 0.05
    assert max(honest["unvaried"], honest["unvaried_floor"]) < 0.05


def test_copies_and_membership_have_intervals_around_them():
    found = quality_of(draws(digits()["training"]))
    assert found.intervals.keys() == {"copied_share", "copied_share_floor", "membership_auc"}
    assert all(low <= found.metrics[name] <= high for name, (low, high) in found.intervals.items())
    assert found.metrics["membership_auc"] > 0.9


def test_fid_and_its_floor_are_of_equally_many_images():
    parts = digits()
    generated = draws(parts["fresh"])
    metrics = quality_of(generated).metrics
    reference = parts["training"].features
    assert metrics["fid_floor"] == pytest.approx(frechet_distance(parts["held_out"].features, reference))
    as_many = generated.sample(len(parts["held_out"]), seed=0).features
    assert len(as_many) == 60
    assert metrics["fid"] == pytest.approx(frechet_distance(as_many, reference))


def test_fid_stands_alone_where_there_are_too_few_held_out_images():
    parts = digits()
    generated = draws(parts["fresh"])
    held_out = parts["held_out"].sample(16, seed=0)
    quality = class_quality(generated=generated, training=parts["training"], held_out=held_out, seed=0)
    assert quality.metrics["fid"] == pytest.approx(
        frechet_distance(generated.features, parts["training"].features)
    )
    assert quality.missing == {
        "fid_floor": "needs more generated, training and held-out images than the 16 feature dimensions; "
        "there are 200 generated, 60 training and 16 held-out images"
    }


def test_inception_score_is_there_where_probabilities_are():
    fresh = digits()["fresh"]
    assert "inception_score" not in quality_of(fresh).metrics
    certain = np.eye(10)[np.arange(len(fresh)) % 2]
    assert quality_of(fresh, probabilities=certain).metrics["inception_score"] == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("num_held_out", [0, 1, 2, 12])
@pytest.mark.parametrize("num_training", [0, 1, 2, 12])
@pytest.mark.parametrize("num_generated", [0, 1, 2, 6, 12])
def test_few_images_give_none_with_a_reason(num_generated, num_training, num_held_out):
    parts = digits()
    quality = class_quality(
        generated=parts["fresh"].sample(num_generated, seed=0),
        training=parts["training"].sample(num_training, seed=0),
        held_out=parts["held_out"].sample(num_held_out, seed=0),
        probabilities=np.full((num_generated, 10), 0.1),
        seed=0,
    )
    assert (quality.num_generated, quality.num_training, quality.num_held_out) == (
        num_generated,
        num_training,
        num_held_out,
    )
    absent = {name for name, value in quality.metrics.items() if value is None}
    assert set(quality.missing) == absent
    assert {"fid", "fid_floor"} <= absent
    assert all(np.isfinite(value) for value in quality.metrics.values() if value is not None)


def test_identical_images_everywhere_give_numbers():
    same = sample_of(np.zeros((30, 1, 8, 8)))
    quality = class_quality(generated=same, training=same, held_out=same, seed=0)
    assert not quality.missing
    assert quality.metrics["kid"] == pytest.approx(0, abs=1e-12)


def test_equal_seeds_give_equal_values_and_the_seed_draws_the_pairs():
    parts = digits()
    qualities = [
        class_quality(generated=parts["fresh"], training=parts["training"], held_out=parts["held_out"], seed=seed)
        for seed in (0, 0, 1)
    ]
    assert qualities[0] == qualities[1]
    assert qualities[0].metrics["ssim_between"] != qualities[2].metrics["ssim_between"]


def test_a_quality_cannot_be_changed():
    quality = quality_of(digits()["fresh"])
    assert replace(quality, flags=("copies",)).flags == ("copies",)
    with pytest.raises(AttributeError):
        quality.flags = ()
