import numpy as np
import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.calibration import calibration, calibration_tables
from tests.analysis.planted import fitted, planted_record, planted_study, predicted_study, softmax


def trial(factor: float) -> Trial:
    """Two fits, `factor` times as sure as the probabilities that the classes are drawn from."""
    rng = np.random.default_rng(0)
    record = planted_record(balancer="none", validation=0.0, test=0.0)
    for part in ("validation", "test"):
        logits = 2 * rng.normal(size=(4000, 3))
        labels = (softmax(logits).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1).clip(max=2)
        record = fitted(record, part, labels, np.stack([softmax(factor * logits)] * 2))
    return record


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_scaling_finds_the_factor_by_which_a_classifier_is_too_sure(factor: float) -> None:
    found = calibration(trial(factor))
    assert found is not None
    assert found["temperature"] == pytest.approx(factor, rel=0.1)
    assert found["ece_scaled"] < 0.03 < 0.08 < found["ece"]
    assert found["brier_scaled"] < found["brier"]


def test_before_scaling_they_are_the_scores_of_the_record() -> None:
    record = trial(3.0)
    found = calibration(record)
    assert found is not None
    assert found["ece"] == pytest.approx(record.scores["test"]["ece"], abs=1e-6)
    assert found["brier"] == pytest.approx(record.scores["test"]["brier"], abs=1e-6)


def test_the_table_has_a_row_for_each_method_with_predictions() -> None:
    (table,) = calibration_tables(predicted_study())
    assert table.rows["balancer"].tolist() == ["none", "smote", "dcgan"]
    assert set(table.numbers["n"]) == {3}
    assert calibration_tables(planted_study()) == ()
