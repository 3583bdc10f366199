"""A study whose driver is killed ends, when resumed, with the trials that it would have had."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from gan_study.study.balance import BalanceOptions, export_request, run_export
from gan_study.study.run.ray_guard import session_processes, start_tick
from gan_study.study.run.record_store import read_records
from gan_study.study.run.runner import resume_study
from gan_study.study.watch.check import check_study
from gan_study.trainables.export.findings import OVERRULED_BY
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.records.arrays import ArrayFile
from tests.patience import HANGS_SECONDS
from tests.study.left_over import assert_nothing_left

pytestmark = pytest.mark.faults

# Small enough to train in seconds: two GANs for some steps, two confirm seeds.
SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan, cgan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 8}",
    "search.parameters.balancing/gan/generator_steps@cgan={kind: int, low: 10, high: 40}",
    "balancers.vanilla_gan.gan.generator_steps=4",
    "balancers.cgan.gan.generator_steps=20",
    "search.trials=17",
    "search.trials_each=8",
    "confirm={seeds: [1, 2], until: fixed, fits: 1}",
    # With more, what has ended when the next is suggested depends on the clock.
    "resources.max_concurrent=1",
)


def start(*arguments, output=subprocess.PIPE):
    # A session of its own, so that the whole process group can be killed as a machine that goes down would.
    return subprocess.Popen(
        [sys.executable, "-m", "gan_study.study.cli", *arguments],
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def run(*arguments):
    process = start(*arguments)
    output, _ = process.communicate(timeout=HANGS_SECONDS)
    assert process.returncode == 0, output
    return output


def set_arguments():
    return [argument for setting in SETTINGS for argument in ("--set", setting)]


def kill_after(folder: Path, num_records: int, *, try_a_second_driver: bool):
    """Run, and kill the driver as soon as the study has so many records."""
    resuming = (folder / "study.json").exists()
    arguments = (
        ["resume", str(folder)] if resuming else ["run", "quickstart", *set_arguments(), "--out", str(folder)]
    )
    process = start(*arguments)
    deadline = time.monotonic() + HANGS_SECONDS
    records = folder / "records.jsonl"
    while process.poll() is None and time.monotonic() < deadline:
        if records.exists() and records.read_bytes().count(b"\n") >= num_records:
            break
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[0]
    if try_a_second_driver:
        # The first stands still meanwhile: the second takes seconds to begin, in which the first might be done.
        os.kill(process.pid, signal.SIGSTOP)
        assert_a_second_driver_is_refused(folder, first=process.pid)
    since = start_tick(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANGS_SECONDS)
    assert_nothing_left(process.pid, since)


def assert_a_second_driver_is_refused(folder: Path, *, first: int):
    second = subprocess.run(
        [sys.executable, "-m", "gan_study.study.cli", "resume", str(folder)],
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
    )
    assert second.returncode == 2
    assert f"process {first} on {socket.gethostname()}" in second.stderr


def outcomes(folder: Path):
    return {record.trial_id: record.outcome() for record in read_records(folder / "records.jsonl")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    run("run", "quickstart", *set_arguments(), "--out", str(folder))
    return folder


def test_an_undisturbed_study_is_complete(undisturbed):
    records = read_records(undisturbed / "records.jsonl")
    assert {record.status for record in records} == {"complete"}
    # No balancing in the splits of the search, its last round and its check; class weights; four arms, two seeds.
    phases = Counter(record.phase for record in records)
    assert (phases["baseline"], phases["confirm"]) == (3 + 1, 4 * 2)
    # 17 less two last rounds of at most six: both defaults and three points, which the last round tries again.
    # What checks leave over, if a default wins a last round, buys further points.
    stages = Counter(record.search.stage for record in records if record.search)
    assert stages["defaults"] == 2 and stages["search"] >= 3 and stages["last round"] >= 2 + 3
    assert stages.total() <= 17
    # Of each variant the default, and what won against it if something did.
    assert 2 <= stages["check"] <= 4
    for record in records:
        assert ArrayFile(undisturbed / record.arrays).find_damage() is None
    assert (undisturbed / "report" / "report.html").exists()
    # Where the search had fewer trials than it might have, that is noted.
    assert check_study(undisturbed).is_sound


@pytest.mark.parametrize(
    "kills",
    [
        # Past the four baselines and both defaults; past all search trials, of which there are at most fourteen.
        pytest.param((7,), id="in the search"),
        pytest.param((7, 19), id="and in the confirmation", marks=pytest.mark.soak),
    ],
)
def test_killed_and_resumed_it_is_the_same_study(undisturbed, tmp_path, kills):
    folder = tmp_path / "study"
    for num_records in kills:
        kill_after(folder, num_records, try_a_second_driver=num_records == kills[0])
        assert check_study(folder).is_sound
    # A record that was being written when the power went.
    with (folder / "records.jsonl").open("a") as file:
        file.write('{"trial_id": "half')
    run("resume", str(folder))
    assert outcomes(folder) == outcomes(undisturbed)
    assert (folder / "selection.json").read_bytes() == (undisturbed / "selection.json").read_bytes()


@pytest.mark.parametrize(
    ("signals", "goal"),
    [
        pytest.param([signal.SIGKILL], "ray", id="killed while Ray starts"),
        pytest.param([signal.SIGTERM], "ray", id="ended while Ray starts"),
        pytest.param([signal.SIGHUP], "records.jsonl", id="its terminal is closed"),
        pytest.param([signal.SIGINT] * 3, "records.jsonl", id="interrupted three times"),
        pytest.param([signal.SIGTERM], "records.jsonl", id="ended"),
    ],
)
def test_however_a_driver_ends_no_process_of_its_ray_is_left(tmp_path, signals, goal):
    folder = tmp_path / "study"
    process = start("run", "quickstart", *set_arguments(), "--out", str(folder))
    since, deadline = start_tick(process.pid), time.monotonic() + HANGS_SECONDS
    while not (session_processes(process.pid, since) if goal == "ray" else (folder / goal).exists()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    for number in signals:
        # To the whole group, as a terminal does.
        os.killpg(process.pid, number)
        time.sleep(0.3)
    output, _ = process.communicate(timeout=HANGS_SECONDS)
    assert process.returncode != 0
    assert_nothing_left(process.pid, since)
    assert "*** SIG" not in output and "Traceback" not in output, output
    if signals == [signal.SIGTERM] and goal == "ray":
        # Later the signal may end Ray, which is of the group, before it ends the driver: exit code 1 then.
        assert process.returncode == 143 and "gan-study: ended by SIGTERM; " in output
    if goal != "ray":
        assert check_study(folder).is_sound
    elif signals != [signal.SIGKILL]:
        assert not folder.exists()


def test_optunas_storage_agrees_with_the_records(undisturbed):
    manifest = json.loads((undisturbed / "study.json").read_text())
    study = optuna.load_study(
        study_name=f"{manifest['name']}-{manifest['study_id']}", storage=f"sqlite:///{undisturbed / 'optuna.db'}"
    )
    shown = {trial.user_attrs["trial_id"]: (trial.state.name, trial.value) for trial in study.trials}
    searched = [record for record in read_records(undisturbed / "records.jsonl") if record.phase == "search"]
    assert shown == {record.trial_id: ("COMPLETE", record.objective) for record in searched}


def test_the_best_gan_stays_and_is_exported_without_training(undisturbed, tmp_path, monkeypatch):
    def refuse(training, batches):
        raise AssertionError("a step is trained")

    monkeypatch.setattr(GanTrainer, "take_steps", refuse)
    request = export_request(BalanceOptions(study=undisturbed))
    assert [path.name for path in (undisturbed / "gans").iterdir()] == [request.config.trial_id]
    run_export(replace(request, allowed=frozenset(OVERRULED_BY)), tmp_path / "balanced", Console(quiet=True))
    assert list((tmp_path / "balanced").rglob("*.png"))
    assert not (undisturbed / "cache").exists()


def test_a_finished_study_resumes_to_itself(undisturbed):
    before = (undisturbed / "records.jsonl").read_bytes()
    resume_study(undisturbed)
    assert (undisturbed / "records.jsonl").read_bytes() == before
