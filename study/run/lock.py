"""One driver a study: a second one is refused, with the name of the first."""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import Field

from gan_study.study.run.layout import StudyFolder
from gan_study.trainables.base.files import open_regular, read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError, dump, from_json, parse, settings
from gan_study.trainables.runtime.storage import naming

# How often a driver gives a sign of life, and for how long one elsewhere is listened for: a few beats.
BEAT_SECONDS = 5.0
LISTEN_SECONDS = 20.0

# The largest process id of 64-bit Linux (proc(5)).
_LARGEST_PID = 2**22

# What file systems without locks of this kind answer.
_NO_LOCKS = frozenset(
    {errno.EBADF, errno.EISDIR, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL}
)


class StudyInUseError(UserError):
    """Another driver runs this study."""


@settings
class Driver:
    """The process that runs a study, and since when (ISO time)."""

    host: str
    pid: int = Field(gt=0, le=_LARGEST_PID)
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@contextlib.contextmanager
def sole_driver(root: Path) -> Iterator[Callable[[], None]]:
    """Lock the study in `root` against other drivers; raises StudyInUseError if one is already there.

    Yields a function to call before a record is written: it raises StudyInUseError if another driver may have
    started in between.

    It uses a file system lock, which is released when the process ends in any way. It locks the folder itself,
    whose lock survives the deletion of files in it, and a file in it that names the driver, since folders cannot
    be locked everywhere, for example on NFS. Not all file systems share locks between machines, so a driver also
    touches its file every few seconds, and a driver whose predecessor was on another machine first checks whether
    it still does. Two drivers on different machines that start within the same few seconds, on a file system that
    does not share locks, are not detected.
    """
    path = StudyFolder(root).driver
    with naming(path), contextlib.ExitStack() as opening:
        # Python's files are closed in the programs that it starts, so Ray's processes do not inherit the lock.
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        opening.callback(os.close, folder)
        # Not through a link: what it leads to would be emptied.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        opening.callback(os.close, file)
        closing = opening.pop_all()

    def check() -> None:
        if not is_folder_locked and not _is_still(file, path):
            raise StudyInUseError(
                f"{path} was deleted or replaced, so another process may be running the study; this one stops"
            )

    with closing:
        is_folder_locked = _lock(folder, path)
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        me = Driver(host=socket.gethostname(), pid=os.getpid(), since=since)
        is_locked = _lock(file, path) or is_folder_locked
        predecessor = _read(path)
        if predecessor is not None and _is_alive(predecessor, path, is_locked=is_locked):
            raise _in_use(path, predecessor)
        _write(file, json.dumps(dump(me)).encode())
        with _beating(file):
            yield check
        _write(file, b"")


def running_driver(root: Path) -> Driver | None:
    """The driver that runs the study in `root`; None if none does.

    Takes no lock, since a driver that starts at the same moment would find it taken. A named driver on another
    machine is watched for LISTEN_SECONDS.
    """
    path = StudyFolder(root).driver
    named = _read(path) if path.exists() else None
    return named if named is not None and _is_alive(named, path, is_locked=False) else None


def _lock(file: int, path: Path) -> bool:
    """Whether the file or folder could be locked; raises StudyInUseError if another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path, _read(path) if path.exists() else None) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def _is_still(file: int, path: Path) -> bool:
    """Whether the open `file` is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _is_alive(predecessor: Driver, path: Path, *, is_locked: bool) -> bool:
    """Whether the driver named in the file still runs; a clean exit clears the name."""
    if predecessor.host != socket.gethostname():
        return _beats(path)
    return not is_locked and _process_runs(predecessor.pid)


def _beats(path: Path) -> bool:
    """Whether somebody touches the file; compares its times with each other, since machines' clocks differ."""
    before, until = _touched(path), time.monotonic() + LISTEN_SECONDS
    while time.monotonic() < until:
        time.sleep(BEAT_SECONDS / 5)
        if _touched(path) != before:
            return True
    return False


def _touched(path: Path) -> int:
    # Opened again: a network file system may answer from memory otherwise.
    with open_regular(path) as file:
        return os.fstat(file.fileno()).st_mtime_ns


def _process_runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        # Another user's process may not be sent a signal, but runs.
        return error.errno != errno.ESRCH
    return True


def _read(path: Path) -> Driver | None:
    """The driver that the file names; None if it names none, or was not written to its end."""
    try:
        return parse(Driver, from_json(read_bytes(path)), where="")
    except ConfigError:
        return None


def _write(file: int, content: bytes) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, content, 0)
    os.fsync(file)


@contextlib.contextmanager
def _beating(file: int) -> Iterator[None]:
    """Touch the file every few seconds, from a thread of its own."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            # Storage that fails for a moment is for those to report who have something to write.
            with contextlib.suppress(OSError):
                os.utime(file)

    thread = threading.Thread(target=beat, name="driver heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _in_use(path: Path, driver: Driver | None) -> StudyInUseError:
    who = str(driver) if driver else "another process, which has not written its name yet"
    return StudyInUseError(f"{path.parent} is being run by {who}")
