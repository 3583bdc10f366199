"""Gains by dose, worked by hand."""

from dataclasses import replace

import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.dose import dose_tables
from gan_study.trainables.records.record import GeneratedImages
from tests.analysis.planted import planted_study


def dosed(record: Trial, dose: float) -> Trial:
    return replace(record, generated=GeneratedImages(dose=dose, num_made=round(200 * dose), num_passed=1))


def of_dcgan(*doses: float) -> list[Trial]:
    """The planted study: dcgan's search trials at these doses, its confirmed ones at 0.5."""
    searched = iter(doses)
    return [
        dosed(record, next(searched) if record.phase == "search" else 0.5)
        if record.balancer == "dcgan" and record.status == "complete"
        else record
        for record in planted_study()
    ]


def test_search_trials_by_dose_on_validation_and_confirmed_ones_on_test() -> None:
    (table,) = dose_tables(of_dcgan(0.25, 1.0, 1.0))
    rows = table.numbers[["balancer", "part", "dose", "images", "n"]].to_numpy().tolist()
    assert rows == [
        ["dcgan", "validation", 0.25, 50, 1],
        ["dcgan", "validation", 1.0, 200, 2],
        ["dcgan", "test", 0.5, 100, 3],
    ]
    # 0.05 alone; 0.20 and 0.10; 0.10, 0.12 and 0.14.
    assert table.numbers["mean"].tolist() == pytest.approx([0.05, 0.15, 0.12])
    assert table.text["Mean gain"].tolist() == ["+0.050", "+0.150", "+0.120 [+0.070, +0.170]"]
    assert [len(ids.split()) for ids in table.numbers["trial_ids"]] == [1, 2, 3]


def test_one_dose_is_no_table() -> None:
    assert dose_tables(of_dcgan(0.5, 0.5, 0.5)) == ()
    assert dose_tables(planted_study()) == ()
