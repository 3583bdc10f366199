"""A future moment that several processes agree on, even if a clock is set in between."""

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

# Linux's name of a run of the machine, all of whose processes have one monotonic clock (random(4)).
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment as `time.monotonic` of one machine, and as `time.time` for all others."""

    monotonic: float
    wall: float
    boot: str | None

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The moment this many seconds from now."""
        return cls(monotonic=time.monotonic() + seconds, wall=time.time() + seconds, boot=_boot_id())

    def seconds_left(self) -> float:
        """The time until then; on the machine that named the moment, setting the clock has no effect."""
        if self.boot is not None and self.boot == _boot_id():
            return self.monotonic - time.monotonic()
        return self.wall - time.time()


@cache
def _boot_id() -> str | None:
    # A file of the kernel, in which no pipe can stand.
    return _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else None
