"""Nothing half-written is ever read, on storage that really is full, and on storage that is made to fail."""

import errno
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_study.trainables.runtime import storage
from gan_study.trainables.runtime.storage import StorageError, append, first_written, is_partial, write_atomically
from tests.small_disk import fill, full_for, small_disk

LARGE = bytes(range(256)) * 4096


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", megabytes=4) as folder:
        yield folder


def test_a_disk_that_is_full_for_a_while_is_waited_for_and_named(disk, caplog):
    path, began = disk / "state.pt", time.monotonic()
    with full_for(disk, 1.0):
        write_atomically(path, LARGE, patience_seconds=30)
    assert time.monotonic() - began >= 1.0
    assert path.read_bytes() == LARGE
    (message,) = caplog.messages
    assert "No space left on device" in message and str(path) in message and "retrying for up to 30 s" in message
    assert caplog.records[0].levelno == logging.WARNING


def test_a_disk_that_stays_full_leaves_the_file_as_it_was(disk):
    path = disk / "state.pt"
    write_atomically(path, b"as it was")
    fill(disk)
    with pytest.raises(StorageError) as error:
        write_atomically(path, LARGE, patience_seconds=0.3)
    assert (error.value.errno, str(path.parent) in error.value.filename) == (errno.ENOSPC, True)
    assert path.read_bytes() == b"as it was"
    assert not any(is_partial(left) for left in disk.iterdir())


def test_what_a_full_disk_took_of_a_line_is_not_there_twice(disk):
    path = disk / "records.jsonl"
    append(path, b"first\n")
    with full_for(disk, 0.5, leave_bytes=len(LARGE) // 2):
        append(path, LARGE, patience_seconds=30)
    append(path, b"last\n")
    assert path.read_bytes() == b"first\n" + LARGE + b"last\n"


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, errno.ESTALE])
@pytest.mark.parametrize("write", [write_atomically, append])
def test_a_flush_that_fails_is_done_again_with_all_that_came_before_it(tmp_path, monkeypatch, write, fault):
    failing, fsync = iter([True, True, False]), os.fsync

    def sometimes(descriptor):
        if next(failing, False):
            raise OSError(fault, os.strerror(fault))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sometimes)
    write(tmp_path / "file", b"content", patience_seconds=30)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert next(failing, None) is None


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_all_is_done(tmp_path, monkeypatch):
    path, seen, fsync = tmp_path / "file", [], os.fsync

    def watched(descriptor):
        seen.append((is_partial(Path(f"/proc/self/fd/{descriptor}").readlink()), path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_atomically(path, b"content")
    assert seen == [(True, False), (False, True)]


def test_what_does_not_pass_is_not_waited_for(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    began = time.monotonic()
    with pytest.raises(StorageError, match="file"):
        write_atomically(tmp_path / "file" / "inside", b"content", patience_seconds=30)
    assert time.monotonic() - began < 5


NO_HARD_LINKS = [errno.EPERM, errno.ENOTSUP, errno.ENOSYS]


def links_fail(monkeypatch, fault):
    def fails(path, target):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(Path, "hardlink_to", fails)


@pytest.mark.parametrize("fault", [None, *NO_HARD_LINKS])
def test_all_get_what_the_first_one_wrote(tmp_path, monkeypatch, fault):
    if fault:
        links_fail(monkeypatch, fault)
    with ThreadPoolExecutor(8) as executor:
        found = set(executor.map(lambda number: first_written(tmp_path / "file", b"%d" % number), range(8)))
    assert found == {(tmp_path / "file").read_bytes()}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_one_that_dies_before_it_has_written_leaves_the_file_to_others(tmp_path, monkeypatch):
    def dies(file, content):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(storage, "_write_through", dies)
        first_written(tmp_path / "file", b"the first one's")
    assert first_written(tmp_path / "file", b"the second one's") == b"the second one's"
    assert first_written(tmp_path / "file", b"the third one's") == b"the second one's"


def test_a_link_that_fails_otherwise_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    links_fail(monkeypatch, errno.EIO)
    with pytest.raises(StorageError):
        first_written(tmp_path / "file", b"content")
    assert not list(tmp_path.iterdir())


def test_what_the_first_one_wrote_is_read_from_a_full_disk(disk):
    first_written(disk / "file", b"the first one's")
    fill(disk)
    assert first_written(disk / "file", b"the second one's") == b"the first one's"
