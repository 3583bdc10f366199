"""A cache of expensive states, named by what they depend on, so that none is computed twice."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
from pydantic import JsonValue
from torch import Tensor

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import digest
from gan_study.trainables.runtime.environment import library, machine_kind
from gan_study.trainables.runtime.storage import is_partial, write_atomically

# Tensors and plain values, nested; all that torch reads without running foreign code.
State: TypeAlias = Mapping[str, Any]

_SEAL_BYTES = hashlib.sha256().digest_size


class Store(Protocol):
    """States by name. Within one process a dict is enough."""

    def get(self, name: str, /) -> State | None:
        """The state of that name; None if there is none."""

    def __setitem__(self, name: str, state: State, /) -> None:
        """Save `state`."""


@dataclass(frozen=True)
class FolderStore:
    """A folder that processes and machines may share: states with the same name are equal, so any of them may
    write.

    Failing storage is retried for `patience_seconds`.
    """

    folder: Path
    patience_seconds: float = 0.0

    def get(self, name: str, /) -> State | None:
        """The state of that name; None if missing or corrupt."""
        return read_state(self._path(name))

    def __setitem__(self, name: str, state: State, /) -> None:
        """Save `state`."""
        write_state(self._path(name), state, patience_seconds=self.patience_seconds)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pt"


def made_once(store: Store, depends_on: Mapping[str, JsonValue], make: Callable[[], State]) -> State:
    """The result of `make`, from `store` if it is there. `depends_on` contains everything that its numbers depend
    on.

    Processes that need the same state at the same moment all compute it: none waits for a process that may have
    died.
    """
    name = digest(dict(depends_on))
    state = store.get(name)
    if state is None:
        state = make()
        store[name] = state
    return state


def write_state(path: Path, state: State, *, patience_seconds: float = 0.0) -> None:
    """Write `state` so that others see it completely or not at all; see `write_atomically`."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    write_atomically(path, _seal(path, content) + content, patience_seconds=patience_seconds)


def read_state(path: Path) -> State | None:
    """The state in a file, on the CPU; None if there is no such file, or if it is damaged.

    The names of the file and of its folder identify the state, so a file from elsewhere is ignored. Torch loads
    some files with a changed byte without an error, and raises various errors for the others.
    """
    try:
        sealed = read_bytes(path)
    except OSError:
        return None
    seal, content = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    if _seal(path, content) != seal:
        return None
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def partial_states(folder: Path) -> Iterator[Path]:
    """Unfinished files in `folder`, at any depth, including those of writers that died."""
    return (path for path in folder.rglob(".*") if is_partial(path))


def _seal(path: Path, content: bytes) -> bytes:
    found = hashlib.sha256(bytes(Path(path.parent.name, path.name)))
    found.update(content)
    return found.digest()


class InBlocks(Protocol):
    """Values that no tensor holds as a whole."""

    @property
    def shape(self) -> torch.Size:
        """The shape of all of them."""

    @property
    def dtype(self) -> torch.dtype:
        """That in which they are used."""

    def content_blocks(self) -> Iterator[Tensor]:
        """Everything that they depend on, in sequence."""


def contents(*tensors: Tensor | InBlocks) -> str:
    """A name for the values, shapes and types of `tensors`."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
        for block in [tensor] if isinstance(tensor, Tensor) else tensor.content_blocks():
            found.update(block.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def arithmetic(device: torch.device) -> list[JsonValue]:
    """Everything that the last digits of a number depend on in general: libraries, chip, threads."""
    if device.type == "cuda":
        cudnn: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        return [torch.__version__, cudnn, torch.cuda.get_device_name(device)]
    return [*machine_kind(), library()]
