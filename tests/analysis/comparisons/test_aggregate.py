import pytest

from gan_study.analysis.comparisons.aggregate import estimate_of, summarise
from gan_study.analysis.inference.estimates import t_interval
from tests.analysis.planted import planted_record, planted_study


def test_the_interval_of_three_values_worked_by_hand() -> None:
    # Mean 0.12, s = 0.02, t(0.975, 2) = 4.302653: half-width 4.302653 * 0.02 / sqrt(3) = 0.049683.
    estimate = t_interval([0.10, 0.12, 0.14])
    assert estimate.n == 3
    assert estimate.mean == pytest.approx(0.12, abs=1e-12)
    assert (estimate.low, estimate.high) == pytest.approx((0.070317, 0.169683), abs=1e-6)


def test_an_interval_ends_where_the_range_of_its_score_does() -> None:
    estimate = t_interval([0.90, 0.95, 1.00], bounds=(0.0, 1.0))
    assert estimate.low == pytest.approx(0.95 - 4.302653 * 0.05 / 3**0.5, abs=1e-6)
    assert estimate.high == 1.0


def test_fewer_than_three_values_have_no_interval() -> None:
    for values, mean in (([0.3], 0.3), ([0.2, 0.4], 0.3)):
        estimate = t_interval(values)
        assert (estimate.n, estimate.low, estimate.high) == (len(values), None, None)
        assert estimate.mean == pytest.approx(mean)


def test_the_summary_has_scores_and_gains_of_every_arm() -> None:
    summary = summarise(planted_study())
    row = summary[
        (summary["balancer"] == "dcgan") & (summary["metric"] == "minority_f1") & (summary["measure"] == "gain")
    ].iloc[0]
    estimate = estimate_of(row)
    assert (estimate.n, estimate.mean) == (3, pytest.approx(0.12, abs=1e-12))
    assert estimate.low == pytest.approx(0.070317, abs=1e-6)
    assert set(summary["metric"]) == {
        "minority_recall",
        "minority_f1",
        "macro_f1",
        "accuracy",
        "balanced_accuracy",
    }
    # Five arms have scores in five metrics, four of them gains too.
    assert len(summary) == 5 * 5 + 5 * 4


def test_one_seed_has_no_interval_in_the_summary() -> None:
    row = summarise([planted_record(balancer="none", validation=0.4, test=0.4)]).iloc[0]
    assert estimate_of(row).low is None
    assert estimate_of(row).high is None


def test_no_records_give_an_empty_summary_with_its_columns() -> None:
    summary = summarise([])
    assert summary.empty
    assert {"balancer", "metric", "mean", "low"} <= set(summary.columns)
