"""Two drivers on one study: real processes, real signals; other machines are a name in the file."""

import errno
import fcntl
import json
import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from gan_study.study.run import lock
from gan_study.study.run.folder import claim_folder, left_as_it_was
from gan_study.study.run.lock import StudyInUseError, running_driver, sole_driver

FORKED = multiprocessing.get_context("fork")


def hold(path, said):
    """Hold the study, start a child that outlives this process, say so, and wait."""
    with sole_driver(path):
        said.send(subprocess.Popen(["sleep", "60"], close_fds=False).pid)
        time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    heard, said = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=hold, args=(tmp_path, said))
    process.start()
    child = heard.recv()
    yield process
    process.kill()
    process.join()
    os.kill(child, signal.SIGKILL)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(lock, "LISTEN_SECONDS", 1.0)


@pytest.fixture
def without_locks(monkeypatch):
    def refused(file, operation):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refused)


def named(path, **driver):
    (path / "driver.lock").write_text(json.dumps({"pid": 7, "since": "2026-01-01T00:00:00+00:00", **driver}))


def test_a_second_driver_is_told_the_first_ones_name(tmp_path, holder):
    who = f"is being run by process {holder.pid} on {socket.gethostname()}, since 20"
    with pytest.raises(StudyInUseError, match=who), sole_driver(tmp_path):
        pass


def test_a_killed_driver_leaves_no_lock_though_its_children_live(tmp_path, holder):
    holder.kill()
    holder.join()
    assert (tmp_path / "driver.lock").read_bytes()
    with sole_driver(tmp_path):
        assert json.loads((tmp_path / "driver.lock").read_bytes())["pid"] == os.getpid()
    assert (tmp_path / "driver.lock").read_bytes() == b""


@pytest.mark.parametrize("then", ["deleted", "replaced"])
def test_a_second_driver_is_refused_though_the_file_was_deleted(tmp_path, holder, then):
    (tmp_path / "driver.lock").unlink()
    if then == "replaced":
        (tmp_path / "driver.lock").write_text("")
    with pytest.raises(StudyInUseError, match="is being run by another process"), sole_driver(tmp_path):
        pass


def test_where_folders_cannot_be_locked_the_first_driver_stops_before_it_writes(tmp_path, monkeypatch):
    plain = fcntl.flock

    def of_files_alone(file, operation):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        plain(file, operation)

    monkeypatch.setattr(fcntl, "flock", of_files_alone)
    with sole_driver(tmp_path) as check:
        check()
        (tmp_path / "driver.lock").unlink()
        with pytest.raises(StudyInUseError, match="was deleted or replaced"):
            check()


def test_a_refused_driver_leaves_the_first_ones_lock_alone(tmp_path, holder):
    for _ in range(2):
        with pytest.raises(StudyInUseError), sole_driver(tmp_path):
            pass


def test_a_driver_elsewhere_is_believed_while_it_beats(tmp_path, impatient):
    """Its lock does not reach this machine, as on some network file systems."""
    named(tmp_path, host="elsewhere")
    with (
        lock._beating(os.open(tmp_path / "driver.lock", os.O_RDWR)),
        pytest.raises(StudyInUseError, match="process 7 on elsewhere, since 2026"),
        sole_driver(tmp_path),
    ):
        pass
    assert json.loads((tmp_path / "driver.lock").read_bytes())["host"] == "elsewhere"


def test_a_driver_elsewhere_that_is_silent_is_taken_for_dead(tmp_path, impatient):
    named(tmp_path, host="elsewhere")
    with sole_driver(tmp_path):
        assert json.loads((tmp_path / "driver.lock").read_bytes())["pid"] == os.getpid()


def test_without_locks_a_process_of_this_machine_is_looked_for(tmp_path, without_locks, holder):
    named(tmp_path, host=socket.gethostname(), pid=holder.pid)
    with pytest.raises(StudyInUseError, match=f"process {holder.pid} on"), sole_driver(tmp_path):
        pass
    holder.kill()
    holder.join()
    with sole_driver(tmp_path):
        pass


@pytest.mark.parametrize(
    "content",
    [
        "{half",
        "[" * 100_000,
        json.dumps({"host": socket.gethostname(), "pid": 10**30, "since": "now"}),
    ],
)
def test_a_file_that_names_nobody_is_nobodys(tmp_path, content):
    (tmp_path / "driver.lock").write_text(content)
    assert running_driver(tmp_path) is None
    with sole_driver(tmp_path):
        assert json.loads((tmp_path / "driver.lock").read_bytes())["pid"] == os.getpid()


def test_the_heartbeat_ends_with_the_driver(tmp_path, impatient):
    with sole_driver(tmp_path):
        assert any(thread.name == "driver heartbeat" for thread in threading.enumerate())
    assert not any(thread.name == "driver heartbeat" for thread in threading.enumerate())


@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_left_of_a_study_that_ends_before_it_has_begun(tmp_path, is_new):
    root = tmp_path / "study"
    if not is_new:
        root.mkdir()
    claim_folder(root)
    with pytest.raises(SystemExit), sole_driver(root), left_as_it_was(root, is_new=is_new):
        raise SystemExit(143)
    assert root.exists() != is_new
    assert is_new or [*root.iterdir()] == []
    claim_folder(root)
    with pytest.raises(SystemExit), sole_driver(root), left_as_it_was(root, is_new=is_new):
        (root / "study.json").write_text("{}")
        raise SystemExit(143)
    assert {path.name for path in root.iterdir()} == {"study.json", "driver.lock"}
