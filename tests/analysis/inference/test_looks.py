from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from gan_study.analysis.inference.looks import (
    Levels,
    Look,
    difference_p,
    equivalence_p,
    images_suffice,
    interval,
    may_be_decided,
    seeds_needed,
    smallest_decidable,
    spending_shares,
)


def look_at(values: list[float], *, image_error: float = 0.0, share: float = 1.0) -> Look:
    return Look(
        num_seeds=len(values),
        mean=float(np.mean(values)),
        spread=float(np.std(values, ddof=1)),
        image_error=image_error,
        share=share,
    )


GAINS = [0.10, 0.12, 0.16, 0.07, 0.11]


def test_without_an_error_over_images_it_is_the_paired_t_test() -> None:
    look = look_at(GAINS)
    assert difference_p([look]) == pytest.approx(stats.ttest_1samp(GAINS, 0).pvalue, rel=1e-6)
    low, high = interval([look], 0.05)
    expected = stats.t.interval(0.95, 4, np.mean(GAINS), stats.sem(GAINS))
    assert (low, high) == pytest.approx(expected, abs=1e-6)


def test_two_one_sided_tests_are_those_of_statsmodels() -> None:
    values = np.array([0.004, -0.006, 0.01, 0.002, -0.003, 0.001])
    expected, *_ = ttost_paired(values, np.zeros(6), -0.02, 0.02)
    assert equivalence_p([look_at(values.tolist())], 0.02) == pytest.approx(expected, rel=1e-6)


def test_many_seeds_leave_the_error_over_images_alone() -> None:
    look = Look(num_seeds=100_000, mean=0.05, spread=0.03, image_error=0.02)
    assert difference_p([look]) == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-3)
    assert smallest_decidable(look, 0.05) == pytest.approx(1.959964 * 0.02, rel=1e-6)


def test_the_tail_is_that_of_a_t_and_a_normal_error_added() -> None:
    rng = np.random.default_rng(0)
    drawn = 0.03 / 2 * rng.standard_t(3, 2_000_000) + 0.02 * rng.standard_normal(2_000_000)
    look = Look(num_seeds=4, mean=0.0, spread=0.03, image_error=0.02)
    for distance in (0.03, 0.06, 0.1):
        assert look.tail(distance) == pytest.approx(np.mean(drawn > distance), rel=0.03)
    assert look.half_width(look.tail(0.06)) == pytest.approx(0.06, abs=1e-6)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_what_is_no_gain_is_found_no_more_often_than_allowed(ratio: float) -> None:
    """The error over images is as large as `ratio` says, in variances of that over seeds."""
    rng, level = np.random.default_rng(1), 0.05
    found = 0
    for _ in range(2_000):
        image_error = float(np.sqrt(ratio / 4))
        values = rng.standard_normal(4) + image_error * rng.standard_normal()
        found += difference_p([look_at((0.01 * values).tolist(), image_error=0.01 * image_error)]) < level
    # Above 1.3 times the level in less than one run of a thousand, and not so seldom that it could never find any.
    assert 0.2 * level < found / 2_000 < 1.3 * level


def test_the_shares_of_the_looks_sum_to_one() -> None:
    assert spending_shares([5]) == (1.0,)
    assert spending_shares([4, 6, 8]) == pytest.approx((1 / 4, 5 / 16, 7 / 16))


def test_looking_again_and_again_finds_no_more_than_allowed() -> None:
    rng, level, looks_at = np.random.default_rng(2), 0.05, (4, 6, 8)
    shares = spending_shares(looks_at)
    found = uncorrected = 0
    for _ in range(1_500):
        values = (0.02 * rng.standard_normal(8)).tolist()
        looks = [look_at(values[:n], share=share) for n, share in zip(looks_at, shares, strict=True)]
        found += difference_p(looks) < level
        uncorrected += min(difference_p([replace(look, share=1.0)]) for look in looks) < level
    assert 0.4 * level < found / 1_500 < 1.3 * level
    assert uncorrected / 1_500 > 1.5 * level


def test_the_interval_says_what_the_p_value_says() -> None:
    rng, shares = np.random.default_rng(3), spending_shares([4, 6, 8])
    for _ in range(60):
        values = (rng.normal(0.03, 0.03, 8)).tolist()
        looks = [
            look_at(values[:n], image_error=0.01, share=share) for n, share in zip((4, 6, 8), shares, strict=True)
        ]
        low, high = interval(looks, 0.05)
        assert (low > 0 or high < 0) == (difference_p(looks) < 0.05)


def test_the_seeds_needed_decide_four_times_in_five() -> None:
    look = Look(num_seeds=4, mean=0.03, spread=0.03, image_error=0.0)
    needed = seeds_needed(look, Levels(0.05, 0.05), margin=0.02)
    # Cohen 1988: an effect of one standard deviation takes 10 pairs for a power of 0.8.
    assert needed in (10, 11)
    assert seeds_needed(replace(look, mean=0.0), Levels(0.05, 0.05), margin=0.02) == pytest.approx(16, abs=4)
    few_images = replace(look, image_error=0.03)
    assert seeds_needed(few_images, Levels(0.05, 0.05), margin=0.02) is None
    assert not images_suffice(few_images, Levels(0.05, 0.05), margin=0.02)
    assert images_suffice(look, Levels(0.05, 0.05), margin=0.02)


def test_what_cannot_be_decided_any_more_is_given_up() -> None:
    look = Look(num_seeds=4, mean=0.005, spread=0.02, image_error=0.02)
    assert not may_be_decided(look, 6, Levels(0.005, 0.005), margin=0.02)
    assert may_be_decided(replace(look, mean=0.09), 6, Levels(0.005, 0.005), margin=0.02)


def test_equivalence_and_the_interval_agree_over_several_looks() -> None:
    # One look excludes a gain of the margin from below, the other from above.
    looks = [
        Look(num_seeds=20, mean=mean, spread=0.025, image_error=0.001, share=share)
        for mean, share in ((0.010, 0.5), (-0.010, 0.5))
    ]
    for level in (0.01, 0.02, 0.05, 0.1, 0.2):
        low, high = interval(looks, 2 * level)
        assert (low > -0.02 and high < 0.02) == (equivalence_p(looks, 0.02) < level)
