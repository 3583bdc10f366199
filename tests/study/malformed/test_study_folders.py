"""A study's folder that somebody has been at."""

import contextlib
import inspect
import itertools
import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.analysis.page.drawing import Drawings
from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch.check import check_study
from tests.study.malformed.inputs import answer, assert_civil, damages, tried


def damaged_copy(whole, tmp_path_factory, name, damage):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    content = damage((folder / name).read_bytes())
    (folder / name).write_bytes(content)
    return folder, content


@tried("records")
@given(damage=damages())
def test_records_that_somebody_has_been_at(whole, tmp_path_factory, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, "records.jsonl", damage)
    assert_civil(answer("check", folder), codes=(0, 1, 2))
    assert (folder / "records.jsonl").read_bytes() == content
    assert_civil(answer("resume", folder))
    # An unfinished last line is cut off, and nothing else is touched.
    left = (folder / "records.jsonl").read_bytes()
    assert left in (content, content[: content.rfind(b"\n") + 1])


@tried("manifests")
@given(damage=damages())
def test_a_manifest_that_somebody_has_been_at(whole, tmp_path_factory, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, "study.json", damage)
    assert_civil(answer("check", folder), codes=(0, 1, 2))
    assert_civil(answer("resume", folder))
    assert (folder / "study.json").read_bytes() == content
    assert (folder / "records.jsonl").read_bytes() == (whole / "records.jsonl").read_bytes()


@tried("databases")
@given(damage=damages(), command=st.sampled_from(["check", "resume", "status"]))
def test_a_database_that_somebody_has_been_at(whole, tmp_path_factory, damage, command):
    folder, _ = damaged_copy(whole, tmp_path_factory, "optuna.db", damage)
    assert_civil(answer(command, folder), codes=(0, 1, 2))
    assert (folder / "records.jsonl").read_bytes() == (whole / "records.jsonl").read_bytes()


def put_pipe(path):
    os.mkfifo(path)


def put_socket(path):
    # By a short path, since a socket's is a hundred characters at most.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


def put_loop(path):
    path.symlink_to(path.name)


def put_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("options", [["--seeds", "3", "--trials", "1"], ["--retry-failed", "--trials", "1"]])
def test_a_request_that_is_refused_changes_nothing(failing, tmp_path, options):
    folder = shutil.copytree(failing, tmp_path / "study")
    code, err = answer("resume", folder, *options)
    assert (code, err.partition(":")[0]) == (2, "gan-study")
    assert "--trials 1: the study already has 4" in err
    names = {path.relative_to(failing) for path in failing.rglob("*") if path.is_file()}
    assert {name for name in names if (failing / name).read_bytes() != (folder / name).read_bytes()} == set()
    assert not (folder / "rounds.json").exists()


def test_an_empty_database_is_one_without_the_study(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "study")
    (folder / "optuna.db").write_bytes(b"")
    (found,) = [each for each in check_study(folder).findings if each.where == "optuna.db"]
    assert (found.is_wrong, found.what.partition(" '")[0]) == (False, "holds no study")


@pytest.mark.slow
@tried("places")
@given(
    command=st.sampled_from(["check", "status", "report", "resume", "logs", "show", "balance"]),
    name=st.sampled_from(
        [
            *("study.json", "records.jsonl", "decisions.jsonl", "selection.json", "rounds.json"),
            "plan_summary.json",
            *("importance.json", "optuna.db", "driver.lock", "logs/driver.jsonl", "artifacts", "report", ""),
        ]
    ),
    put=st.sampled_from([put_pipe, put_socket, put_loop, put_device, Path.mkdir, Path.touch]),
)
def test_a_place_that_holds_no_regular_file(whole, tmp_path_factory, command, name, put):
    folder = tmp_path_factory.getbasetemp() / "placed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.unlink(missing_ok=True)
    shutil.copytree(whole, folder)
    path = folder / name if name else folder
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    put(path)
    arguments = {
        "show": ["show", folder / "study.json"],
        "balance": ["balance", "--from", folder, "--out", "made"],
    }
    assert_civil(answer(*arguments.get(command, [command, folder])), codes=(0, 1, 2))
    assert not Path("made").exists()


PLACES = {str(path) for _, path in inspect.getmembers(StudyFolder(Path())) if isinstance(path, Path)}
INSIDE = sorted(PLACES - {".", "ray/token", "report/report.html"})


@pytest.mark.parametrize("name", [*INSIDE, "logs/3f.jsonl", "cache/gans/0a", "artifacts/0a.npz"])
@pytest.mark.parametrize("command", ["resume", "run"])
def test_nothing_is_written_or_removed_behind_a_link_in_a_study(whole, tmp_path, command, name):
    """Whatever of a study is a link to somebody else's file or folder, which may look like the study's own."""
    folder, elsewhere = shutil.copytree(whole, tmp_path / "study"), tmp_path / "elsewhere"
    if command == "run":
        shutil.rmtree(folder)
        folder.mkdir()
    path = folder / name
    if path.exists():
        path.rename(elsewhere)
    elif path.suffix:
        elsewhere.write_text("a thesis")
    else:
        elsewhere.mkdir()
    if elsewhere.is_dir():
        (elsewhere / "old.pt").write_text("weights")
        os.utime(elsewhere / "old.pt", (0, 0))
    before = contents(elsewhere)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(elsewhere)
    arguments = {"resume": ["resume", folder], "run": ["run", "quickstart", "--out", folder]}
    code, err = answer(*arguments[command])
    assert (code, err.count("\n")) == (2, 1)
    assert contents(elsewhere) == before


def contents(path):
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {each: each.read_bytes() for each in files}


# What no JSON reader of Python's says in a JSONDecodeError.
ODD = {"nested": b"[" * 100_000, "digits": b"1" * 5000, "no text": b"\xff", "no number": b"[NaN]"}


def odd_files():
    for command, name, kind in itertools.product(
        ("check", "status", "report", "resume"),
        ("study.json", "records.jsonl", "selection.json", "importance.json"),
        ODD,
    ):
        # Those reports are written nevertheless, but for their drawings, which takes seconds each.
        is_written = command == "report" and name in ("selection.json", "importance.json")
        marks = () if not is_written else pytest.mark.slow if kind == "nested" else pytest.mark.soak
        yield pytest.param(command, name, ODD[kind], marks=marks, id=f"{command}-{name}-{kind}")


@pytest.mark.parametrize(("command", "name", "content"), list(odd_files()))
def test_a_file_of_a_study_that_is_odd_from_end_to_end(
    whole, tmp_path_factory, monkeypatch, command, name, content
):
    monkeypatch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings())
    shutil.rmtree(folder := tmp_path_factory.getbasetemp() / "odd", ignore_errors=True)
    shutil.copytree(whole, folder)
    (folder / name).write_bytes(content + b"\n")
    assert_civil(answer(command, folder), codes=(0, 1, 2))
    assert (folder / name).read_bytes() == content + b"\n" or (command, name) == ("report", "importance.json")


@pytest.mark.slow
@tried("reports")
@given(name=st.sampled_from(["records.jsonl", "study.json"]), damage=damages())
def test_a_report_of_what_somebody_has_been_at(whole, tmp_path_factory, name, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, name, damage)
    assert_civil(answer("report", folder))
    assert (folder / name).read_bytes() == content
