"""One's own images: a folder of files for each class."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels, class_counts
from gan_study.trainables.data.pixels import Tile, labeled_images, plain, refusing_bombs, tile
from gan_study.trainables.data.source import DataConfig, Loaded
from gan_study.trainables.data.split import TEST_SEED, Indices, carve

_PARTS = frozenset({"train", "test", "val", "valid", "validation"})
# Those of torchvision.datasets.folder, and GIF.
_EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
_NAMES_SHOWN = 3


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
        """Each file by its path below `root`."""
        return tuple(path.relative_to(self.root).as_posix() for path in self.paths)

    def class_counts(self) -> tuple[int, ...]:
        """Files of each class, in label order."""
        return class_counts(self.labels, len(self.class_names))


@dataclass(frozen=True)
class ImageFolder:
    """A folder with one folder for each class, or with `train/` and perhaps `test/` that have these.

    Classes are in the order of their names. Without `test/`, `test_fraction` of each class is the test part,
    by file name alone. Hidden files and files that are no images by their extension are passed over.
    """

    config: DataConfig

    def pool(self) -> Loaded:
        """All of `train/`, or all but the test part."""
        return self._pool

    def test(self) -> Loaded:
        """All of `test/`, or what was carved off, with the channels of the pool."""
        _, test = self._parts
        return read_images(test, self.config, channels=self._pool.images.shape.channels)

    def test_class_counts(self) -> tuple[int, ...]:
        """Files of each class; none is opened, so unreadable ones count."""
        _, test = self._parts
        return test.class_counts()

    @cached_property
    def _pool(self) -> Loaded:
        pool, _ = self._parts
        return read_images(pool, self.config, channels=self.config.channels)

    @cached_property
    def _parts(self) -> tuple[Listing, Listing]:
        root = _existing(self.config.root)
        if not any(_folders(root / part) for part in ("train", "test")):
            return self._carved(list_images(root, root))
        unread = [f"{path.name}/ is not read" for path in _folders(root) if path.name not in ("train", "test")]
        pool = list_images(root, root / "train")
        pool = replace(pool, notes=(*pool.notes, *unread))
        if not (root / "test").is_dir():
            return self._carved(pool)
        test = list_images(root, root / "test")
        _refuse_other_classes(pool, test)
        return pool, test

    def _carved(self, whole: Listing) -> tuple[Listing, Listing]:
        rest, carved = carve(
            whole.labels, self.config.test_fraction, seed=TEST_SEED, class_names=whole.class_names
        )
        return whole.subset(rest), whole.subset(carved)


def read_images(listing: Listing, config: DataConfig, *, channels: int | None) -> Loaded:
    """The images of `listing` at the size that `config` asks for; raises DataError where one is unreadable.

    With `config.skip_unreadable` it is left out, and a note says so.
    """
    tiles = [_tile(path, config, channels) for path in listing.paths]
    readable = np.flatnonzero([t is not None for t in tiles])
    kept = listing.subset(readable)
    _refuse_empty_class(kept, "a readable image")
    skipped = [path for path, t in zip(listing.paths, tiles, strict=True) if t is None]
    images = labeled_images(
        [t for t in tiles if t is not None],
        kept.labels,
        channels=channels,
        class_names=kept.class_names,
        origins=kept.origins(),
    )
    return Loaded(images=images, notes=(*listing.notes, *_skipped_notes(skipped)))


def _tile(path: Path, config: DataConfig, channels: int | None) -> Tile | None:
    try:
        return tile(np.asarray(read_picture(path)), size=config.image_size, channels=channels)
    except DataError:
        if config.skip_unreadable:
            return None
        raise


def list_images(root: Path, folder: Path) -> Listing:
    """The image files in the class folders of `folder`, at any depth, in the order of their names.

    Raises DataError where there is no such folder, fewer than two classes, or a class without an image file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = _folders(folder)
    names = tuple(path.name for path in classes)
    if _PARTS.issuperset(names):
        raise DataError(f"{folder}: no class folders, one folder of images for each class")
    if len(classes) < 2:
        raise DataError(f"{folder}: one class folder ({names[0]}); a classifier needs at least two")
    files = [_files(path) for path in classes]
    images = [[path for path in paths if path.suffix.lower() in _EXTENSIONS] for paths in files]
    listing = Listing(
        root=root,
        paths=tuple(path for paths in images for path in paths),
        labels=np.repeat(np.arange(len(names), dtype=np.int64), [len(paths) for paths in images]),
        class_names=names,
        notes=_passed_over_notes([path for paths in files for path in paths]),
    )
    _refuse_empty_class(listing, f"an image file ({', '.join(sorted(_EXTENSIONS))})")
    return listing


def read_picture(path: Path) -> Image.Image:
    """The file as a picture of mode L or RGB (see `pixels.plain`).

    Raises DataError, which names the file, for all that is not wholly readable, and for a decompression bomb:
    more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    try:
        with refusing_bombs(), Image.open(path) as image:
            return plain(image)
    # Pillow's decoders raise errors of many kinds on a corrupt file, SyntaxError and struct.error among them.
    except Exception as error:
        is_empty = path.exists() and path.stat().st_size == 0
        reason = "the file is empty" if is_empty else " ".join(str(error).split())
        raise DataError(
            f"{path}: cannot be read as an image ({reason}); --skip-unreadable leaves it out"
        ) from error


def _existing(root: str | None) -> Path:
    if root is None:
        raise DataError("imagefolder needs a folder of images: name it with --data DIR")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return folder


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    below = ((path, path.relative_to(folder)) for path in folder.rglob("*"))
    return sorted(
        path
        for path, inner in below
        if not path.is_dir() and not any(part.startswith(".") for part in inner.parts)
    )


def _refuse_empty_class(listing: Listing, what: str) -> None:
    for name, count in zip(listing.class_names, listing.class_counts(), strict=True):
        if count == 0:
            raise DataError(f"{listing.root}: class {name!r} is without {what}")


def _refuse_other_classes(pool: Listing, test: Listing) -> None:
    odd = sorted({*test.class_names} ^ {*pool.class_names})
    if odd:
        raise DataError(
            f"{pool.root}: train/ and test/ differ in their classes; only one of them has {', '.join(odd)}"
        )


def _skipped_notes(paths: list[Path]) -> tuple[str, ...]:
    if not paths:
        return ()
    names = ", ".join(path.name for path in paths[:_NAMES_SHOWN])
    more = ", ..." if len(paths) > _NAMES_SHOWN else ""
    return (f"unreadable image files skipped: {len(paths)} ({names}{more})",)


def _passed_over_notes(paths: list[Path]) -> tuple[str, ...]:
    others = Counter(path.suffix.lower() or "no extension" for path in paths)
    others = Counter({suffix: n for suffix, n in others.items() if suffix not in _EXTENSIONS})
    if not others:
        return ()
    return (f"files passed over that are no images: {others.total()} ({', '.join(sorted(others))})",)
