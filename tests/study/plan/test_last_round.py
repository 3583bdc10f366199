"""What the last round makes of scores."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from gan_study.study.plan.last_round import MOST_FITTED, MOST_INDUCING, Verdict, check, choose, smooth


def test_the_default_stays_unless_it_is_beaten_by_one_standard_deviation_of_the_difference():
    # The root of 2 (0.02^2 / 5 + 0.015^2 + 0.010^2) is 0.0285.
    assert choose(0.1, [0.12, 0.128], fit_spread=0.02).place == 0
    found = choose(0.1, [0.12, 0.129], fit_spread=0.02)
    assert found.place == 2 and found.spread == pytest.approx(0.02846, abs=1e-5)


def test_smoothed_scores_are_nearer_to_the_truth_than_noisy_ones():
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(30, 2))
    truth = 0.1 - ((points - 0.5) ** 2).sum(axis=1)
    noisy = truth + 0.05 * rng.standard_normal(30)
    smoothed = smooth(points.tolist(), noisy.tolist())
    assert np.abs(smoothed - truth).mean() < 0.75 * np.abs(noisy - truth).mean()


@pytest.mark.parametrize("num_points", [30, MOST_INDUCING + 100])
def test_smoothed_scores_are_the_means_of_a_gaussian_process(num_points):
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(num_points, 2))
    scores = 0.2 * rng.standard_normal(num_points) - ((points - 0.5) ** 2).sum(axis=1)
    kernel = ConstantKernel(1.0, (0.05, 5.0)) * RBF(0.5, (0.1, 5.0)) + WhiteKernel(0.5, (0.05, 2.0))
    scaled = (scores - scores.mean()) / scores.std()
    every = -(-num_points // MOST_FITTED)
    fitted = GaussianProcessRegressor(kernel, random_state=0).fit(points[::every], scaled[::every])
    exact = GaussianProcessRegressor(fitted.kernel_, optimizer=None).fit(points, scaled).predict(points)
    # With inducing points, a hundredth of the noise.
    assert smooth(points.tolist(), scores.tolist()) == pytest.approx(
        exact * scores.std() + scores.mean(), abs=1e-5 if num_points <= MOST_INDUCING else 0.002
    )


def test_a_few_scores_and_equal_ones_stay_as_they_are():
    assert smooth([[0.1], [0.2]], [0.5, 0.7]).tolist() == [0.5, 0.7]
    assert smooth([[0.1 * n] for n in range(6)], [0.5] * 6).tolist() == [0.5] * 6


@pytest.mark.parametrize(
    ("place", "gain", "default_gain", "expected_place", "expected_gain"),
    [
        (2, 0.12, 0.11, 2, 0.12),
        # It won by chance: the default stays, with the mean of 0.06 in the last round and 0.12 in the check.
        (2, 0.11, 0.12, 0, 0.09),
        (2, 0.12, 0.12, 0, 0.09),
        (0, 0.12, 0.12, 0, 0.12),
    ],
)
def test_a_choice_that_the_check_contradicts_is_taken_back(
    place, gain, default_gain, expected_place, expected_gain
):
    verdict = Verdict(place=place, spread=0.03, default_gain=0.06)
    found = check(verdict, gain=gain, default_gain=default_gain)
    assert (found.place, found.expected_gain) == (expected_place, pytest.approx(expected_gain))
