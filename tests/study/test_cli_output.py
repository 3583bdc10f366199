"""What the command says where the terminal takes no text, or not every character."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from gan_study.analysis.page.drawing import Drawings
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder, summarise_study
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.summary_file import write_summary
from gan_study.trainables.runtime.storage import StorageError
from tests.analysis.planted import predicted_study, write_arrays
from tests.small_disk import fill, read_only, small_disk
from tests.study.simulation import Simulation
from tests.study.watch.test_check import CONFIG, write_study

COMMAND = [sys.executable, "-m", "gan_study.study.cli"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study that has run, whose report draws nothing."""
    monkeypatch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings())
    create_study_folder(tmp_path / "study", study_config("quickstart", []), {"torch": "2.9.0"})
    write_arrays(tmp_path / "study", predicted_study())
    return tmp_path / "study"


def printed(*arguments, stdout=subprocess.PIPE, encoding="ascii"):
    """The command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
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


def started(script):
    """A script of the shell, in which "$@" is the command."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = ["bash", "-c", script, "bash", *COMMAND]
    found = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return found.returncode, found.stderr


def test_a_current_folder_that_was_deleted_is_said(tmp_path):
    (tmp_path / "gone").mkdir()
    code, said = started(f'cd {tmp_path}/gone && rmdir {tmp_path}/gone && "$@" list')
    message = "gan-study: the current folder: No such file or directory; change to another one"
    assert (code, said.splitlines()[-1]) == (2, message)


def test_a_library_that_has_no_memory_to_load_is_said():
    code, said = started('ulimit -v 300000; "$@" show quickstart')
    assert code == 2
    assert said.startswith("gan-study: cannot be loaded: ") and said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "seconds", "code", "line"),
    [
        (signal.SIGINT, 0.2, 130, "gan-study: interrupted"),
        (signal.SIGINT, 0.6, 130, "gan-study: interrupted"),
        (signal.SIGINT, 1.5, 130, "gan-study: interrupted"),
        (signal.SIGTERM, 0.2, 143, "gan-study: ended by SIGTERM"),
    ],
)
def test_a_signal_while_the_command_loads_is_one_line(number, seconds, code, line):
    """`import torch` makes errors of many kinds of a KeyboardInterrupt."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "show", "quickstart"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # From here on its own code runs.
    next(line for line in process.stderr if line.rstrip().endswith(" torch.version"))
    time.sleep(seconds / 10)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    told = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, told) == (code, [line])


# Files opened while 0, 1 and 2 are closed, and what a library then prints.
CLOSED = """
import os, sys
from gan_study.study import cli
cli._open_standard_files()
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2
    print("printed")
    print("printed", file=sys.stderr)
    os.write(1, b"printed")
