"""A limit to the time of a trial in its process."""

import contextlib
import faulthandler
import signal
import time
from collections.abc import Iterator
from types import FrameType

# What is stuck outside Python, in a GPU's driver for instance, comes round to no error; its process is ended.
GRACE_SECONDS = 30.0
# A signal that comes just before a wait does not end it; the next one does.
_REPEAT_SECONDS = 1.0

_STDERR = 2


class TimeLimitExceeded(BaseException):
    """A trial took too long; not an Exception, so that no other code handles it."""


@contextlib.contextmanager
def time_limit(deadline: float | None) -> Iterator[None]:
    """Raise TimeLimitExceeded in the block at `deadline`, of `time.monotonic`; None is never.

    Only in the process's main thread. A block that does not return to Python is ended with its process
    GRACE_SECONDS later.
    """
    if deadline is None:
        yield
        return
    # A timer of zero is none.
    seconds = max(deadline - time.monotonic(), 1e-3)
    before = signal.signal(signal.SIGALRM, _exceeded)
    # The signal may come at any line from here on, in a `finally` too, and the process must not be ended after it.
    try:
        faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=_STDERR)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT_SECONDS)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def _exceeded(number: int, frame: FrameType | None) -> None:
    raise TimeLimitExceeded("took longer than resources.trial_time_limit_seconds allows")
