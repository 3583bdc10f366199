import numpy as np
import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.classes import class_tables
from tests.analysis.planted import CLASS_NAMES, fitted, planted_record, predicted_study

LABELS = np.array([0, 0, 0, 1, 1, 2])


def trial(seed: int, *predicted: list[int]) -> Trial:
    """A trial of several fits that predict these classes."""
    record = planted_record(balancer="none", validation=0.0, test=0.0, seed=seed)
    return fitted(record, "test", LABELS, np.eye(3)[np.array(predicted)])


def test_scores_are_means_over_fits_and_then_seeds() -> None:
    # The recall of class 1: fits of the first seed 1/2 and 1, of the second 0 and 0.
    first = trial(1, [0, 0, 0, 1, 0, 2], [0, 0, 1, 1, 1, 2])
    second = trial(2, [0, 0, 0, 0, 0, 0], [0, 0, 0, 2, 2, 2])
    scores, confusion = class_tables([first, second])
    rows = scores.numbers[(scores.numbers["class"] == CLASS_NAMES[1]) & (scores.numbers["metric"] == "recall")]
    assert (rows["n"].item(), rows["mean"].item()) == (2, pytest.approx((0.75 + 0) / 2))
    cells = confusion.numbers.set_index(["true", "predicted"])
    assert cells.loc[(CLASS_NAMES[1], CLASS_NAMES[1]), "images"] == pytest.approx((1 + 2 + 0 + 0) / 4)
    assert cells.loc[(CLASS_NAMES[1], CLASS_NAMES[2]), "share"] == pytest.approx((2 / 4) / 2)
    assert cells.groupby("true")["share"].sum().to_numpy() == pytest.approx(np.ones(3))
    row = confusion.rows.set_index("True class").loc[CLASS_NAMES[1]]
    assert (row["Images"], row["Right"], row["Taken for"]) == ("2", "0.8 (38%)", "benign 0.8, normal 0.5")


def test_a_class_without_test_images_has_no_scores() -> None:
    record = planted_record(balancer="none", validation=0.0, test=0.0)
    lacking = fitted(record, "test", np.array([0, 1]), np.eye(3)[[[0, 1]]])
    scores, confusion = class_tables([lacking])
    assert scores.rows.iloc[2][["Precision", "Recall", "F1"]].tolist() == ["–"] * 3
    assert scores.numbers.iloc[-1]["n"] == 0
    assert confusion.rows.iloc[2][["Images", "Right", "Taken for"]].tolist() == ["0", "–", "–"]


def test_only_confirmed_trials_count() -> None:
    assert class_tables([each for each in predicted_study() if each.phase != "confirm"]) == ()
    scores, _ = class_tables(predicted_study())
    assert set(scores.rows["balancer"]) == {"none", "smote", "dcgan"}
    assert scores.rows[scores.rows["minority"] == "yes"]["class"].nunique() == 2
