import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gan_study.analysis.page.caveats import caveats
from gan_study.analysis.page.report import report_tables
from gan_study.analysis.records.load import load_study, records_frame
from gan_study.trainables.records.arrays import arrays_digest, to_bytes
from gan_study.trainables.records.record import RecordError
from tests.analysis.planted import array_path, plain_record, planted_record, planted_study, write_study


def test_a_study_comes_back_as_it_was_written(tmp_path: Path) -> None:
    records = planted_study()
    study = load_study(write_study(tmp_path, records))
    assert [plain_record(found) for found in study.records] == [plain_record(record) for record in records]
    assert [found.class_counts for found in study.records] == [record.class_counts for record in records]
    assert study.find_gaps() == ()
    assert study.name == "planted <study>"
    assert study.environment["torch"] == "2.9.0"
    assert study.notes == ()


def test_a_last_line_that_was_cut_off_is_left_out_with_a_note(tmp_path: Path) -> None:
    folder = write_study(tmp_path, planted_study())
    with (folder / "records.jsonl").open("a") as lines:
        lines.write('{"schema_version": 2, "trial')
    study = load_study(folder)
    assert len(study.records) == len(planted_study())
    assert study.notes == ("The last line of records.jsonl is incomplete; it is left out.",)


def test_a_last_line_that_lacks_only_its_line_break_counts(tmp_path: Path) -> None:
    folder = write_study(tmp_path, planted_study())
    path = folder / "records.jsonl"
    path.write_text(path.read_text().removesuffix("\n"))
    assert len(load_study(folder).records) == len(planted_study())


@pytest.mark.parametrize("line", [b'{"schema_version": 2\n', b"\n", b'{"schema_version": 7}\n', b"\xff\xfe\n"])
def test_any_other_bad_line_is_named(tmp_path: Path, line: bytes) -> None:
    folder = write_study(tmp_path, planted_study()[:2])
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes() + line + plain_record(planted_study()[3]).to_line().encode() + b"\n")
    with pytest.raises(RecordError, match=r"records\.jsonl:3"):
        load_study(folder)


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"study\.json is missing"):
        load_study(tmp_path)


DAMAGES = {
    "missing": ("is missing", lambda path: path.unlink()),
    "cut off": ("cannot be read", lambda path: path.write_bytes(path.read_bytes()[:200])),
    "an image": ("cannot be read", lambda path: path.write_bytes(b"\x89PNG")),
    "another trial's": ("contains other arrays", lambda path: shutil.copy(min(path.parent.iterdir()), path)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_arrays_that_are_missing_or_damaged_are_a_gap_and_not_the_end(tmp_path: Path, damage: str) -> None:
    records = planted_study()
    last = replace(records[-1], arrays_digest=arrays_digest(to_bytes(records[-1].stored)))
    folder = write_study(tmp_path, [*records[:-1], last])
    path, (what, do_damage) = folder / array_path(last), DAMAGES[damage]
    do_damage(path)
    study = load_study(folder)
    (gap,) = study.find_gaps()
    assert gap.startswith(f"{path}: {what}")
    assert (study.records[-1].class_names, study.records[-1].class_counts) == ((), None)
    assert gap in caveats(study)
    # Its row is there: overall scores are in the record.
    (verdicts, *_, class_counts) = [
        table for table in report_tables(study) if table.name in ("verdicts", "class_counts")
    ]
    assert len(verdicts.text) == 4
    assert len(class_counts.text) == 3


@pytest.mark.parametrize("said", ['"schema_version": 1, ', ""])
def test_a_study_of_the_first_version_is_refused_in_one_sentence(tmp_path: Path, said: str) -> None:
    folder = write_study(tmp_path, planted_study())
    header = folder / "study.json"
    header.write_text(header.read_text().replace('"schema_version": 2, ', said))
    with pytest.raises(RecordError, match=r"study\.json: written by gan-study 0\.1\.0, .* install that version"):
        load_study(folder)


def test_a_study_without_records_is_noted(tmp_path: Path) -> None:
    folder = write_study(tmp_path, [])
    (folder / "records.jsonl").unlink()
    assert load_study(folder).notes == ("No trial has been recorded yet.",)


def test_the_frame_has_a_row_a_record() -> None:
    frame = records_frame([planted_record(balancer="none", validation=0.4, test=0.5, seed=3)])
    row = frame.iloc[0]
    assert (row["phase"], row["seed"], row["validation_minority_f1"], row["test_minority_f1"]) == (
        "confirm",
        3,
        0.4,
        0.5,
    )
    assert row["search_trials"] == 0
    assert row["total_seconds"] == 3.0


def test_the_analysis_loads_without_what_trained() -> None:
    code = (
        "import gan_study.analysis.page.report, sys; "
        "heavy = {'torch', 'ray', 'optuna', 'wandb', 'matplotlib.pyplot'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