"""


def test_nothing_is_printed_into_a_file_where_the_standard_ones_are_closed(tmp_path):
    path = tmp_path / "file"
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", sys.executable, "-c", CLOSED, str(path)], check=False
    )
    assert (done.returncode, path.read_text()) == (0, "")


@pytest.mark.slow
def test_text_that_is_the_result_is_not_lost_without_a_word():
    with Path("/dev/full").open("wb") as full:
        found = printed("show", "quickstart", stdout=full)
    assert (found.returncode, found.stderr) == (2, b"gan-study: standard output: No space left on device\n")


def test_the_report_is_written_before_anything_is_printed(gan_study, study, monkeypatch):
    def print_nothing(*arguments, **options):
        assert (study / "report" / "report.html").exists()

    monkeypatch.setattr("gan_study.study.commands.output.console.print", print_nothing)
    assert gan_study("report", study)[0] == 0


def test_what_was_not_drawn_is_said_and_is_an_exit_code(gan_study, study, monkeypatch):
    failures = ("the interactive charts: the process that draws ended (SIGTRAP)", "another: too")
    monkeypatch.setattr(
        "gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings(failures=failures)
    )
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

    monkeypatch.setattr("gan_study.analysis.page.report.write_tables", full)
    code, out, err = gan_study("report", study)
    assert (code, err) == (2, "gan-study: No space left on device: tables\n")
    assert "test minority F1" in " ".join(out.split())
    assert (study / "report" / "report.html").read_bytes() == before


@pytest.mark.faults
@pytest.mark.parametrize("leave_bytes", [0, 30_000, 300_000, "read-only"])
def test_a_disk_that_is_full_when_the_report_is_written_costs_no_answer(gan_study, study, tmp_path, leave_bytes):
    with small_disk(tmp_path / "disk", megabytes=64) as disk, contextlib.ExitStack() as opening:
        folder = shutil.copytree(study, disk / "study")
        gan_study("report", folder)
        before = (folder / "report" / "report.html").read_bytes()
        if leave_bytes == "read-only":
            opening.enter_context(read_only(folder))
        else:
            opening.callback(fill(disk, leave_bytes=leave_bytes).unlink)
        code, out, err = gan_study("report", folder)
        assert (code, err.count("\n")) == (2, 1), err
        assert "No space left" in err or "ead-only" in err
        assert "test minority F1" in " ".join(out.split())
        assert (folder / "report" / "report.html").read_bytes() == before
        opening.close()
        assert gan_study("report", folder)[0] == 0


@pytest.mark.parametrize("place", ["report", "report/tables", "report/plots", "report/report.html"])
def test_a_report_is_not_written_where_a_link_leads(gan_study, study, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine", encoding="utf-8")
    (study / place).parent.mkdir(exist_ok=True)
    (study / place).symlink_to(elsewhere)
    code, _, err = gan_study("report", study)
    assert code == 2
    assert err == (
        f"gan-study: {study / place} is a link to {elsewhere}, and nothing is written through links; "
        "remove it first\n"
    )
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("list",), ("explain",), ("explain", "data.fit")]
)
def test_what_only_says_something_loads_no_heavy_library(arguments):
    assert_light(*arguments)


def test_the_status_of_a_finished_study_loads_no_heavy_library(tmp_path):
    """Nor does the list of studies, which reads the verdicts of its report; 2.5 s of processor time before."""
    simulation, root = Simulation(), tmp_path / "study"
    simulation.run(CONFIG, num_workers=1, seed=0)
    write_study(root, simulation.records.values(), closed=simulation.closed)
    write_summary(StudyFolder(root), summarise_study(root))
    table = root / "report" / "tables" / "verdicts.csv"
    table.parent.mkdir(parents=True)
    row = "5.0,dcgan,minority_f1,no balancing,0.123,helps,True"
    table.write_text(f"imbalance_ratio,balancer,metric,against,mean,verdict,chosen_gan\n{row}\n")
    assert "finished; `gan-study report" in assert_light("status", root)
    assert json.loads(assert_light("status", root, "--json"))["state"] == "finished"
    listed = " ".join(assert_light("ls", tmp_path).split())
    assert "finished" in listed and "F1 helps +0.123" in listed


def assert_light(*arguments):
    """What a command prints that loads no large library and begins in half a second of processor time."""
    program = (
        "import sys, time; from gan_study.study.cli import main\n"
        "try: main()\n"
        "finally:\n"
        "    print(sorted({'torch', 'ray', 'pandas', 'numpy', 'optuna'} & {*sys.modules}), file=sys.stderr)\n"
        "    print(time.process_time(), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *map(str, arguments)]
    seconds = []
    # On a machine that does much else, processor time is above that of an idle one.
    while not seconds or (min(seconds) >= 0.5 and len(seconds) < 3):
        environment = {**os.environ, "COLUMNS": "200"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        loaded, used = done.stderr.splitlines()
        assert done.stdout and loaded == "[]"
        seconds.append(float(used))
    assert min(seconds) < 0.5
    return done.stdout


def test_the_table_of_methods_fits_sixty_columns(study, monkeypatch, gan_study):
    monkeypatch.setattr("gan_study.study.commands.reporting.console", Console(width=60))
    code, out, _ = gan_study("report", study)
    assert code == 0
    rows = out[out.index("Balancer") :].partition("Report:")[0].splitlines()
    assert max(map(len, rows)) <= 60
    methods = {record.balancer for record in predicted_study() if record.phase == "confirm"}
    assert len(methods) > 2 and methods <= {row.split()[0] for row in rows if row.split()}
