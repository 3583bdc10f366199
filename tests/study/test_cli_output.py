"""What the command says where the terminal takes no text, or not every character."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_study.analysis.drawing import Drawings
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from gan_study.trainables.runtime.storage import StorageError
from tests.analysis.planted import predicted_study, write_arrays


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study that has run, whose report draws nothing."""
    monkeypatch.setattr("gan_study.analysis.report.draw_apart", lambda study: Drawings())
    create_study_folder(tmp_path / "study", study_config("quickstart", []), {"torch": "2.9.0"})
    write_arrays(tmp_path / "study", predicted_study())
    return tmp_path / "study"


def printed(*arguments, stdout=subprocess.PIPE, encoding="ascii"):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gan_study.study.cli", *map(str, arguments)],
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": encoding},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.slow
def test_a_terminal_of_ascii_gets_ascii():
    found = printed("list")
    assert (found.returncode, found.stderr) == (0, b"")
    assert "dcgan" in found.stdout.decode("ascii")
    assert printed("run", "--help").returncode == 0


@pytest.mark.slow
def test_text_that_is_the_result_is_not_lost_without_a_word():
    with Path("/dev/full").open("wb") as full:
        found = printed("show", "quickstart", stdout=full)
    assert (found.returncode, found.stderr) == (2, b"gan-study: standard output: No space left on device\n")


def test_the_report_is_written_before_anything_is_printed(gan_study, study, monkeypatch):
    def print_nothing(*arguments, **options):
        assert (study / "report" / "report.html").exists()

    monkeypatch.setattr("gan_study.study.cli.console.print", print_nothing)
    assert gan_study("report", study)[0] == 0


def test_what_was_not_drawn_is_said_and_is_an_exit_code(gan_study, study, monkeypatch):
    failures = ("the interactive charts: the process that draws ended (SIGTRAP)", "another: too")
    monkeypatch.setattr("gan_study.analysis.report.draw_apart", lambda study: Drawings(failures=failures))
    code, out, err = gan_study("report", study)
    assert code == 1
    assert err.count("\n") == 1
    assert "the interactive charts: the process that draws ended (SIGTRAP) (and 1 more" in err
    assert "Report: " in out
    page = (study / "report" / "report.html").read_text(encoding="utf-8")
    assert all(f"<li>{failure}</li>" in page for failure in failures)


def test_a_report_that_cannot_be_written_is_one_line_and_the_answer(gan_study, study, monkeypatch):
    gan_study("report", study)
    before = (study / "report" / "report.html").read_bytes()

    def full(*arguments):
        raise StorageError(28, "No space left on device", "tables")

    monkeypatch.setattr("gan_study.analysis.report.tables.write_tables", full)
    code, out, err = gan_study("report", study)
    assert (code, err) == (2, "gan-study: No space left on device: tables\n")
    assert "test minority F1" in " ".join(out.split())
    assert (study / "report" / "report.html").read_bytes() == before


@pytest.mark.parametrize("place", ["report", "report/tables", "report/plots", "report/report.html"])
def test_a_report_is_not_written_where_a_link_leads(gan_study, study, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine", encoding="utf-8")
    (study / place).parent.mkdir(exist_ok=True)
    (study / place).symlink_to(elsewhere)
    code, _, err = gan_study("report", study)
    assert code == 2
    assert (
        err
        == f"gan-study: {study / place} is a link to {elsewhere}: nothing is written through it; remove it first\n"
    )
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]
