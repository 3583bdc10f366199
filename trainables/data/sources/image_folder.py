"""Your own images: a folder of files for each class."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path, PurePosixPath

import numpy as np

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.look_alikes import (
    Look,
    leak_notes,
    look_alike_lines,
    look_of,
    similar_rows,
    test_part_line,
)
from gan_study.trainables.data.pixels import TileArray, picture_digest, read_picture, tile
from gan_study.trainables.data.reading.entries import find_entries
from gan_study.trainables.data.reading.facts import summarise
from gan_study.trainables.data.reading.folder_tree import tree
from gan_study.trainables.data.reading.listing import Listing, Reading, data_folder, listing_of, read_listing
from gan_study.trainables.data.reading.picture import FULL_RANGE, Facts, Range, range_of
from gan_study.trainables.data.reading.table import ENDINGS as TABLE_ENDINGS
from gan_study.trainables.data.reading.value_notes import value_notes
from gan_study.trainables.data.source import DataConfig, DataFiles, DataSet, ImageSource
from gan_study.trainables.data.sources.array_file import is_array_file, read_array_file
from gan_study.trainables.data.split import TEST_SEED, Indices, Units, belonging, carve

_MOST_THREADS = 8
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class ImageFolder:
    """A folder with one folder for each class, or with parts that have these; or a table of pictures.

    Classes are in the order of their names. Without a test part, `test_fraction` of each class becomes it. Groups
    and look-alikes are on one side of it, so every picture is decoded before it is drawn. `reading.layout` says
    which folders are understood.
    """

    config: DataConfig

    def pool(self) -> Loaded:
        """All of `train/`, or all but the test part."""
        return self._parts.pool

    def test(self) -> Loaded:
        """All of `test/`, or the part that was split off, with the channels and the range of the pool."""
        listing, parts = self.reading.test, self._parts
        if listing is None:
            assert parts.carved is not None
            return parts.carved
        channels = parts.pool.images.shape.channels
        decoded = decode(listing, self.config, channels=channels)
        loaded = assemble(
            decoded, self.config, channels=channels, levels=parts.pool.levels, called="test pictures"
        )
        looks = decoded.looks
        if self.config.drop_duplicates:
            known = {each.digest for each in parts.looks if each is not None}
            looks = [each for each in looks if each is None or each.digest not in known]
        leaks = leak_notes(parts.looks, looks, has_groups=self.config.group is not None)
        return replace(loaded, notes=(*loaded.notes, *leaks))

    def test_class_counts(self) -> tuple[int, ...]:
        """Files of each class, including unreadable ones."""
        return self._parts.test_counts

    @cached_property
    def reading(self) -> Reading:
        """What was found, and what was skipped."""
        return _read_source(self.config)

    @cached_property
    def _parts(self) -> "_Parts":
        found, config = self.reading, self.config
        decoded = decode(found.train, config, channels=config.channels)
        alike = similar_rows(decoded.looks)
        # One to train on, one to validate and, where it is carved off, one to test.
        together = belonging(found.train.labels, found.train.groups, alike, least=3 if found.test is None else 2)
        decoded = replace(decoded, units=together.units)
        kept, carved = decoded, None
        counts = (found.test or found.train).class_counts()
        said = list(found.notes)
        if found.test is None:
            rest, rows = carve(
                found.train.labels,
                config.test_fraction,
                seed=TEST_SEED,
                class_names=found.train.class_names,
                units=together.units,
                least_left=2,
            )
            kept, carved = decoded.take(rest), decoded.take(rows)
            counts = carved.listing.class_counts()
            said.append(test_part_line(config.test_fraction, found.train.class_counts(), counts, together))
        said += look_alike_lines(alike, together, found.train.class_names)
        pool = assemble(kept, config, channels=config.channels)
        unreadable = sum(each is None for each in decoded.files)
        read = len(found.train.paths) + (0 if found.test is None else len(found.test.paths)) - unreadable
        lines = (*said, _found_line(found, unreadable), *found.passed_over_lines())
        pool = replace(pool, reading=lines, num_read=read)
        channels = pool.images.shape.channels
        return _Parts(
            pool=pool,
            carved=None
            if carved is None
            else assemble(carved, config, channels=channels, levels=pool.levels, called="test pictures"),
            test_counts=counts,
            looks=decoded.looks if carved is None else (),
        )


def _found_line(reading: Reading, num_unreadable: int) -> str:
    """How many entries were found, of which those are passed over that further lines name by the reason."""
    passed = sum(map(len, reading.passed_over.values()))
    unreadable = f" + {num_unreadable:,} unreadable" if num_unreadable else ""
    read = reading.num_found - passed - num_unreadable
    return f"found in all: {reading.num_found:,} = {read:,} read{unreadable} + {passed:,} passed over"


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What is read at once: the pool, and the test part if it is carved off."""

    pool: Loaded
    carved: Loaded | None
    test_counts: tuple[int, ...]
    looks: Sequence[Look | None]
    """Looks of the pool's images, to be compared with a separate test part."""


