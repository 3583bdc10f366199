"""States of GANs in training, kept by what they depend on, so that none is trained twice.

Two trainings that differ in their length alone share their way: the shorter finds its end on the longer one's, the
longer goes on from the shorter one's. And a training that was cut off goes on where it last was.
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
    """Where trainings keep their states: after each of `epochs`, and as often as `every_seconds` allows.

    Those of `epochs` stay, since other trainings may want them; of the others the latest stays. The folder may be
    shared by processes and machines: files appear whole or not at all, and those of one name differ at most in the
    time that they tell of. Storage that fails is tried again for `patience_seconds`.
    """

    folder: Path
    epochs: frozenset[int] = frozenset()
    every_seconds: float = 60.0
    patience_seconds: float = 0.0

    def of(self, training_id: str) -> "KeptStates":
        """The states of the training of that name."""
        return KeptStates(place=self.folder / training_id, policy=self)


@dataclass
class KeptStates:
    """The kept states of one training."""

    place: Path
    policy: Checkpoints
    _latest: Path | None = None
    _kept_at: float = field(default_factory=monotonic)

    def find(self, *, after: int, up_to: int) -> State | None:
        """The state of the last kept epoch that is later than `after` and not later than `up_to`.

        None where there is none. A file that another training has just removed, or that is damaged, is as if it
        were not there: its epochs are trained anew.
        """
        # Whoever copies folders may leave files of other names: `._0000002.pt`, `0000002 (copy).pt`.
        epochs = (int(path.stem) for path in self.place.glob("*.pt") if path.stem.isdecimal())
        wanted = sorted((epoch for epoch in epochs if after < epoch <= up_to), reverse=True)
        for path in map(self._path, wanted):
            state = read_state(path)
            if state is not None:
                # Used, so that it is not the next one to be forgotten; it may be by now.
                with contextlib.suppress(OSError):
                    os.utime(path)
                return state
        return None

    def offer(self, epoch: int, state: Callable[[], State]) -> None:
        """Keep what `state` gives after `epoch`, if it is due."""
        stays = epoch in self.policy.epochs
        if not stays and monotonic() - self._kept_at < self.policy.every_seconds:
            return
        write_state(self._path(epoch), state(), patience_seconds=self.policy.patience_seconds)
        if self._latest is not None:
            self._latest.unlink(missing_ok=True)
        self._latest = None if stays else self._path(epoch)
        self._kept_at = monotonic()
        _log.info("kept a state", extra={"epoch": epoch})

    def _path(self, epoch: int) -> Path:
        return self.place / f"{epoch:07d}.pt"


def forget_oldest(folder: Path, *, most_bytes: float) -> None:
    """Leave at most `most_bytes` of the states of all trainings in `folder`, at any depth: those used last.

    Trainings may be writing there: what they have written so far counts, and stays. What they left when they were
    killed goes first. One whose state is gone trains those epochs anew.
    """
    left = most_bytes
    for file in sorted(_files(folder), reverse=True):
        left -= file.size
        if left < 0 and not file.is_being_written:
            file.path.unlink(missing_ok=True)


class _File(NamedTuple):
    """A file that holds a state, or a part of one; in the order of last use, those first that nobody can use."""

    is_of_use: bool
    last_use_ns: int
    path: Path
    size: int
    is_being_written: bool


def _files(folder: Path) -> Iterator[_File]:
    """All files of states, whole or in part."""
    untouched_since = (time() - _LONGEST_WRITE_SECONDS) * 1e9
    for paths, is_whole in ((folder.rglob("*.pt"), True), (partial_states(folder), False)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                is_being_written = not is_whole and status.st_mtime_ns > untouched_since
                is_of_use = is_whole or is_being_written
                yield _File(is_of_use, status.st_mtime_ns, path, status.st_size, is_being_written)
