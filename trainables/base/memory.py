"""The amount of memory, so that requests that do not fit are refused before memory is allocated."""

from pathlib import Path

from gan_study.trainables.base.settings import UserError

_MEMORY_INFO = Path("/proc/meminfo")
# The limit of a container (cgroup v2), as seen from inside.
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


class MemoryShortageError(UserError):
    """A request needs more memory than there is."""


def refuse_beyond_memory(num_bytes: float, what: str) -> None:
    """Raise MemoryShortageError if `what` needs more memory than is known to be free here."""
    free = free_bytes()
    if free is not None and num_bytes > free:
        raise MemoryShortageError(
            f"{what} would take {num_bytes / 1e9:,.1f} GB of memory; {free / 1e9:,.1f} GB are free"
        )


def free_bytes() -> int | None:
    """Memory that this process can still get, as Linux reports; None elsewhere."""
    known = [_available_of_machine(), _left_of_container()]
    return min((each for each in known if each is not None), default=None)


def _available_of_machine() -> int | None:
    # Files of the kernel, in which no pipe can stand.
    if not _MEMORY_INFO.exists():
        return None
    fields = dict(line.split(":", 1) for line in _MEMORY_INFO.read_text(encoding="ascii").splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _left_of_container() -> int | None:
    if not (_LIMIT.exists() and _USED.exists()) or (limit := _LIMIT.read_text(encoding="ascii").strip()) == "max":
        return None
    return max(0, int(limit) - int(_USED.read_text(encoding="ascii")))
