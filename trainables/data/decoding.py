"""The files of a listing, decoded side by side in threads, and the images that they become."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.look_alikes import Look, look_of
from gan_study.trainables.data.pixels import TileArray, picture_digest, read_picture, tile
from gan_study.trainables.data.reading.facts import summarise
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.listing import Listing
from gan_study.trainables.data.reading.picture import FULL_RANGE, Facts, Range, range_of
from gan_study.trainables.data.reading.value_notes import value_notes
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.split import Indices, Units

_MOST_THREADS = 8


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
    """The position of each file's tile in it."""
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
    called: str = "images",
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
    skipped = [path.name for path, each in zip(listing.paths, found, strict=True) if each is None]
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
    notes = (f"unreadable image files skipped: {len(skipped)} ({first_names(skipped)})",) if skipped else ()
    used = [each.used for each in kept if each.used is not None]
    declared = {each.declared for each in kept if each.used is not None}
    return Loaded(
        images=images,
        notes=(*notes, *value_notes(called, summary, levels, used=used, declared=declared)),
        summary=summary,
        levels=levels,
    )


def read_images(
    listing: Listing, config: DataConfig, *, channels: int | None, levels: Range | None = None
) -> Loaded:
    """The images of `listing`, a data set of one part; for `levels` see `assemble`."""
    return assemble(decode(listing, config, channels=channels), config, channels=channels, levels=levels)


def _range_of_all(files: Sequence[_Read]) -> Range | None:
    """The range that those are read by whose levels are numbers; None if there are none."""
    ranged = [each for each in files if each.used is not None]
    if not ranged:
        return None
    return range_of(
        [each.used for each in ranged if each.used is not None],
        [each.declared for each in ranged],
        has_fractions=any(each.facts.used_bits is None for each in ranged),
    )


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


def _refuse_empty_class(listing: Listing) -> None:
    for name, count in zip(listing.class_names, listing.class_counts(), strict=True):
        if count == 0:
            raise DataError(f"{listing.root}: class {name!r} has no readable image")