# What a file's ending says where it is no table and no file of arrays.
_ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst"})
_READ = "a folder of pictures (DICOM among them), a table of them (.csv, .tsv) or arrays of bytes (.npz)"


def _read_source(config: DataConfig) -> Reading:
    """What `data.root` holds; raises DataError, with what can be read, where it is a file of another kind."""
    place = None if config.root is None else expand(config.root)
    if place is not None and place.is_file() and place.suffix.lower() not in TABLE_ENDINGS:
        if place.suffix.lower() in _ARCHIVES:
            raise DataError(
                f"{place}: archives are not read; unpack it and name the folder. Supported are {_READ}"
            )
        raise DataError(f"{place}: this kind of file is not supported; supported are {_READ}")
    try:
        return read_listing(config)
    except DataError as error:
        if place is None or not place.is_dir():
            raise
        left = find_entries(place, exclude=config.exclude, skip_unreadable=True)
        if left.pictures:
            raise
        endings = Counter(each.suffix.lower() for places in left.passed_over.values() for each in places)
        few = ", ".join(sorted(endings)[:_NAMES_SHOWN])
        if not few:
            raise
        raise DataError(
            f"{error}, only files of other kinds ({few}); unpack archives first. Supported are {_READ}"
        ) from error


def list_files(config: DataConfig) -> DataFiles:
    """The image files below `config.root`, by their paths in it.

    If the test part is split off, all files belong to both parts, since together they decide which image goes
    where. If they no longer form a data set, for example because a class has no files, the rest is the pool.
    """
    if is_array_file(config.root):
        path = expand(str(config.root))
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        return DataFiles(pool={path.name: path}, test={path.name: path})
    try:
        found = _read_source(config)
    except DataError:
        if config.root is None or not expand(config.root).exists():
            raise
        left = find_entries(data_folder(config.root), skip_unreadable=True)
        return DataFiles(pool={shown(str(place)): left.root / place for place in left.pictures}, test={})
    tables = {f"table {_name_below(found.root, path)}": path for path in found.tables}
    pool, test = (
        dict(zip(each.origins(), each.paths, strict=True)) for each in (found.train, found.test or found.train)
    )
    return DataFiles(pool={**tables, **pool}, test=test)


def _name_below(root: Path, path: Path) -> str:
    """A file's path from `root`, or its name where it lies elsewhere."""
    return shown(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name)


def source_of(config: DataConfig) -> ImageSource:
    """The images in a folder, in a table's folder, or in a file of arrays: whatever `data.root` is."""
    return read_array_file(config) if is_array_file(config.root) else ImageFolder(config)


