"""Writing files that several processes may write and read at the same time, on storage that may fail for a
while.
"""

import contextlib
import errno
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

from gan_study.trainables.base.files import open_to_append, read_bytes

T = TypeVar("T")

_PARTIAL = ".partial"
_LOG = logging.getLogger(__name__)

# Ways of failing that pass. A missing permission or a file in a folder's place stays.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_DEVICE_FAILS = frozenset({errno.EIO, errno.EROFS, errno.EBUSY})
_SERVER_FAILS = frozenset({errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EREMOTEIO})
_PASSING = _NO_ROOM | _DEVICE_FAILS | _SERVER_FAILS
# What file systems answer that cannot flush a folder.
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP})

# What file systems answer that have no hard links; EPERM is Linux's answer (link(2)).
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})

# Waits between attempts double from the first to the longest.
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
# Without hard links, so often is looked for what the first writer of a file writes, _FIRST_WAIT_SECONDS apart.
_FIRST_WRITER_LOOKS = 20


class StorageError(OSError):
    """A file could not be written; has its name. The content is not the cause."""


def is_partial(path: Path) -> bool:
    """Whether a file is a temporary one, from a process that did not come to rename it."""
    return path.name.startswith(".") and path.suffix == _PARTIAL


def write_atomically(path: Path, content: bytes, *, patience_seconds: float = 0.0) -> None:
    """Write a temporary file, flush it to the disk, and rename it: no reader ever sees a partial file, whatever
    fails.

    Retried for `patience_seconds` if the storage fails; then raises StorageError.
    """
    retry(lambda: _replace(path, content), seconds=patience_seconds)


def first_written(path: Path, content: bytes, *, patience_seconds: float = 0.0) -> bytes:
    """The permanent content of a file: `content`, a few bytes, unless another process has written it first.

    Retried for `patience_seconds` if the storage fails; then raises StorageError.
    """
    return retry(lambda: _create(path, content), seconds=patience_seconds)


def append(path: Path, content: bytes, *, patience_seconds: float = 0.0) -> None:
    """Append to a file and flush it to the disk; only one process may do so.

    If the storage fails, it is retried for `patience_seconds`, without the remains of an earlier attempt; then
    raises StorageError.
    """
    size = path.stat().st_size if path.exists() else 0
    retry(lambda: _write_at(path, size, content), seconds=patience_seconds)


def retry(
    action: Callable[[], T],
    *,
    seconds: float,
    passes: Callable[[BaseException], bool] = lambda error: isinstance(error, OSError) and error.errno in _PASSING,
) -> T:
    """The result of `action`, retried for up to `seconds` while it fails in a way that `passes`; then raises its
    error.

    The first failure is logged, so that the user knows the reason for the wait.
    """
    # late: benchmarks/gpu.py, which writes nothing by these functions, goes without it
    from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

    def say(state: RetryCallState) -> None:
        if state.attempt_number == 1:
            assert state.outcome is not None
            _LOG.warning("%s; retrying for up to %g s", state.outcome.exception(), seconds)

    attempts = Retrying(
        retry=retry_if_exception(passes),
        stop=stop_after_delay(seconds),
        wait=wait_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_LONGEST_WAIT_SECONDS),
        before_sleep=say,
        reraise=True,
    )
    return attempts(action)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Convert an OSError into a StorageError with the name of the file; that of a full disk has none of its
    own.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(error.errno, error.strerror, error.filename or str(path)) from None


def _replace(path: Path, content: bytes) -> None:
    with naming(path):
        with _written_aside(path, content) as aside:
            aside.replace(path)
        _sync_folder(path.parent)


def _create(path: Path, content: bytes) -> bytes:
    with naming(path):
        # A file that is there is read from a full disk too.
        if not path.exists():
            with _written_aside(path, content) as aside, contextlib.suppress(FileExistsError):
                _link(aside, path, content)
        # Without hard links another one may have made the file, and not yet written; or have died in between.
        for _ in range(_FIRST_WRITER_LOOKS):
            if found := read_bytes(path):
                return found
            time.sleep(_FIRST_WAIT_SECONDS)
    return content


def _link(aside: Path, path: Path, content: bytes) -> None:
    """Make `aside`, which holds `content`, known as `path` too; raises FileExistsError if one is there.

    Where there are no hard links `path` is made first and written then.
    """
    try:
        path.hardlink_to(aside)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        with path.open("xb") as file:
            _write_through(file, content)


@contextlib.contextmanager
def _written_aside(path: Path, content: bytes) -> Iterator[Path]:
    """A file beside `path` that holds `content`, through to the disk; gone after the block. Makes the folder."""
    # A unique name, in case another process writes the same file.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PARTIAL}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with aside.open("wb") as file:
            _write_through(file, content)
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _write_at(path: Path, size: int, content: bytes) -> None:
    """Make `content` what comes after the first `size` bytes of a file."""
    with naming(path):
        with open_to_append(path) as file:
            if os.fstat(file.fileno()).st_size > size:
                os.ftruncate(file.fileno(), size)
            _write_through(file, content)
        if size == 0:
            _sync_folder(path.parent)


def _write_through(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Write a folder's entries through to the disk: without it a power cut may take a new name back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
