"""One's own images: a folder of files for each class."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels, Loaded, class_counts
from gan_study.trainables.data.pixels import Tile, labeled_images, read_pixels, tile
from gan_study.trainables.data.source import DataConfig, DataFiles, DataSet
from gan_study.trainables.data.split import TEST_SEED, Indices, carve

# What published data sets call their parts, in any case.
_PART_NAMES = {"train": frozenset({"train", "training"}), "test": frozenset({"test", "testing"})}
# Names that differ in these words alone, as seg_train and seg_test do, are none of classes.
_PART_WORDS = frozenset[str]().union(
    *_PART_NAMES.values(), {"val", "valid", "validation", "dev", "eval", "holdout"}
)
# What archives of macOS, Synology's thumbnails, Windows and Linux leave behind.
_LEFT_BY_SYSTEMS = frozenset(
    {"__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)
# Those of torchvision.datasets.folder, and GIF.
_EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_NAMES_SHOWN = 3
_HALF_OF_ALL_LEVELS = 127


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The image files of one part, in order, before any is opened: `paths` [N] below `root`, `labels` [N]."""

    root: Path
    paths: tuple[Path, ...]
    labels: Labels
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def subset(self, indices: Indices) -> "Listing":
        """The files at `indices`."""
        return replace(self, paths=tuple(self.paths[i] for i in indices), labels=self.labels[indices])

    def origins(self) -> tuple[str, ...]:
        """Each file by its path below `root`, as it can be shown; `find_origin` leads back."""
        return tuple(shown(path.relative_to(self.root).as_posix()) for path in self.paths)

    def class_counts(self) -> tuple[int, ...]:
        """Files of each class, in label order."""
        return class_counts(self.labels, len(self.class_names))


@dataclass(frozen=True)
class ImageFolder:
    """A folder with one folder for each class, or with `train/` and perhaps `test/` that have these.

    Classes are in the order of their names. Without `test/`, `test_fraction` of each class is the test part,
    by file name alone. The parts may be called `Training/` and `TEST/` too. Links to folders are followed. Hidden
    files, what operating systems leave in folders and files that are no images by their extension are passed over.
    """

    config: DataConfig

    def pool(self) -> Loaded:
        """All of `train/`, or all but the test part."""
        return self._pool

    def test(self) -> Loaded:
        """All of `test/`, or what was carved off, with the channels of the pool."""
        _, test = self.parts
        return read_images(test, self.config, channels=self._pool.images.shape.channels)

    def test_class_counts(self) -> tuple[int, ...]:
        """Files of each class; none is opened, so unreadable ones count."""
        _, test = self.parts
        return test.class_counts()

    @cached_property
    def _pool(self) -> Loaded:
        pool, _ = self.parts
        loaded = read_images(pool, self.config, channels=self.config.channels)
        return replace(loaded, notes=(*loaded.notes, *_range_notes(loaded.images.images)))

    @property
    def root(self) -> Path:
        """The folder; raises DataError if there is none."""
        if self.config.root is None:
            raise DataError("imagefolder needs a folder of images: name it with --data DIR")
        root = expand(self.config.root)
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        return root

    @cached_property
    def parts(self) -> tuple[Listing, Listing]:
        """The files of the pool and of the test part."""
        root = self.root
        places = {part: _part_folder(root, part) for part in _PART_NAMES}
        if not any(map(_folders, places.values())):
            return self._carve(list_images(root, root))
        unread = [f"{shown(path.name)}/ is not read" for path in _folders(root) if path not in places.values()]
        pool = list_images(root, places["train"])
        pool = replace(pool, notes=(*pool.notes, *unread))
        if not places["test"].is_dir():
            return self._carve(pool)
        test = list_images(root, places["test"])
        odd = sorted({*test.class_names} ^ {*pool.class_names})
        if odd:
            raise DataError(
                f"{root}: train/ and test/ differ in their classes; only one of them has {', '.join(odd)}"
            )
        return pool, test

    def _carve(self, whole: Listing) -> tuple[Listing, Listing]:
        rest, carved = carve(
            whole.labels, self.config.test_fraction, seed=TEST_SEED, class_names=whole.class_names
        )
        return whole.subset(rest), whole.subset(carved)


