"""How a process ends that SIGTERM is sent to."""

import signal
from types import FrameType
from typing import NoReturn

# The exit code of a process that SIGTERM ended, as shells have it.
TERMINATED = 128 + signal.SIGTERM


def end_in_order(number: int, frame: FrameType | None) -> NoReturn:
    """A signal's handler: end the process, closing all blocks, with the exit code that shells have for it."""
    raise SystemExit(128 + number)
