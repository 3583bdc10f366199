"""Which parameter matters, as the report shows it."""

import json
from pathlib import Path

import pytest

from gan_study.analysis.records.load import load_study
from gan_study.analysis.tables.importance import importance_gaps, importance_tables
from gan_study.trainables.base.settings import dump
from gan_study.trainables.records.record import RecordError
from gan_study.trainables.records.study_header import IMPORTANCE_FILE, SearchImportance
from tests.analysis.planted import planted_study, write_study

CELL = {"dataset": "shapes", "classifier": "simple_cnn", "imbalance_ratio": 10.0}
KNOWN = SearchImportance(
    **CELL,
    balancer="dcgan",
    num_trials=24,
    shares={"balancing/gan/generator_steps@dcgan": 0.75, "balancing/gan/learning_rate": 0.25},
)
FEW_TRIALS = "2 of the 20 complete trials that are needed"
FEW = SearchImportance(**CELL, balancer="acgan_<x>", num_trials=2, missing=FEW_TRIALS)


def stored(folder: Path, content: str) -> Path:
    write_study(folder, planted_study())
    (folder / IMPORTANCE_FILE).write_text(content, encoding="utf-8")
    return folder


def test_shares_are_a_table_by_method_and_parameter_with_the_trials_of_the_search(tmp_path: Path) -> None:
    study = load_study(stored(tmp_path, json.dumps([dump(KNOWN), dump(FEW)])))
    assert study.importance == (KNOWN, FEW)
    (table,) = importance_tables(study)
    assert table.text.to_numpy().tolist() == [
        ["dcgan", "gan/generator_steps", "75%", 24],
        ["dcgan", "gan/learning_rate", "25%", 24],
    ]
    assert table.numbers["share"].tolist() == [0.75, 0.25]
    assert importance_gaps(study.importance) == (
        "Not given for acgan_<x> at ratio 10 (2 of the 20 complete trials that are needed)."
    )


def test_without_a_file_or_without_shares_there_is_no_table(tmp_path: Path) -> None:
    assert importance_tables(load_study(write_study(tmp_path / "none", planted_study()))) == ()
    assert importance_tables(load_study(stored(tmp_path / "few", json.dumps([dump(FEW)])))) == ()
    assert importance_gaps([KNOWN]) is None


@pytest.mark.parametrize("content", ["{", "{}", '[{"balancer": 1}]', "[1]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    with pytest.raises(RecordError, match=IMPORTANCE_FILE):
        load_study(stored(tmp_path, content))
