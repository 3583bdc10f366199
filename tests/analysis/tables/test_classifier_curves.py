import numpy as np
import numpy.typing as npt
import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.classifier_curves import classifier_curve_tables
from tests.analysis.planted import planted_study, with_arrays


def with_losses(record: Trial, training: npt.ArrayLike, validation: npt.ArrayLike) -> Trial:
    return with_arrays(
        record,
        {
            "classifier/training_loss": np.array(training, dtype=float),
            "classifier/validation_loss": np.array(validation, dtype=float),
        },
    )


def test_losses_are_means_over_seeds_and_fits() -> None:
    losses = {
        1: ([[4.0, 2.0], [2.0, 1.0]], [[np.nan, 0.5], [np.nan, 0.7]]),
        # The second fit stopped early.
        2: ([[3.0, 3.0], [3.0, np.nan]], [[np.nan, 0.9], [np.nan, np.nan]]),
    }
    records = [
        with_losses(record, *losses[record.seed])
        if record.balancer == "dcgan" and record.phase == "confirm" and record.seed in losses
        else record
        for record in planted_study()
    ]
    (table,) = classifier_curve_tables(records)
    found = table.numbers
    assert found["balancer"].tolist() == ["dcgan"] * 2
    assert found["epoch"].tolist() == [1, 2]
    assert found["training_loss"].tolist() == pytest.approx([3.0, 2.0])
    assert found["validation_loss"].tolist() == pytest.approx([np.nan, 0.7], nan_ok=True)
    assert found["fits"].tolist() == [4, 3]
    assert table.text["Validation loss"].tolist() == ["0.700"]


def test_without_losses_there_is_no_table() -> None:
    assert classifier_curve_tables(planted_study()) == ()