def list_files(config: DataConfig) -> DataFiles:
    """The image files below `config.root`, by their paths in it.

    Where they are no data set any more, a class without files for instance, what is left is the pool.
    """
    source = ImageFolder(config)
    root = source.root
    try:
        pool, test = source.parts
    except DataError:
        left = [path for path in _files(root) if path.suffix.lower() in _EXTENSIONS]
        return DataFiles(pool={path.relative_to(root).as_posix(): path for path in left}, test={})
    return DataFiles(
        pool=dict(zip(pool.origins(), pool.paths, strict=True)),
        test=dict(zip(test.origins(), test.paths, strict=True)),
    )


IMAGE_FOLDER = DataSet(
    name="imagefolder",
    summary="your own images: a folder for each class, or train/ and test/ with these",
    source=ImageFolder,
    files=list_files,
    has_a_file_each=True,
)


def read_images(listing: Listing, config: DataConfig, *, channels: int | None) -> Loaded:
    """The images of `listing` at the size that `config` asks for; raises DataError if one is unreadable.

    With `config.skip_unreadable` it is left out, and a note says so.
    """
    # As bytes, and as the floats that are trained on.
    num_bytes = 5 * len(listing.paths) * (channels or 3) * config.image_size**2
    refuse_beyond_memory(num_bytes, f"data.image_size {config.image_size}: {len(listing.paths):,} images")
    tiles = [_read_tile(path, config, channels) for path in listing.paths]
    readable = listing.subset(np.flatnonzero([t is not None for t in tiles]))
    _refuse_empty_class(readable, "a readable image")
    skipped = [shown(path.name) for path, t in zip(listing.paths, tiles, strict=True) if t is None]
    names = ", ".join(skipped[:_NAMES_SHOWN]) + (", ..." if len(skipped) > _NAMES_SHOWN else "")
    images = labeled_images(
        [t for t in tiles if t is not None],
        readable.labels,
        channels=channels,
        class_names=readable.class_names,
        origins=readable.origins(),
    )
    notes = (f"unreadable image files skipped: {len(skipped)} ({names})",) if skipped else ()
    return Loaded(images=images, notes=(*listing.notes, *notes))


