"""Published benchmarks: where their files are, how they are downloaded, and how they become images.

A folder of data sets has a folder for each, by name; a data set's own folder is also accepted.
"""

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.memory import MemoryShortageError
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels, Loaded
from gan_study.trainables.data.pixels import images_of_arrays
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig, DataFiles, DataSet

_CACHE = Path("~/.cache/gan-study")
# How a download may fail: no network or disk (OSError), a mirror's refusal (RuntimeError), half a file.
_DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException, EOFError, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One official part: N `images` [H, W] or [H, W, 3], `labels` [N], and notes."""

    images: Iterable[Bytes]
    labels: npt.NDArray[np.integer]
    notes: tuple[str, ...] = ()


# (folder, whether this is the training set) -> the part
Reader: TypeAlias = Callable[[Path, bool], Part]
# Downloads the set into an empty folder, and returns the files and folders there that are to be kept, in order.
Download: TypeAlias = Callable[[Path], tuple[Path, ...]]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A possible layout of a set's files in its folder."""

    marker: str
    """A file or folder that marks it."""
    read: Reader
    pool: tuple[str, ...]
    """Patterns of the files that the training set is read from."""
    test: tuple[str, ...]
    """Patterns of the files that the test set is read from."""


@dataclass(frozen=True, kw_only=True)
class PublishedSet:
    """A benchmark: its published facts, and how its files are laid out and read."""

    name: str
    summary: str
    class_names: tuple[str, ...]
    channels: int
    test_counts: tuple[int, ...]
    layouts: tuple[Layout, ...]
    """The first one found is read."""
    download: Download
    """Yields the layouts in order; one whose marker is not specific must come last."""
    by_hand: str
    """What to put into which folder if the download fails."""

    def as_data_set(self) -> DataSet:
        """The benchmark as it can be chosen."""
        return DataSet(
            name=self.name,
            summary=self.summary,
            source=partial(PublishedSource, self),
            files=partial(list_files, self),
            class_names=self.class_names,
            is_looked_for=True,
        )


@dataclass(frozen=True)
class PublishedSource:
    """A benchmark with its official parts; `test_class_counts` is what was published."""

    published: PublishedSet
    config: DataConfig

    def pool(self) -> Loaded:
        """The official training set."""
        return self._read(train=True)

    def test(self) -> Loaded:
        """The official test set; a note says if its class counts are not those published."""
        test = self._read(train=False)
        if test.images.class_counts() == self.published.test_counts:
            return test
        odd = f"the {self.published.name} test set is not the published one: its class counts differ"
        return replace(test, notes=(*test.notes, odd))

    def test_class_counts(self) -> tuple[int, ...]:
        """A constant of the published set; no file is opened."""
        return self.published.test_counts

    def _read(self, *, train: bool) -> Loaded:
        folder, layout = locate(self.published, data_folders(self.config.root))
        with _name_damage(folder):
            part = layout.read(folder, train)
            images = images_of_arrays(
                part.images,
                _checked_labels(part.labels, num_classes=len(self.published.class_names)),
                size=self.config.image_size,
                channels=self.config.channels or self.published.channels,
                class_names=self.published.class_names,
                origin="train" if train else "test",
            )
        return Loaded(images=images, notes=part.notes)


def data_folders(root: str | None) -> tuple[Path, ...]:
    """Where to look: `root` alone if given, else the environment variable's folder, then the user's cache."""
    if root is not None:
        return (expand(root),)
    named = os.environ.get(DATA_ENVIRONMENT_VARIABLE)
    return tuple(expand(path) for path in ((Path(named), _CACHE) if named else (_CACHE,)))


def list_files(published: PublishedSet, config: DataConfig) -> DataFiles:
    """The files that both parts are read from, by their paths in the folder that has the set.

    Raises DataError if no folder has it.
    """
    candidates = _candidates(published, data_folders(config.root))
    found = _find(published, candidates)
    if found is None:
        raise DataError(f"{published.name} is not in {' or '.join(map(str, candidates))}")
    folder, layout = found

    def match(patterns: tuple[str, ...]) -> dict[str, Path]:
        paths = sorted(path for pattern in patterns for path in folder.glob(pattern))
        return {path.relative_to(folder).as_posix(): path for path in paths}

    return DataFiles(pool=match(layout.pool), test=match(layout.test))


def locate(published: PublishedSet, folders: tuple[Path, ...]) -> tuple[Path, Layout]:
    """The folder that has the set, and its layout; downloads it into the first of `folders` if none has it.

    Raises DataError, which says where it looked, if the download fails.
    """
    candidates = _candidates(published, folders)
    found = _find(published, candidates)
    if found is None:
        try:
            _download(published, folders[0] / published.name)
        except _DOWNLOAD_ERRORS as error:
            raise DataError(
                f"{published.name} is not in {' or '.join(map(str, candidates))}"
                f"{_say_packed(published, candidates)}, and its download failed "
                f"({' '.join(str(error).split())}); name a folder that has it with --data DIR, or put "
                f"{published.by_hand} in {candidates[-1]}"
            ) from error
        found = _find(published, candidates)
    assert found is not None, "a downloaded set lies where it is looked for"
    return found


def _say_packed(published: PublishedSet, candidates: list[Path]) -> str:
    """That a file of the set lies there packed, as it was downloaded; nothing if none does."""
    names = {name for layout in published.layouts for name in (layout.marker, Path(layout.marker).name)}
    packed = [path for folder in candidates for name in names if (path := folder / f"{name}.gz").is_file()]
    return f" ({packed[0]} has to be unpacked)" if packed else ""


def _candidates(published: PublishedSet, folders: tuple[Path, ...]) -> list[Path]:
    """Each of `folders`, and the set's own folder in it."""
    return [inner for folder in folders for inner in (folder, folder / published.name)]


def _find(published: PublishedSet, candidates: list[Path]) -> tuple[Path, Layout] | None:
    pairs = ((layout, folder) for layout in published.layouts for folder in candidates)
    return next(((folder, layout) for layout, folder in pairs if (folder / layout.marker).exists()), None)


def _download(published: PublishedSet, folder: Path) -> None:
    # Downloaded aside and moved in one step: trials that start together never see half a data set.
    folder.mkdir(parents=True, exist_ok=True)
    marker = published.layouts[0].marker
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as aside:
        for path in published.download(Path(aside)):
            try:
                path.rename(folder / path.name)
            except OSError:
                if not (folder / marker).exists():
                    raise


def _checked_labels(labels: npt.NDArray[Any], *, num_classes: int) -> Labels:
    """`labels` [N] as whole numbers; raises DataError if one is none, or no class's."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"labels {labels.dtype} {list(labels.shape)} are not a list of whole numbers")
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise DataError(f"labels {labels.min()} to {labels.max()} are not all within 0 to {num_classes - 1}")
    return labels.astype(np.int64)


@contextmanager
def _name_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    # No fault of the files.
    except MemoryShortageError:
        raise
    # All that torchvision, Pillow, NumPy and pickle raise on damaged files.
    except Exception as error:
        raise DataError(
            f"{folder}: the files are incomplete or damaged ({' '.join(str(error).split())})"
        ) from error
