"""Images whose pixels are cells of a table, as Kaggle has MNIST, FER 2013 and HAM10000: a row for each image.

Read if `imagefolder` is given such a table, or a folder of them with no images but a few.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand, same_bytes
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.class_texts import group_name, refuse_alike, texts_for_no_value
from gan_study.trainables.data.reading.columns import (
    class_columns,
    find_labels,
    names_carriers,
    possible_groups,
    refuse_no_groups,
)
from gan_study.trainables.data.reading.entries import NO_PICTURE, find_entries, matches
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.part_columns import find_splits, unread_splits
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.reading.table import Table
from gan_study.trainables.data.reading.tables_by_part import part_of_table
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.array_set import Arrays, Held, refuse_settings
from gan_study.trainables.data.sources.pixel_cells import ENDINGS, Cells, as_bytes, head_of, read_cells, shaped

# A folder of tables may have a few images that show what it is about.
_MOST_PICTURES = 10
_ORDER: tuple[Part, ...] = ("train", "validation", "test")
_OF_PICTURES = ("train", "test", "class_level", "labels")


def find_pixel_tables(config: DataConfig) -> tuple[Path, ...]:
    """The tables of pixels that `config.root` is or holds at its first two levels; none if there are images."""
    if config.root is None or config.labels is not None:
        return ()
    place = expand(config.root)
    if place.is_file():
        return () if head_of(place) is None else (place,)
    found = tuple(
        path
        for path in _tables_in(place)
        if not any(matches(PurePosixPath(path.relative_to(place)), pattern) for pattern in config.exclude)
        and not path.name.startswith(".")
        and _holds_images(path)
    )
    pictures = find_entries(place, exclude=config.exclude, skip_unreadable=True).pictures if found else ()
    return found if len(pictures) <= _MOST_PICTURES else ()


def _tables_in(folder: Path) -> list[Path]:
    """The tables at the first two levels of a folder, which may hold very many images, in order of their names."""
    found = [path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.suffix.lower() in ENDINGS]
    return sorted(found, key=lambda path: one_form(str(path)))


def _holds_images(path: Path) -> bool:
    """Whether the rows of a table that nobody named are images, by the number of its columns or by their name."""
    head = head_of(path)
    return head is not None and (head.shape is not None or len(head.pixels) == 1)


def read_pixel_tables(config: DataConfig) -> Held:
    """What the tables of pixels in `config.root` hold, by parts as their names or a column say.

    Raises DataError if they are damaged, if a row is not a square or coloured image of whole numbers from 0 to
    255 (or of fractions from 0 to 1), and if several tables may be meant; ConfigError for settings that apply
    to images in files.
    """
    refuse_settings(config, _OF_PICTURES, "read from tables of pixels; this setting needs image files")
    paths = find_pixel_tables(config)
    root = expand(str(config.root))
    try:
        return _held(paths, root, config)
    except DataError as error:
        raise DataError(f"{root if root.is_dir() else root.parent}: {error}") from error


def _held(paths: Sequence[Path], root: Path, config: DataConfig) -> Held:
    folder = root if root.is_dir() else root.parent
    different, notes = _without_copies(paths, folder)
    part_of = {path: part_of_table(path, folder) for path in different}
    if [*part_of.values()].count("train") == 1 and None in part_of.values():
        others = [path for path in different if part_of[path] is None]
        different = [path for path in different if part_of[path] is not None]
        names = first_names([_name(path, folder) for path in others])
        notes.append(f"tables of pixels that are named after no part are not read: {names}")
    parts_named = [part_of[path] for path in different]
    if len(different) > 1 and (None in parts_named or len({*parts_named}) < len(different)):
        several = first_names([_name(path, folder) for path in different])
        raise DataError(
            f"several tables hold pixels ({several}); name one with --data, or leave the others out "
            "with data.exclude"
        )
    different.sort(key=lambda path: _ORDER.index(part_of[path] or "train"))
    tables = [_read(path, _name(path, folder), config) for path in different]
    parts: dict[Part, Arrays] = {}
    left: dict[str, list[str]] = {}
    pixels = as_bytes([(table.name, table.cells.pixels) for table in tables])
    for path, table, flat in zip(different, tables, pixels, strict=True):
        images, order = shaped(flat, table.cells.head.shape, table.name)
        size = _size(images.shape[1:])
        notes += [f"{table.name} holds {len(images):,} images of {size} pixels, a row each{order}", *table.notes]
        if table.labels is None and part_of[path] != "test":
            raise DataError(f"{table.name}: no column is left for the class")
        if table.labels is None:
            left["images without a class"] = [table.name] * len(images)
        else:
            only = part_of[path] if len(different) > 1 else None
            parts |= _parts_of(table, images, table.labels, only)
    if "train" not in parts:
        raise DataError("no table has images to train on")
    if root.is_dir():
        entries = find_entries(root, exclude=config.exclude, skip_unreadable=True)
        read = {PurePosixPath(path.relative_to(root)) for path in different}
        beside = {**entries.passed_over, "images in files beside tables of pixels": entries.pictures}
        for reason, places in beside.items():
            left[reason] = [shown(str(place)) for place in places if reason != NO_PICTURE or place not in read]
    shapes = {each.images.shape[1:] for each in parts.values()}
    if len(shapes) > 1:
        raise DataError(f"the parts have images of different shapes, {' and '.join(map(_size, sorted(shapes)))}")
    notes += [
        f"skipped, {reason}: {len(names):,} ({first_names(list(dict.fromkeys(names)))})"
        for reason, names in left.items()
        if names
    ]
    return Held(
        path=root,
        names=tuple(table.name for table in tables if table.labels is not None),
        kind="pixels in tables",
        parts=parts,
        notes=tuple(notes),
        num_left=sum(map(len, left.values())),
    )


def _name(path: Path, folder: Path) -> str:
    return shown(path.relative_to(folder).as_posix())


def _without_copies(paths: Sequence[Path], folder: Path) -> tuple[list[Path], list[str]]:
    """The tables without those that repeat an earlier one byte for byte, and a note on each of these."""
    kept: list[Path] = []
    notes: list[str] = []
    for path in paths:
        of = next((each for each in kept if same_bytes(each, path)), None)
        if of is None:
            kept.append(path)
        else:
            notes.append(f"{_name(path, folder)} repeats {_name(of, folder)}, and is read once")
    return kept, notes


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A table: its `cells`, and what the columns that hold no pixels say of each row."""

    name: str
    cells: Cells
    labels: tuple[str, ...] | None
    """The class of each; None if no column says one."""
    parts: tuple[Part, ...] = ()
    groups: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def _parts_of(table: _Read, images: Bytes, labels: Sequence[str], only: Part | None) -> Mapping[Part, Arrays]:
    """The images as the part `only`, or as a column says the parts."""
    whole = Arrays(images=images, labels=_as_labels(labels), groups=table.groups)
    if only is not None:
        return {only: whole}
    parts = np.array(table.parts)
    return {part: _rows(whole, np.flatnonzero(parts == part)) for part in dict.fromkeys(table.parts)}