def _range_notes(images: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """A line on images that use no more than half of the 256 levels, such as masks of 0 and 1; none otherwise."""
    lowest, highest = int(images.min()), int(images.max())
    if highest - lowest > _HALF_OF_ALL_LEVELS:
        return ()
    return (
        f"the images use the levels {lowest} to {highest} of 0 to 255 alone, and generated ones can use all; "
        "stretch the files (of 16 bits, level 65535 is 255 here) where more is needed",
    )


def _read_tile(path: Path, config: DataConfig, channels: int | None) -> Tile | None:
    try:
        return tile(read_pixels(path), size=config.image_size, channels=channels)
    except DataError as error:
        if config.skip_unreadable:
            return None
        raise DataError(f"{error}; --skip-unreadable leaves it out") from error


def list_images(root: Path, folder: Path) -> Listing:
    """The image files in the class folders of `folder`, at any depth, in the order of their names.

    Raises DataError if there is no such folder, fewer than two classes, or a class without an image file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    names = tuple(one_form(path.name) for path in _folders(folder))
    if len(names) > len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{folder}: two class folders are named {twice!r}, in different Unicode forms or bytes")
    if _are_parts(names):
        parts = f"; {', '.join(names)} seem to be parts: call them train and test" if names else ""
        raise DataError(f"{folder}: no class folders, one folder of images for each class{parts}")
    if len(names) < 2:
        raise DataError(f"{folder}: one class folder ({names[0]}); a classifier needs at least two")
    files = [(label, path) for label, each in enumerate(_folders(folder)) for path in _files(each)]
    images = [(label, path) for label, path in files if path.suffix.lower() in _EXTENSIONS]
    suffixes = [path.suffix.lower() for _, path in files]
    others = Counter(shown(suffix) or "no extension" for suffix in suffixes if suffix not in _EXTENSIONS)
    beside = sum(path.suffix.lower() in _EXTENSIONS and path.is_file() for path in _visible(folder))
    notes = (
        f"files passed over that are no images: {others.total()} ({', '.join(sorted(others))})" if others else "",
        f"images passed over that lie beside the class folders: {beside}" if beside else "",
        _nested_note(folder, files),
    )
    listing = Listing(
        root=root,
        paths=tuple(path for _, path in images),
        labels=np.array([label for label, _ in images], dtype=np.int64),
        class_names=names,
        notes=tuple(filter(None, notes)),
    )
    _refuse_empty_class(listing, f"an image file ({', '.join(sorted(_EXTENSIONS))})")
    return listing


def _are_parts(names: Sequence[str]) -> bool:
    words = [re.split(r"[\W_]+", name.lower()) for name in names]
    rests = {tuple(word for word in each if word not in _PART_WORDS) for each in words}
    return len(rests) < 2 and all(not _PART_WORDS.isdisjoint(each) for each in words)


def _nested_note(folder: Path, files: Sequence[tuple[int, Path]]) -> str:
    """A line where all class folders hold the same folders, and no file of their own; else nothing."""
    inner = {tuple(path.name for path in _folders(each)) for each in _folders(folder)}
    if len(inner) > 1 or any(path.parent.parent == folder for _, path in files):
        return ""
    outer = ", ".join(shown(path.name) for path in _folders(folder))
    return (
        f"the classes are {outer}, and each holds nothing but the folders {', '.join(map(shown, inner.pop()))}; "
        "if those are the classes, give the folder that holds them"
    )


def read_folders(root: Path) -> tuple[Path, ...]:
    """The real places of all that is read below `root`: its own, and those of folders in it that are links."""
    return (root.resolve(), *(path.resolve() for path, _ in _folders_below(root) if path.is_symlink()))


def _part_folder(root: Path, part: str) -> Path:
    """The folder of "train" or "test" in `root`, which may be called Training or TEST; it need not be there."""
    called = [path for path in _folders(root) if path.name.lower() in _PART_NAMES[part] and _folders(path)]
    if len(called) < 2 or root / part in called:
        return called[0] if len(called) == 1 else root / part
    raise DataError(f"{root}: {called[0].name}/ and {called[1].name}/ may both be {part}/; call one of them so")


def _visible(folder: Path) -> Iterator[Path]:
    """What is in `folder` but hidden files and what operating systems leave behind."""
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return (path for path in found if path.name not in _LEFT_BY_SYSTEMS)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in _visible(folder) if path.is_dir()), key=lambda path: one_form(path.name))


def _folders_below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[Path, bool]]:
    """All folders below `folder`, links followed, and whether one is a link back to a folder around it.

    `above` are the real places of the folders around `folder`.
    """
    above = (*above, folder.resolve())
    for inner in _folders(folder):
        is_ring = inner.is_symlink() and any(place.is_relative_to(inner.resolve()) for place in above)
        yield inner, is_ring
        if not is_ring:
            yield from _folders_below(inner, above)


def find_origin(root: Path, origin: str) -> Path:
    """The file below `root` that `Listing.origins` names `origin`."""
    path = root
    for part in PurePosixPath(origin).parts:
        named = path / part
        path = named if named.exists() else _by_shown_name(path).get(part, named)
    return path


@lru_cache(maxsize=1)
def _by_shown_name(folder: Path) -> dict[str, Path]:
    return {shown(path.name): path for path in folder.iterdir()}


def _files(folder: Path) -> list[Path]:
    """All files below `folder` but hidden ones and those in hidden folders."""
    below = list(_folders_below(folder, (folder.parent.resolve(),)))
    if rings := [place for place, is_ring in below if is_ring]:
        raise DataError(f"{shown(str(rings[0]))}: a link that leads back to a folder around it")
    places = (folder, *(place for place, _ in below))
    return sorted(path for place in places for path in _visible(place) if not path.is_dir())


def _refuse_empty_class(listing: Listing, what: str) -> None:
    for name, count in zip(listing.class_names, listing.class_counts(), strict=True):
        if count == 0:
            raise DataError(f"{listing.root}: class {name!r} is without {what}")
