"""Writing into folders without changing anything outside, or files of other owners inside."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.runtime.storage import naming

# The files that the last `replaced_files` wrote, one a line: those that the next one may remove.
CONTENTS = "files.txt"
_ASIDE = ".partial-"
# Longer than any report takes: the writer of anything older was killed.
_ABANDONED_SECONDS = 24 * 3600.0
# As many as a person reads.
_MOST_NAMED = 5


def refuse_links(folder: Path, *, files: bool = True) -> None:
    """Raise UserError if `folder`, a folder below it or, with `files`, a file below it is a symbolic link.

    Files written or removed through a link are elsewhere. Links above `folder` are the caller's.
    """
    within = (
        Path(parent, name)
        for parent, folders, names in os.walk(folder)
        for name in (*folders, *(names if files else ()))
    )
    for path in chain([folder], within):
        refuse_link(path)


def refuse_link(path: Path) -> None:
    """Raise UserError if `path` is a symbolic link."""
    if path.is_symlink():
        raise UserError(
            f"{path} is a link to {path.readlink()}, and nothing is written through links; remove it first"
        )


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Lock `folder`, which is made if it is missing; raises UserError if another process has locked it.

    File systems without locks of this kind are not locked.
    """
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{folder}: another process is writing it; wait for its end") from None
        yield
    finally:
        os.close(place)


@contextmanager
def replaced_files(folder: Path) -> Iterator[Path]:
    """A new, empty folder whose files replace those of `folder` if the block succeeds.

    Files that an earlier call wrote and this one does not are removed; if anything fails, `folder` is not changed.
    Other files beside them are not changed. Raises UserError if such files are in one of the folders that are
    replaced, or if there are links; StorageError with the folder if it cannot be written.
    """
    with naming(folder):
        refuse_links(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
        try:
            yield aside
            _replace(folder, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _replace(folder: Path, aside: Path) -> None:
    """Move the files of `aside` to their places in `folder`, and remove those that an earlier call left."""
    new = _files_below(aside)
    old = _listed(folder)
    refuse_links(folder)
    _refuse_foreign(folder, owned={path.parts[0] for path in new | old if len(path.parts) > 1}, ours=new | old)
    # Before the first file moves: whatever ends this early leaves no file that nobody owns up to.
    _list_files(folder, new | old)
    for path in sorted(new):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / path).replace(folder / path)
    for path in old - new:
        (folder / path).unlink(missing_ok=True)
    for parent in {path.parent for path in old - new} - {path.parent for path in new} - {Path()}:
        if (folder / parent).is_dir() and not any((folder / parent).iterdir()):
            (folder / parent).rmdir()
    _list_files(folder, new)


def _list_files(folder: Path, files: set[Path]) -> None:
    lines = "".join(f"{path.as_posix()}\n" for path in sorted(files))
    (folder / CONTENTS).write_text(lines, encoding="utf-8")


def _listed(folder: Path) -> set[Path]:
    """What an earlier call wrote; names that lead out of `folder` are none of its."""
    if not (folder / CONTENTS).is_file():
        return set()
    lines = read_text(folder / CONTENTS, errors="replace").splitlines()
    paths = {Path(line) for line in lines if line and "\0" not in line}
    return {path for path in paths if not path.is_absolute() and ".." not in path.parts}


def _refuse_foreign(folder: Path, *, owned: set[str], ours: set[Path]) -> None:
    """Raise UserError if folders that are `owned` hold other files than `ours`, or folders in their place."""
    foreign = sorted(str(path) for path in _files_below(folder) - ours if path.parts[0] in owned)
    if foreign:
        raise UserError(
            f"{folder} contains files that are not part of a report: {_named(foreign)}; move them elsewhere"
        )
    for path in sorted(ours):
        if (folder / path).is_dir():
            raise UserError(f"{folder / path} is a folder, but a file must be written there; move it elsewhere")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more


def _files_below(folder: Path) -> set[Path]:
    """All entries below `folder` except folders, by their paths from there."""
    return {Path(parent, name).relative_to(folder) for parent, _, names in os.walk(folder) for name in names}


def _sweep(folder: Path) -> None:
    """Remove what writers left that were killed long ago."""
    for path in folder.glob(f"{_ASIDE}*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