IMAGE_FOLDER = DataSet(
    name="imagefolder",
    summary="your own images: a folder for each class, parts that have these, a table of labels, or arrays (.npz)",
    source=source_of,
    files=list_files,
    has_a_file_each=True,
)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What came of a file beside its tile, and in its place where all files of a set decide on the range."""

    facts: Facts
    digest: str
    has_tile: bool
    used: Range | None
    """The lowest and the highest level of one that is read by the range of its set."""
    declared: Range | None
    look: Look | None
    """None if look-alikes are not searched for."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The files of a listing as they were read, None for an unreadable one; and what must not be divided."""

    listing: Listing
    files: Sequence[_Read | None]
    tiles: TileArray
    """The tiles of these and perhaps of other files."""
    places: Indices
    """Where in it each has its tile."""
    units: Units | None = None

    def take(self, rows: Indices) -> "Decoded":
        """Those at `rows`."""
        return Decoded(
            listing=self.listing.subset(rows),
            files=[self.files[row] for row in rows],
            tiles=self.tiles,
            places=self.places[rows],
            units=None if self.units is None else self.units[rows],
        )

    @property
    def looks(self) -> list[Look | None]:
        """What each looks like."""
        return [None if each is None else each.look for each in self.files]


def decode(listing: Listing, config: DataConfig, *, channels: int | None) -> Decoded:
    """The files of `listing`, read; raises DataError if one is unreadable and `config` does not allow it."""
    # As they are read, as a part of them is handed over, and as they are shared with the trials of a machine.
    num_bytes = 3 * len(listing.paths) * (channels or 3) * config.image_size**2
    refuse_beyond_memory(num_bytes, f"data.image_size {config.image_size}: {len(listing.paths):,} images")
    tiles, places = TileArray(len(listing.paths), config.image_size), np.arange(len(listing.paths))
    files = _read_all(listing.paths, places, tiles, config, channels, None)
    return Decoded(listing=listing, files=files, tiles=tiles, places=places)


def assemble(
    decoded: Decoded,
    config: DataConfig,
    *,
    channels: int | None,
    levels: Range | None = None,
    called: str = "pictures",
) -> Loaded:
    """The images of a part at the size in `config`, without unreadable ones, which a note counts.

    `levels` is the range of files of more than 8 bits; None: the `range_of` these files. Notes use the word
    `called` for the pictures.
    """
    listing, found = decoded.listing, list(decoded.files)
    if levels is None:
        levels = _range_of_all([each for each in found if each is not None])
    # Those that waited for the range, and those that turn out to lose their colour, are brought to size now.
    tiles, places = decoded.tiles, decoded.places
    rows = [
        row
        for row, each in enumerate(found)
        if each is not None and (not each.has_tile or (channels == 1 and tiles.has_colour(places[row])))
    ]
    paths = [listing.paths[row] for row in rows]
    again = _read_all(paths, places[rows], tiles, config, channels, levels or FULL_RANGE)
    for row, each in zip(rows, again, strict=True):
        found[row] = each
    kept = [each for each in found if each is not None]
    readable = np.flatnonzero([each is not None for each in found])
    listed = listing.subset(readable)
    _refuse_empty_class(listed)
    skipped = [shown(path.name) for path, each in zip(listing.paths, found, strict=True) if each is None]
    names = ", ".join(skipped[:_NAMES_SHOWN]) + (", ..." if len(skipped) > _NAMES_SHOWN else "")
    images = LabeledImages(
        images=tiles.pictures(places[readable], channels),
        labels=listed.labels,
        class_names=listed.class_names,
        digests=tuple(each.digest for each in kept),
        origins=listed.origins(),
        groups=listed.groups,
        weights=listed.weights,
        units=None if decoded.units is None else decoded.units[readable],
    )
    summary = summarise([each.facts for each in kept], listed.labels, listed.class_names)
    notes = (f"unreadable image files skipped: {len(skipped)} ({names})",) if skipped else ()
    used = [each.used for each in kept if each.used is not None]
    declared = {each.declared for each in kept if each.used is not None}
    return Loaded(
        images=images,
        notes=(*notes, *value_notes(called, summary, levels, used=used, declared=declared)),
        summary=summary,
        levels=levels,
    )


