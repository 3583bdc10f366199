import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from gan_study.analysis.inference.statistics import (
    LEVEL,
    holm,
    interquartile_interval,
    interquartile_mean,
    mcnemar_p_value,
    performance_profile,
    resampled_means,
)


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


def test_holm_corrects_for_comparisons_that_have_no_p_value_yet() -> None:
    # Two of five: 0.01 times 5, 0.02 times 4.
    steps = holm([0.02, 0.01], number=5)
    assert [step.p_value for step in steps] == pytest.approx([0.08, 0.05], abs=1e-12)
    assert steps[1].level == pytest.approx(LEVEL / 5)


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


@pytest.mark.parametrize("tasks", [[[0.1], [0.3]], [[0.1, 0.1], [0.3]]])
def test_a_task_with_a_single_run_leaves_the_mean_and_no_interval(tasks: list[list[float]]) -> None:
    assert interquartile_interval(tasks)[1:] == (None, None)


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
