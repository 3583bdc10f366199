"""Cached states of GANs in training, named by everything that they depend on, so that no step is trained twice.

Two trainings that differ only in their length share their steps: the shorter one finds its last state among those
of the longer, the longer one continues from the last state of the shorter. And a training that was interrupted
continues from its latest state.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from gan_study.trainables.runtime.cache import State, partial_states, read_state, write_state

_log = logging.getLogger(__name__)

# A state is written within seconds. The margin is for slow storage, and for a file server's clock.
_LONGEST_WRITE_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """When trainings cache their states: after each of `generator_steps`, and at most every `every_seconds`.

    Those of `generator_steps` are kept, since other trainings may need them, and with `keeps_looked_at` also those
    of every observed step; of the others only the latest is kept. The folder may be shared by processes and
    machines: files appear completely or not at all, and files with the same name differ at most in their wall
    time. Failing storage is retried for `patience_seconds`.
    """

    folder: Path
    generator_steps: frozenset[int] = frozenset()
    keeps_looked_at: bool = False
    every_seconds: float = 60.0
    patience_seconds: float = 0.0

    def of(self, training_id: str) -> "CachedStates":
        """The cached states of the training of that name."""
        return CachedStates(folder=self.folder / training_id, policy=self)


@dataclass
class CachedStates:
    """The cached states of one training."""

    folder: Path
    policy: Checkpoints
    _latest: Path | None = None
    _written_at: float = field(default_factory=monotonic)

    def find(self, *, after: int, up_to: int) -> State | None:
        """The latest cached state after generator step `after` and not after `up_to`, if any.

        A file that another training has just removed, or that is corrupt, counts as missing: its steps are
        trained again.
        """
        # Copying folders may leave files of other names: `._0000002.pt`, `0000002 (copy).pt`.
        steps = (int(path.stem) for path in self.folder.glob("*.pt") if path.stem.isdecimal())
        wanted = sorted((step for step in steps if after < step <= up_to), reverse=True)
        for path in map(self._path, wanted):
            state = read_state(path)
            if state is not None:
                # Marked as used, so that it is not the next to be deleted; it may have been deleted by now.
                with contextlib.suppress(OSError):
                    os.utime(path)
                return state
        return None

    def offer(self, generator_steps: int, state: Callable[[], State], *, is_looked_at: bool) -> None:
        """Write the result of `state` after this many generator steps, if it is due."""
        stays = generator_steps in self.policy.generator_steps or (is_looked_at and self.policy.keeps_looked_at)
        if not stays and monotonic() - self._written_at < self.policy.every_seconds:
            return
        write_state(self._path(generator_steps), state(), patience_seconds=self.policy.patience_seconds)
        if self._latest is not None:
            self._latest.unlink(missing_ok=True)
        self._latest = None if stays else self._path(generator_steps)
        self._written_at = monotonic()
        _log.info("cached a state", extra={"generator_steps": generator_steps})

    def _path(self, generator_steps: int) -> Path:
        return self.folder / f"{generator_steps:07d}.pt"


def forget_oldest(folder: Path, *, most_bytes: float) -> None:
    """Delete states of trainings in `folder`, at any depth, least recently used first, down to `most_bytes`.

    Trainings may be writing there: their unfinished files count, but are not deleted. Unfinished files of killed
    trainings are deleted first. A training whose state was deleted trains those steps again.
    """
    left = most_bytes
    for file in sorted(_files(folder), reverse=True):
        left -= file.size
        if left < 0 and not file.is_being_written:
            file.path.unlink(missing_ok=True)


class _File(NamedTuple):
    """A file with a state, or a part of one; sorts by last use, after those that nobody can use."""

    is_usable: bool
    last_use_ns: int
    path: Path
    size: int
    is_being_written: bool


def _files(folder: Path) -> Iterator[_File]:
    """All files with states, whole or partial."""
    untouched_since = (time() - _LONGEST_WRITE_SECONDS) * 1e9
    for paths, is_whole in ((folder.rglob("*.pt"), True), (partial_states(folder), False)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                is_being_written = not is_whole and status.st_mtime_ns > untouched_since
                is_usable = is_whole or is_being_written
                yield _File(is_usable, status.st_mtime_ns, path, status.st_size, is_being_written)