def _range_of_all(files: Sequence[_Read]) -> Range | None:
    """The range that those are read by whose levels are numbers; None if there are none."""
    ranges = [(each.used, each.declared) for each in files if each.used is not None]
    return range_of([used for used, _ in ranges], [declared for _, declared in ranges]) if ranges else None


def read_images(
    listing: Listing, config: DataConfig, *, channels: int | None, levels: Range | None = None
) -> Loaded:
    """The images of `listing`, a data set of one part; for `levels` see `assemble`."""
    return assemble(decode(listing, config, channels=channels), config, channels=channels, levels=levels)


def _read_all(
    paths: Sequence[Path],
    places: Indices,
    tiles: TileArray,
    config: DataConfig,
    channels: int | None,
    levels: Range | None,
) -> list[_Read | None]:
    """What came of each file, whose tile goes to its place among `tiles`; None for one that is unreadable.

    Decoding holds no lock.
    """
    read = partial(_read, tiles=tiles, config=config, channels=channels, levels=levels)
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
        return list(threads.map(read, paths, places.tolist()))


def _read(
    path: Path, place: int, *, tiles: TileArray, config: DataConfig, channels: int | None, levels: Range | None
) -> _Read | None:
    try:
        picture = read_picture(path)
    except DataError as error:
        if config.skip_unreadable:
            return None
        raise DataError(f"{error}; --skip-unreadable leaves it out") from error
    by_range = picture.facts.values == "range"
    waits = by_range and levels is None
    name = picture_digest(picture)
    if not waits:
        pixels = picture.to_bytes(levels or FULL_RANGE)
        tiled = tile(pixels, size=config.image_size, channels=channels, fit=config.fit, name=name)
        tiles.put(place, tiled.pixels)
    look = None
    if config.look_alikes == "together":
        # By its own range: that of all is not known yet, and brightness decides nothing here.
        look = look_of(picture.to_bytes(picture.own_range), digest=name)
    return _Read(
        facts=replace(picture.facts, used_bits=picture.used_bits),
        digest=name,
        has_tile=not waits,
        used=picture.used if by_range else None,
        declared=picture.declared,
        look=look,
    )


def list_images(root: Path, folder: Path) -> Listing:
    """The images in the class folders of `folder`, with any names, as this package writes them.

    Raises DataError if there is no such folder, or fewer than two classes.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = tree(find_entries(folder).pictures).folders
    of_class = {
        PurePosixPath(folder.relative_to(root), picture): one_form(name)
        for name, each in classes.items()
        for picture in each.pictures
    }
    return listing_of(root, of_class, sorted(set(of_class.values()), key=one_form))


def read_folders(root: Path) -> tuple[Path, ...]:
    """The real paths of everything that is read below `root`: its own, and those of folders behind links."""
    if not root.exists():
        return (root.resolve(),)
    place = data_folder(str(root))
    return (place.resolve(), *find_entries(place, skip_unreadable=True).linked_folders)


def find_origin(root: Path, origin: str) -> Path:
    """The file below `root` that `Listing.origins` names `origin`."""
    path = root
    for part in PurePosixPath(origin).parts:
        named = path / part
        path = named if named.exists() else _by_shown_name(path).get(part, named)
    return path


@lru_cache(maxsize=1)
def _by_shown_name(folder: Path) -> dict[str, Path]:
    return {shown(path.name): path for path in folder.iterdir()} if folder.is_dir() else {}


def _refuse_empty_class(listing: Listing) -> None:
    for name, count in zip(listing.class_names, listing.class_counts(), strict=True):
        if count == 0:
            raise DataError(f"{listing.root}: class {name!r} has no readable image")
