"""Ends the Ray that a driver has started when the driver ends in any way.

Ray ties some of its processes to the driver. Others, its agents, check for their parent now and then, and remain
if the parent ended too quickly. A small process beside the driver, which does not receive the driver's signals,
ends the rest. Run as a program, this file is that process; it imports nothing from this package or from Ray.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# Of a driver that was killed, or that Ray has ended: it does so, without a word, where its own processes are gone.
ENDED = (
    "gan-study: the study's process ended without a message: it was killed, or Ray ended it because its "
    "own processes were killed, for example when memory ran out; `gan-study resume DIR` continues"
)
_PROC = Path("/proc")
_LOOK_SECONDS = 0.5
# Ray's processes may start others while they are being ended, and a busy machine takes a while to end them.
_SWEEP_SECONDS = 60.0
# For Ray to end by itself what it ends in order.
_GRACE_SECONDS = 1.0


@contextlib.contextmanager
def ray_ends_with_driver() -> Iterator[None]:
    """End the Ray that this process starts in the block after the block, and soon after the process if that ends.

    It is recognised by the name of Ray's session, which contains the process's id: no other Ray is touched. Only
    where there is Linux's /proc.
    """
    if not (_PROC / "self" / "stat").exists():
        yield
        return
    me = os.getpid()
    # Python's files are closed in the programs that it starts: Ray's processes do not hold the pipe open.
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(me), str(start_tick(me))],
        stdin=subprocess.PIPE,
        # Interrupts of a terminal and its end are not for it.
        start_new_session=True,
    )
    assert guard.stdin is not None, "it was asked for"
    try:
        yield
    finally:
        # Waited for, as this process may start another Ray next.
        guard.stdin.close()
        guard.wait()


def session_processes(driver: int, since: int) -> list[int]:
    """The processes of the Ray that process `driver` started; all began after `since`, in clock ticks.

    Ray's own programs, and Python processes that name the session or have one of its files open, at least their
    log.
    """
    name = re.compile(rf"(?:^|[/=\0])session_[-\d_]+_{driver}(?=[/\0]|$)")
    python = (_PROC / "self" / "exe").readlink()
    found = []
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        began = start_tick(pid)
        if began is None or began < since or pid in (driver, os.getpid()):
            continue
        # Processes end while one looks, and others belong to other users.
        with contextlib.suppress(OSError):
            program = (folder / "exe").readlink()
            is_ray_like = program == python or "/ray/core/" in str(program)
            if is_ray_like and any(map(name.search, _words_and_files(folder))):
                found.append(pid)
    return found


def _words_and_files(process: Path) -> Iterator[str]:
    yield (process / "cmdline").read_bytes().decode(errors="replace")
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(descriptor.readlink())


def start_tick(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did; None if it has ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # proc(5): what follows the name in brackets begins with the third field.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])


def _watch(driver: int, since: int) -> None:
    """Wait for the driver to end, or to say that it is done with Ray; then end what is left of it."""
    is_told: list[object] = []
    while not is_told and start_tick(driver) == since:
        is_told, _, _ = select.select([sys.stdin], [], [], _LOOK_SECONDS)
    # One that is done with Ray waits for this process.
    if start_tick(driver) != since:
        with contextlib.suppress(OSError):
            print(ENDED, file=sys.stderr, flush=True)
    until = time.monotonic() + _SWEEP_SECONDS
    graceful_until = time.monotonic() + _GRACE_SECONDS
    while (left := session_processes(driver, since)) and time.monotonic() < until:
        if time.monotonic() >= graceful_until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS / 5)


if __name__ == "__main__":
    _watch(*map(int, sys.argv[1:]))
