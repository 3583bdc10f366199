"""Writing files that several processes may write and read at once."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

_PARTIAL = ".partial"


def is_partial(path: Path) -> bool:
    """Whether a file was written aside, by a process that did not come to rename it."""
    return path.name.startswith(".") and path.suffix == _PARTIAL


def write_atomically(path: Path, content: bytes) -> None:
    """Write aside and rename, so that no reader ever sees half a file; an OSError names `path`."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of its own name, should another process write the same file.
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PARTIAL}")
        try:
            aside.write_bytes(content)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError the name of the file that could not be written; a full disk's has none of its own."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, error.filename or str(path)) from None
