"""A disk of a few megabytes, which tests fill up and empty again."""

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity

from tests.patience import HANGS_SECONDS


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in `folder`; skips the test where none can be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Lets nobody write to `folder` by its path, as where a file system was mounted anew after an error."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        _mount_read_only(folder)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(subprocess.CalledProcessError),
    wait=tenacity.wait_fixed(0.01),
    stop=tenacity.stop_after_delay(HANGS_SECONDS),
    reraise=True,
)
def _mount_read_only(folder: Path) -> None:
    """As soon as no file of it is open for writing."""
    subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)


def fill(disk: Path, *, leave_bytes: int = 0) -> Path:
    """A file that takes all of a disk but `leave_bytes`; who deletes it empties the disk."""
    free = os.statvfs(disk)
    # Others may write meanwhile, so that less is left than there was.
    with (
        tempfile.NamedTemporaryFile(prefix="ballast", dir=disk, delete=False, buffering=0) as file,
        contextlib.suppress(OSError),
    ):
        for _ in range(free.f_bavail - leave_bytes // free.f_frsize):
            file.write(bytes(free.f_frsize))
    return Path(file.name)


@contextlib.contextmanager
def full_for(disk: Path, seconds: float, *, leave_bytes: int = 0) -> Iterator[None]:
    """A disk that is full for the first `seconds` of the block."""
    ballast = fill(disk, leave_bytes=leave_bytes)
    timer = threading.Timer(seconds, ballast.unlink)
    timer.start()
    try:
        yield
    finally:
        timer.join()
