import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from gan_study.analysis.aggregate import t_interval
from gan_study.analysis.statistics import (
    LEVEL,
    effect_size,
    holm,
    interquartile_interval,
    interquartile_mean,
    mcnemar_p_value,
    paired_p_value,
    performance_profile,
    resampled_means,
    seeds_needed,
    swap_p_value,
)


def test_the_effect_size_worked_by_hand() -> None:
    # Mean 0.12, s = 0.02.
    assert effect_size([0.10, 0.12, 0.14]) == pytest.approx(6.0, abs=1e-9)
    assert effect_size([0.1]) is None
    # 0.5 - 0.4 and 0.52 - 0.42 differ by rounding alone.
    assert effect_size([0.5 - 0.4, 0.52 - 0.42]) is None


def test_the_p_value_is_that_of_the_paired_t_test() -> None:
    method, none = [0.50, 0.54, 0.58, 0.49], [0.40, 0.42, 0.44, 0.51]
    expected = stats.ttest_rel(method, none).pvalue
    assert paired_p_value(np.subtract(method, none).tolist()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("differences", "expected"), [([0.05] * 3, 0.25), ([-0.05] * 6, 1 / 32), ([0.0] * 5, 1.0)]
)
def test_equal_differences_have_the_p_value_of_the_sign_test(differences: list[float], expected: float) -> None:
    assert paired_p_value(differences) == expected


def test_holm_worked_by_hand() -> None:
    # Ascending 0.01, 0.013, 0.03, 0.04, times 4, 3, 2, 1: 0.04, 0.039, 0.06, 0.04, each at least the one before.
    steps = holm([0.03, 0.01, 0.04, 0.013])
    assert [step.p_value for step in steps] == pytest.approx([0.06, 0.04, 0.06, 0.04], abs=1e-12)
    # The procedure ends at the third, so that the fourth is held against the third's level too.
    assert [step.level for step in steps] == pytest.approx([LEVEL / 2, LEVEL / 4, LEVEL / 2, LEVEL / 3], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels(seed: int) -> None:
    p_values = np.random.default_rng(seed).uniform(0, 0.1, 12)
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose([step.p_value for step in holm(p_values.tolist())], expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_at_holms_level_agrees_with_the_corrected_p_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = [(rng.normal(mean, 0.05, 5)).tolist() for mean in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)]
    steps = holm([paired_p_value(arm) for arm in arms])
    for arm, step in zip(arms, steps, strict=True):
        interval = t_interval(arm, confidence=1 - step.level)
        assert interval.low is not None
        assert interval.high is not None
        assert (interval.low > 0 or interval.high < 0) == (step.p_value < LEVEL)


@pytest.mark.parametrize(("effect", "level"), [(0.5, 0.05), (-0.5, 0.05), (1.5, 0.05), (1.0, 0.005)])
def test_the_seeds_needed_are_the_fewest_with_the_power(effect: float, level: float) -> None:
    number = seeds_needed(effect, level=level)
    assert number is not None
    powers = [TTestPower().power(abs(effect), n, level) for n in (number - 1, number)]
    assert powers[0] < 0.8 <= powers[1]


def test_the_seeds_needed_for_the_textbooks_medium_effect() -> None:
    # Cohen 1988: d = 0.5, two-sided 0.05, power 0.8 takes 34 pairs.
    assert seeds_needed(0.5) == 34
    assert seeds_needed(0.01) is None


@pytest.mark.parametrize("both_right", range(15))
def test_14_and_15_of_20_are_no_evidence_however_they_are_paired(both_right: int) -> None:
    # 14 - both are right without balancing alone, 15 - both with it alone: one more, whatever they share.
    assert mcnemar_p_value(15 - both_right, 14 - both_right) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(8, 1), (3, 12), (0, 5), (0, 0)])
def test_mcnemar_is_that_of_statsmodels(first: int, second: int) -> None:
    # 8 of 9: 2 (1 + 9) / 512.
    expected = mcnemar([[50, first], [second, 7]], exact=True).pvalue if first + second else 1.0
    assert mcnemar_p_value(first, second) == pytest.approx(expected, abs=1e-12)
    assert mcnemar_p_value(8, 1) == pytest.approx(20 / 512, abs=1e-12)


def test_the_interquartile_mean_worked_by_hand() -> None:
    # 1 to 8, two cut off at each end: (3 + 4 + 5 + 6) / 4.
    assert interquartile_mean([[8, 1, 3], [2, 7, 4, 5, 6]]) == 4.5


def test_the_bootstrap_draws_within_each_task() -> None:
    # Within a task all runs are equal, so there is nothing to draw; drawn across tasks there would be. Of the six
    # values one is cut off at each end: (0.1 + 0.2 + 0.2 + 0.6) / 4.
    found = interquartile_interval([[0.1, 0.1], [0.2, 0.2], [0.6, 0.6]])
    assert found == pytest.approx((0.275, 0.275, 0.275), abs=1e-9)


def test_the_bootstrap_interval_worked_by_hand() -> None:
    # Nothing is cut off three values. Of the 27 equally likely draws of {0, 1, 2} one has the mean 0 and one the
    # mean 2: 3.7 % each, so that the 2.5 % and the 97.5 % point lie there.
    found = interquartile_interval([[0.0, 1.0, 2.0]])
    assert found == pytest.approx((1.0, 0.0, 2.0), abs=1e-12)


def test_the_performance_profile_worked_by_hand() -> None:
    # Above 0: 1/2 and 2/3 of the runs; above 0.1, not at it: 1/2 and 1/3; above 1: none.
    profile = performance_profile([[-0.1, 0.2], [0.0, 0.1, 0.3]], [0.0, 0.1, 1.0])
    np.testing.assert_allclose(profile, [7 / 12, 5 / 12, 0.0], atol=1e-12)


def test_strata_are_resampled_each_for_itself() -> None:
    means = resampled_means([[0.0, 0.0, 0.0], [1.0, 3.0]])
    # The first stratum is 0 always, the second 1, 2 or 3 with probabilities 1/4, 1/2, 1/4.
    assert set(means[:, 0]) == {0.0}
    assert set(means[:, 1]) == {1.0, 2.0, 3.0}
    assert np.mean(means[:, 1] == 2.0) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("num_seeds", [1, 4])
def test_swapping_images_that_one_method_alone_gets_right_is_a_sign_test(num_seeds: int) -> None:
    # The first method sees eight images of the class that the second does not, in every seed: 2 / 2^8.
    labels = np.repeat([0, 1], 20)
    second = np.zeros((num_seeds, 40), dtype=np.int64)
    first = second.copy()
    first[:, 20:28] = 1
    assert swap_p_value(labels, first, second, [1]) == pytest.approx(2 / 2**8, abs=0.004)
    assert swap_p_value(labels, second, first, [1]) == pytest.approx(2 / 2**8, abs=0.004)
    assert swap_p_value(labels, first, first, [1]) == 1.0
    assert swap_p_value(labels, first, second, [2]) == 1.0


def test_swapping_finds_no_more_than_it_may_where_nothing_is() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [60, 20, 10])
    p_values = []
    for _ in range(200):
        of_image = rng.random((1, 90)) * 0.6
        wrong = rng.random((2, 3, 90)) < of_image
        predicted = np.where(wrong, rng.integers(0, 3, (2, 3, 90)), labels)
        p_values.append(swap_p_value(labels, predicted[0], predicted[1], [1, 2]))
    assert np.mean(np.array(p_values) < LEVEL) < 0.09
    assert 0.4 < np.mean(p_values) < 0.6
