"""What is left of a Ray when its driver has ended; real processes, which only look like Ray's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_study.study.run import ray_guard
from tests.patience import HANGS_SECONDS

# A driver that starts a "Ray" of its own, says what it started, and waits.
DRIVER = """
import os, signal, subprocess, sys, time
# Tests that nohup runs have it ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from gan_study.study.run.ray_guard import ray_ends_with_driver

def start(folder, how):
    log = os.path.join(folder, "logs") if how == "log" else os.devnull
    words = [folder] if how == "word" else [f"--session={os.path.basename(folder)}"] if how == "name" else []
    with open(log, "w") as file:
        command = [sys.executable, "-c", "import time; time.sleep(60)", *words]
        return subprocess.Popen(command, stdout=file, start_new_session=True).pid

with ray_ends_with_driver():
    ours = f"{sys.argv[1]}/session_2026-11-29_20-00-00_123456_{os.getpid()}"
    theirs = f"{sys.argv[1]}/session_2026-11-29_20-00-00_123456_1{os.getpid()}"
    for folder in (ours, theirs):
        os.makedirs(folder)
    print(*(start(ours, how) for how in ("log", "word", "name")), start(theirs, "log"), flush=True)
    if len(sys.argv) > 2:
        sys.exit()
    time.sleep(60)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


def runs(pid):
    return ray_guard.start_tick(pid) is not None


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, "by itself"])
def test_what_a_driver_started_is_gone_with_it_and_nothing_else(tmp_path, ending):
    by_itself, words = ["soon"] if ending == "by itself" else [], tmp_path / "words"
    with words.open("w") as file:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), *by_itself],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            start_new_session=True,
        )
    *ours, theirs = map(int, driver.stdout.readline().split())
    reader = subprocess.Popen(["tail", "-f", str(next(tmp_path.glob(f"session_*_{driver.pid}")) / "logs")])
    try:
        assert all(map(runs, (*ours, theirs)))
        if not by_itself:
            # To all of the driver's group, as a terminal does.
            os.killpg(driver.pid, ending)
        driver.wait(timeout=HANGS_SECONDS)
        # By themselves they end after 60 s.
        until = time.monotonic() + 50
        while any(map(runs, ours)) and time.monotonic() < until:
            time.sleep(0.05)
        assert [pid for pid in ours if runs(pid)] == []
        assert runs(theirs) and reader.poll() is None
        # Whoever ends without a word is spoken for.
        assert words.read_text() == ("" if by_itself else f"{ray_guard.ENDED}\n")
    finally:
        os.kill(theirs, signal.SIGKILL)
        reader.kill()
        reader.wait()
