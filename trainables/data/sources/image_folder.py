"""Your own images: a folder of files for each class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.decoding import assemble, decode
from gan_study.trainables.data.images import Loaded
from gan_study.trainables.data.look_alikes import Look, leak_notes, look_alike_lines, similar_rows, test_part_line
from gan_study.trainables.data.reading.entries import find_entries
from gan_study.trainables.data.reading.listing import Reading, data_folder, read_listing
from gan_study.trainables.data.reading.table import ENDINGS as TABLE_ENDINGS
from gan_study.trainables.data.source import DataConfig, DataFiles, DataSet, ImageSource
from gan_study.trainables.data.sources.arrays import array_files, array_source, holds_arrays
from gan_study.trainables.data.split import TEST_SEED, belonging, carve

_NAMES_SHOWN = 3


@dataclass(frozen=True)
class ImageFolder:
    """A folder with one folder for each class, or with parts that have these; or a table of pictures.

    Classes are in the order of their names. Without a test set, `test_fraction` of each class becomes it. Groups
    and look-alikes are on one side of it, so every picture is decoded before it is drawn. `reading.layout` says
    which folders are understood.
    """

    config: DataConfig

    def pool(self) -> Loaded:
        """All of `train/`, or all but the test set."""
        return self._parts.pool

    def test(self) -> Loaded:
        """All of `test/`, or the part that was split off, with the channels and the range of the pool."""
        listing, parts = self.reading.test, self._parts
        if listing is None:
            assert parts.carved is not None
            return parts.carved
        channels = parts.pool.images.shape.channels
        decoded = decode(listing, self.config, channels=channels)
        loaded = assemble(decoded, self.config, channels=channels, levels=parts.pool.levels, called="test images")
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
            else assemble(carved, config, channels=channels, levels=pool.levels, called="test images"),
            test_counts=counts,
            looks=decoded.looks if carved is None else (),
        )


def _found_line(reading: Reading, num_unreadable: int) -> str:
    """How many entries were found, of which those are skipped that further lines name by the reason."""
    passed = sum(map(len, reading.passed_over.values()))
    unreadable = f" + {num_unreadable:,} unreadable" if num_unreadable else ""
    read = reading.num_found - passed - num_unreadable
    return f"found in all: {reading.num_found:,} = {read:,} read{unreadable} + {passed:,} skipped"


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What is read at once: the pool, and the test set if it is carved off."""

    pool: Loaded
    carved: Loaded | None
    test_counts: tuple[int, ...]
    looks: Sequence[Look | None]
    """Looks of the pool's images, to be compared with a separate test set."""


# What a file's ending says where it is no table and no file of arrays.
_ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst"})
_READ = (
    "a folder of images (DICOM among them), a table of them or of their pixels (.csv, .tsv), or arrays of bytes "
    "(.npz)"
)


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

    If the test set is split off, all files belong to both parts, since together they decide which image goes
    where. If they no longer form a data set, for example because a class has no files, the rest is the pool.
    """
    if holds_arrays(config):
        files = array_files(config)
        return DataFiles(pool=files, test=files)
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
    """The images in a folder, in a table's folder, in a file of arrays or in tables: whatever `data.root` is."""
    return array_source(config) or ImageFolder(config)


IMAGE_FOLDER = DataSet(
    name="imagefolder",
    summary="your own images: a folder for each class, parts that have these, a table of labels, or arrays (.npz)",
    source=source_of,
    files=list_files,
    has_a_file_each=True,
)
