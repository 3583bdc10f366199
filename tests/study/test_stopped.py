"""A study whose processes stand still for a while, as in a laptop that sleeps, and one whose Ray is killed."""

import os
import signal
import time
from pathlib import Path

import pytest

from gan_study.study.run.ray_guard import ENDED, session_processes, start_tick
from gan_study.study.watch.check import check_study
from tests.study.left_over import assert_nothing_left
from tests.study.test_kill_and_resume import run, start
from tests.study.test_storage_faults import SETTINGS, num_lines, outcomes

pytestmark = pytest.mark.faults

STOPPED_SECONDS = 6


def command(folder):
    return ["run", "quickstart", *(word for each in SETTINGS for word in ("--set", each)), "--out", str(folder)]


def processes(driver, since, name):
    """The processes of a driver's Ray whose command holds `name`."""
    return [pid for pid in session_processes(driver, since) if name in _command(pid)]


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def wait_for_records(process, folder, number):
    while not (folder / "records.jsonl").exists() or num_lines(folder) < number:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    run(*command(folder))
    return outcomes(folder)


def test_a_study_whose_processes_stand_still_for_a_while_is_the_same(undisturbed, tmp_path):
    folder = tmp_path / "study"
    process = start(*command(folder))
    since = start_tick(process.pid)
    for number, name in enumerate(("Trainable", "raylet/raylet", "driver"), start=2):
        wait_for_records(process, folder, number)
        stopped = [process.pid] if name == "driver" else processes(process.pid, since, name)
        assert stopped, name
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert outcomes(folder) == undisturbed
    assert check_study(folder).is_sound


def test_a_study_whose_ray_is_killed_says_so_and_goes_on_when_resumed(undisturbed, tmp_path):
    folder = tmp_path / "study"
    process = start(*command(folder))
    since = start_tick(process.pid)
    wait_for_records(process, folder, 2)
    for pid in processes(process.pid, since, "raylet/raylet"):
        os.kill(pid, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode not in (0, None)
    # Ray's own process ends the driver's; what it says itself goes before.
    assert output.count("gan-study: ") == 1 and ENDED in output
    assert_nothing_left(process.pid, since)
    assert check_study(folder).is_sound
    run("resume", str(folder))
    assert outcomes(folder) == undisturbed
