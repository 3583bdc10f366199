import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from gan_study.analysis.tables.curves import (
    GRID,
    average_precision,
    count_above,
    curve_tables,
    precision_at,
    rare_class_counts,
    roc_at,
    roc_auc,
)
from tests.analysis.planted import CLASS_NAMES, fitted, planted_record, planted_study, predicted_study

# Scores 0.9, 0.8 (two of them, one of each kind), 0.5, 0.1.
IS_CLASS = np.array([True, True, False, False, True])
SCORES = np.array([0.9, 0.8, 0.8, 0.5, 0.1])


def test_counts_and_curves_worked_by_hand() -> None:
    counts = count_above(IS_CLASS, SCORES)
    assert counts.hits.tolist() == [1, 2, 2, 3]
    assert counts.false_alarms.tolist() == [0, 1, 2, 2]
    # (0, 1/3), (1/2, 2/3), (1, 2/3), (1, 1).
    assert roc_at(counts, np.array([0.0, 0.25, 0.5, 0.75, 1.0])) == pytest.approx([1 / 3, 1 / 2, 2 / 3, 2 / 3, 1])
    # Recall 1/3 by the highest score alone, 2/3 with three images, 1 with all five.
    assert precision_at(counts, np.array([0.0, 1 / 3, 0.5, 2 / 3, 1.0])) == pytest.approx(
        [1, 1, 2 / 3, 2 / 3, 3 / 5]
    )
    assert average_precision(counts) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_areas_agree_with_scikit_learn(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    is_class = rng.random(300) < 0.1
    scores = (rng.random(300) + 0.3 * is_class).round(decimals).astype(np.float32)
    counts = count_above(is_class, scores)
    assert roc_auc(counts) == pytest.approx(roc_auc_score(is_class, scores), abs=1e-12)
    assert average_precision(counts) == pytest.approx(average_precision_score(is_class, scores), abs=1e-12)


def test_the_table_averages_fits_and_then_seeds() -> None:
    labels = np.repeat(np.arange(3), (6, 3, 1))
    rng = np.random.default_rng(0)
    trials = [
        fitted(planted_record(balancer="none", validation=0.0, test=0.0, seed=seed), "test", labels, probabilities)
        for seed, probabilities in (
            (1, rng.dirichlet(np.ones(3), (4, 10))),
            (2, rng.dirichlet(np.ones(3), (4, 10))),
        )
    ]
    (table,) = curve_tables(trials)
    means = [np.mean([roc_at(each, GRID) for each in rare_class_counts(trial)[1]], axis=0) for trial in trials]
    rows = table.numbers[(table.numbers["class"] == CLASS_NAMES[1]) & (table.numbers["curve"] == "ROC")]
    assert rows["y"].to_numpy() == pytest.approx(np.mean(means, axis=0))
    assert rows["x"].to_numpy() == pytest.approx(GRID)
    assert set(rows["n"]) == {2}
    assert set(rows["trial_ids"]) == {" ".join(trial.trial_id for trial in trials)}


def test_the_page_has_a_row_for_each_method_and_rare_class() -> None:
    (table,) = curve_tables(predicted_study())
    assert len(table.rows) == 3 * 2
    assert len(table.numbers) == 3 * 2 * 2 * len(GRID)
    row = table.rows.iloc[0]
    at = table.numbers[(table.numbers["balancer"] == "none") & (table.numbers["class"] == row["class"])]
    recall = at[(at["curve"] == "ROC") & (at["x"] == 0.1)]["y"].item()
    assert row["Recall at 10% false alarms"] == f"{recall:.3f}"


def test_without_predictions_there_are_no_curves() -> None:
    assert curve_tables(planted_study()) == ()
