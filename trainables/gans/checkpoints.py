"""States of GANs in training, kept by what they depend on, so that none is trained twice.

Two trainings that differ in their length alone share their way: the shorter finds its end on the longer one's, the
longer goes on from the shorter one's. And a training that was cut off goes on where it last was.
"""

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import torch

from trainables.files import write_atomically

State: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where trainings keep their states: after each of `epochs`, and as often as `every_seconds` allows.

    Those of `epochs` stay, since other trainings may want them; of the others the latest stays. The folder may be
    shared by processes and machines: files appear whole or not at all, and those of one name are equal.
    """

    folder: Path
    epochs: frozenset[int] = frozenset()
    every_seconds: float = 60.0

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

        None where there is none. A file that another training has just removed, or that cannot be read, is as if
        it were not there: its epochs are trained anew.
        """
        epochs = (int(path.stem) for path in self.place.glob("*.pt"))
        for epoch in sorted((epoch for epoch in epochs if after < epoch <= up_to), reverse=True):
            try:
                state: State = torch.load(self._path(epoch), map_location="cpu", weights_only=True)
            except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
                continue
            return state
        return None

    def offer(self, epoch: int, state: Callable[[], State]) -> None:
        """Keep what `state` gives after `epoch`, if it is due."""
        stays = epoch in self.policy.epochs
        if not stays and monotonic() - self._kept_at < self.policy.every_seconds:
            return
        if not self._path(epoch).exists():
            buffer = io.BytesIO()
            torch.save(state(), buffer)
            write_atomically(self._path(epoch), buffer.getvalue())
        if self._latest is not None:
            self._latest.unlink(missing_ok=True)
        self._latest = None if stays else self._path(epoch)
        self._kept_at = monotonic()

    def _path(self, epoch: int) -> Path:
        return self.place / f"{epoch:07d}.pt"