def _rows(arrays: Arrays, rows: npt.NDArray[np.int64]) -> Arrays:
    groups = arrays.groups
    return replace(
        arrays,
        images=arrays.images[rows],
        labels=arrays.labels[rows],
        groups=None if groups is None else tuple(groups[row] for row in rows),
    )


def _as_labels(labels: Sequence[str]) -> npt.NDArray[Any]:
    """Numbers where all are whole ones as they are written, so that 10 comes after 9; else the texts."""
    plain = all(re.fullmatch(r"0|[1-9]\d{0,8}", label) for label in labels)
    return np.array([int(label) for label in labels]) if plain else np.array([one_form(each) for each in labels])


def _read(path: Path, name: str, config: DataConfig) -> _Read:
    head = head_of(path)
    assert head is not None, "see find_pixel_tables"
    if twice := [column for column, times in Counter(head.header[i] for i in head.pixels).items() if times > 1]:
        raise DataError(f"{name}: two columns are named {shown(twice[0])!r}")
    cells = read_cells(path, name, head)
    head = cells.head
    table = Table(name=name, header=tuple(head.header[place] for place in head.others), rows=cells.others)
    classes = class_columns(table, config.columns, without=set())
    groups = None
    if config.group is not None:
        refuse_no_groups(table, config.group)
        groups = tuple(one_form(group_name(cell)) for cell in table.column(config.group))
    taken = {column for column in table.header if column not in classes and _numbers_rows(table, column)}
    taken |= {config.group} if config.group is not None else set()
    splits = find_splits(table, config.columns.split, without=taken | classes)
    if not set(table.header) - taken - {*splits.names}:
        return _Read(name=name, cells=cells, labels=None)
    labels = find_labels(table, config.columns, without={*taken, *splits.names})
    if not all(labels.cells):
        empty = labels.cells.index("") + 1 + head.has_names
        raise DataError(f"{name}: row {empty} has no class in the column {', '.join(labels.names)}")
    refuse_alike(table, labels.cells)
    known = {*taken, *splits.names, *labels.names}
    said = f"{name} gives the classes: {', '.join([*labels.names, *splits.names])}"
    if not head.has_names:
        said += "; it has no names of columns"
    notes = [said, *filter(None, (splits.note, labels.doubt if head.has_names else None))]
    notes += [*texts_for_no_value(table, labels.cells), *unread_splits(table, known)]
    notes += _unread(table, known) if config.group is None else ()
    return _Read(
        name=name, cells=cells, labels=labels.cells, parts=splits.parts, groups=groups, notes=tuple(notes)
    )


def _numbers_rows(table: Table, column: str) -> bool:
    """Whether a column has another cell in each row."""
    return len({*table.column(column)}) == len(table.rows) > 1


def _unread(table: Table, known: set[str]) -> Iterator[str]:
    """A note on the columns that are not read, and on each that may name patients or the like."""
    yield from possible_groups(table, known)
    unread = [column for column in table.header if column not in known and any(table.column(column))]
    if others := [column for column in unread if not names_carriers(column)]:
        yield f"columns of {table.name} that are not read: {first_names(others)}"


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}" + (" coloured" if len(shape) == 3 else "")
