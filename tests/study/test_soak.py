"""What takes minutes: `make soak`. Twenty kills of the driver, and a study of a thousand trials."""

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from gan_study.study.run.ray_guard import start_tick
from gan_study.study.run.record_store import read_records
from gan_study.study.watch.check import check_study
from tests.patience import HANGS_SECONDS
from tests.study.left_over import assert_nothing_left
from tests.study.test_kill_and_resume import outcomes, run, start

pytestmark = [pytest.mark.soak, pytest.mark.timeout(8 * HANGS_SECONDS)]

NUM_KILLS = 20
GANS = (
    "classifier.epochs=1",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
)
KILLED = (
    *GANS,
    "data.image_size=8",
    "baselines=[class_weights]",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 60}",
    "search.trials=24",
    "search.trials_each=8",
    "confirm={seeds: [1, 2, 3, 4], until: fixed, fits: 1}",
    "resources.checkpoint_interval_seconds=0.2",
    # With more, what has ended when the next is suggested depends on the clock.
    "resources.max_concurrent=1",
)
LONG = (
    *GANS,
    "baselines=[]",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 8}",
    "search.trials=989",
    "confirm={seeds: [1, 2, 3, 4, 5], until: fixed, fits: 1}",
    "resources.cache_gb=0.1",
    "resources.max_concurrent=1",
)
MOMENTS = (10, 100, 1000)


def arguments(settings, folder):
    return [
        "run",
        "quickstart",
        *(word for setting in settings for word in ("--set", setting)),
        "--out",
        str(folder),
    ]


def num_lines(folder):
    records = folder / "records.jsonl"
    return records.read_bytes().count(b"\n") if records.exists() else 0


def test_killed_twenty_times_at_random_it_is_the_same_study(tmp_path):
    undisturbed, folder, rng = tmp_path / "undisturbed", tmp_path / "killed", random.Random(20)
    run(*arguments(KILLED, undisturbed))
    for _ in range(NUM_KILLS):
        resuming = (folder / "study.json").exists()
        process = start(*(["resume", str(folder)] if resuming else arguments(KILLED, folder)))
        goal, before = num_lines(folder) + rng.randint(0, 2), num_lines(folder)
        if goal == before:
            time.sleep(rng.uniform(0, 15))
        while num_lines(folder) < goal:
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
        assert process.poll() is None, "the study was over before the last kill"
        since = start_tick(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=HANGS_SECONDS)
        assert_nothing_left(process.pid, since)
        if (folder / "study.json").exists():
            assert check_study(folder).is_sound
    run("resume", str(folder))
    assert outcomes(folder) == outcomes(undisturbed)
    assert check_study(folder).is_sound


def resident_megabytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def bytes_below(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_thousand_trials_take_no_more_room_memory_or_time_than_they_may(tmp_path):
    """Prints what `docs/reliability.md` says."""
    folder, reached = tmp_path / "study", {}
    output = tmp_path / "output"
    # Nobody reads meanwhile, and a pipe holds less than a thousand trials have to say.
    with output.open("w") as file:
        process = start(*arguments(LONG, folder), output=file)
    largest = looked_at = 0
    while process.poll() is None:
        done = num_lines(folder)
        for moment in MOMENTS:
            if done >= moment and moment not in reached:
                reached[moment] = (time.monotonic(), resident_megabytes(process.pid))
        if done >= looked_at + 25:
            looked_at, largest = done, max(largest, bytes_below(folder))
        time.sleep(0.05)
    assert process.returncode == 0, output.read_text()
    records = read_records(folder / "records.jsonl")
    assert len(records) == 1 + 989 + 2 * 5
    began = time.monotonic()
    run("report", str(folder))
    report_seconds = time.monotonic() - began
    busy = [sum(record.seconds.values()) for record in records]
    early = (reached[100][0] - reached[10][0] - sum(busy[10:100])) / 90
    late = (reached[1000][0] - reached[100][0] - sum(busy[100:1000])) / 900
    print(f"driver: {', '.join(f'{mb:.0f} MB after {n}' for n, (_, mb) in reached.items())} trials")
    print(f"between trials: {early:.3f} s up to 100, {late:.3f} s from there on")
    print(f"folder: {largest / 1e6:.0f} MB at most, {bytes_below(folder) / 1e6:.0f} MB at the end")
    print(f"report: {report_seconds:.1f} s")
    assert largest < 1e9
    assert report_seconds < 60
    # An outline of each record and Tune's own note of a trial stay in memory.
    assert reached[1000][1] - reached[100][1] < 40
    assert late < early + 0.05
