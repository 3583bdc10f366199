"""A table of studies: those that there are, how far they are, and what their reports say."""

import errno
import os
from pathlib import Path

import pytest

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from gan_study.study.watch.studies import find_studies
from gan_study.trainables.base.settings import UserError

HEAD = "imbalance_ratio,balancer,metric,against,mean,verdict,chosen_gan"


def write_verdicts(folder, *rows):
    table = folder / "report" / "tables" / "verdicts.csv"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join((HEAD, *rows)))
    return table


def test_every_study_is_there_once_with_its_state(tmp_path):
    create_study_folder(tmp_path / "digits" / "one", study_config("quickstart", []), {})
    create_study_folder(tmp_path / "two", study_config("mnist-digit0", []), {})
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "study.json").write_text("{}")
    (tmp_path / "two" / "report").mkdir()
    damaged, *sound = find_studies(tmp_path)
    assert [(line.folder.name, line.name, line.state) for line in sound] == [
        ("one", "quickstart", "interrupted"),
        ("two", "mnist-digit0", "interrupted"),
    ]
    assert sound[0].done.startswith("0 of ") and sound[0].verdict == "no report yet"
    assert damaged.folder.name == "three" and "study.json" in damaged.verdict and damaged.state == "unreadable"
    assert [line.title(tmp_path) for line in sound] == ["digits/one (quickstart)", "two (mnist-digit0)"]


def test_the_verdict_is_that_of_the_chosen_gan(tmp_path):
    create_study_folder(tmp_path / "one", study_config("quickstart", []), {})
    (tmp_path / "one" / "records.jsonl").touch()
    table = write_verdicts(
        tmp_path / "one",
        "5.0,dcgan,minority_f1,no balancing,0.123,helps,True",
        "5.0,dcgan,minority_recall,no balancing,0.2,undecided,True",
        "5.0,dcgan,minority_f1,class_weights,-0.1,hurts,True",
        "5.0,vanilla_gan,minority_f1,no balancing,0.3,helps,False",
    )
    (line,) = find_studies(tmp_path)
    assert line.verdict == "dcgan: F1 helps +0.123, recall undecided +0.200"
    os.utime(table, (1, 1))
    (line,) = find_studies(tmp_path / "one")
    assert line.verdict == "the report is older than the records"


ROW = "5.0,dcgan,minority_f1,no balancing,{},helps,True"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("ratio,method,gain", ROW.format(0.1)),
        (HEAD, ROW.format("much")),
        (HEAD, "5.0,dcgan"),
        (HEAD, "\0"),
        (HEAD, "x" * 200_000),
        (HEAD, f"{ROW.format(0.1)}\n{ROW.format(0.2).replace('5.0', 'five')}"),
    ],
)
def test_a_table_of_verdicts_that_somebody_has_been_at_hides_no_study(tmp_path, head, row):
    for name in ("one", "two"):
        create_study_folder(tmp_path / name, study_config("quickstart", []), {})
        (tmp_path / name / "records.jsonl").touch()
        write_verdicts(tmp_path / name, ROW.format(0.1))
    table = tmp_path / "one" / "report" / "tables" / "verdicts.csv"
    table.write_text(f"{head}\n{row}")
    damaged, sound = find_studies(tmp_path)
    assert damaged.verdict in ("", "the report is damaged or from another version")
    assert sound.verdict == "dcgan: F1 helps +0.100"


def test_records_that_are_missing_or_no_file_hide_no_study(tmp_path):
    for name, put in (("missing", lambda path: None), ("pipe", os.mkfifo), ("sound", Path.touch)):
        create_study_folder(tmp_path / name, study_config("quickstart", []), {})
        put(tmp_path / name / "records.jsonl")
        write_verdicts(tmp_path / name, ROW.format(0.1))
    found = {line.folder.name: line for line in find_studies(tmp_path)}
    assert found["missing"].verdict == "the records are missing"
    assert "a pipe, but a file is needed" in found["pipe"].verdict
    assert found["sound"].verdict == "dcgan: F1 helps +0.100"


def test_the_ratios_of_each_verdict_are_said_where_there_are_several(tmp_path):
    create_study_folder(tmp_path / "one", study_config("quickstart", []), {})
    (tmp_path / "one" / "records.jsonl").touch()
    write_verdicts(
        tmp_path / "one",
        "5.0,dcgan,minority_f1,no balancing,0.1,helps,True",
        "5.0,dcgan,minority_recall,no balancing,0.1,helps,True",
        "20.0,wgan_gp,minority_f1,no balancing,-0.1,hurts,True",
        "20.0,wgan_gp,minority_recall,no balancing,0.1,helps,True",
    )
    (line,) = find_studies(tmp_path)
    assert line.verdict == "F1 helps at 5, hurts at 20; recall helps at 5, 20"


def test_a_folder_without_studies(tmp_path):
    assert find_studies(tmp_path) == ()
    with pytest.raises(UserError, match="no such folder"):
        find_studies(tmp_path / "none")


def test_a_folder_that_may_not_be_read_hides_no_study(tmp_path, monkeypatch):
    create_study_folder(tmp_path / "one", study_config("quickstart", []), {})
    (tmp_path / "others").mkdir()
    usual = Path.is_dir

    def is_dir(path):
        # Who runs the tests may be allowed to read everything.
        if path.name == "others":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return usual(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    found = {line.folder.name: line.state for line in find_studies(tmp_path)}
    assert found == {"one": "interrupted", "others": "unreadable"}
