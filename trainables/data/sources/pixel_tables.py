"""Images whose pixels are cells of a table, as Kaggle has MNIST, FER 2013 and HAM10000: a row for each image.

Read if `imagefolder` is given such a table, or a folder of them with no images but a few.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand, open_regular, same_bytes
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.class_texts import group_name, refuse_alike, texts_for_no_value
from gan_study.trainables.data.reading.columns import class_columns, find_labels, names_carriers, refuse_no_groups
from gan_study.trainables.data.reading.entries import NO_PICTURE, find_entries, matches
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.part_columns import find_splits, unread_splits
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.reading.table import DELIMITERS, Table
from gan_study.trainables.data.reading.tables_by_part import part_of_table
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.array_set import Arrays, Held, refuse_settings

_ENDINGS = frozenset({".csv", ".tsv"})
# A folder of tables may have a few images that show what it is about.
_MOST_PICTURES = 10
_LEAST_SIDE = 8
# So many columns of numbered names are pixels whatever they are called; fewer, if their names say so.
_MANY_COLUMNS = 256
_OF_PIXELS = re.compile(r"pix|px|\d+[x_]\d+$", re.IGNORECASE)
_ROW_AND_COLUMN = re.compile(r"\D*(\d+)\s*[x_]\s*(\d+)", re.IGNORECASE)
_LINE_BYTES = 2**20
_ROWS_AT_ONCE = 5_000
# Images by which the order of colours is found.
_LOOKED_AT = 200
# A class is one of so many.
_MOST_CLASSES = 100
_ORDER: tuple[Part, ...] = ("train", "validation", "test")
_OF_PICTURES = ("train", "test", "class_level", "labels")


@dataclass(frozen=True, kw_only=True)
class _Head:
    """The first row of a table of pixels."""

    delimiter: str
    header: tuple[str, ...]
    """Names of the columns; numbers from 1 on where the first row is an image already."""
    has_names: bool
    pixels: tuple[int, ...]
    """The columns of pixels; one alone holds all pixels of its row, between blanks."""

    @property
    def others(self) -> tuple[int, ...]:
        """The columns that hold something else."""
        pixels = frozenset(self.pixels)
        return tuple(column for column in range(len(self.header)) if column not in pixels)


def find_pixel_tables(config: DataConfig) -> tuple[Path, ...]:
    """The tables of pixels that `config.root` is or holds at its first two levels; none where there are images."""
    if config.root is None or config.labels is not None:
        return ()
    place = expand(config.root)
    if place.is_file():
        return (place,) if _head_of(place) is not None else ()
    found = tuple(
        path
        for path in sorted([*place.glob("*"), *place.glob("*/*")], key=lambda path: one_form(str(path)))
        if not any(matches(PurePosixPath(path.relative_to(place)), pattern) for pattern in config.exclude)
        and not path.name.startswith(".")
        and _head_of(path) is not None
    )
    pictures = find_entries(place, exclude=config.exclude, skip_unreadable=True).pictures if found else ()
    return found if len(pictures) <= _MOST_PICTURES else ()


def read_pixel_tables(config: DataConfig) -> Held:
    """What the tables of pixels in `config.root` hold, by parts as their names or a column say.

    Raises DataError where they are damaged, where a row is no square or coloured image of whole numbers from 0 to
    255 (or of fractions from 0 to 1), and where several tables may be meant; ConfigError for settings that apply
    to images in files.
    """
    refuse_settings(config, _OF_PICTURES, "read from tables of pixels; only images in files have that")
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
    if len(different) > 1 and (None in part_of.values() or len({*part_of.values()}) < len(different)):
        several = first_names([_name(path, folder) for path in different])
        raise DataError(
            f"several tables hold pixels ({several}); name one by --data, or leave the others out by data.exclude"
        )
    parts: dict[Part, Arrays] = {}
    names: list[str] = []
    num_left = 0
    for path in sorted(different, key=lambda path: _ORDER.index(part_of[path] or "train")):
        name = _name(path, folder)
        read = _read(path, name, config)
        notes += read.notes
        if read.labels is None and part_of[path] != "test":
            raise DataError(f"{name}: no column is left for the class")
        if read.labels is None:
            num_left += len(read.pixels)
            notes.append(f"passed over, images without a class: {len(read.pixels):,} ({name})")
            continue
        names.append(name)
        only = part_of[path] if len(different) > 1 else None
        parts |= {only: read.whole()} if only is not None else read.by_part()
    if "train" not in parts:
        raise DataError("no table has images to train on")
    if root.is_dir():
        entries = find_entries(root, exclude=config.exclude, skip_unreadable=True)
        tables = {PurePosixPath(path.relative_to(root)) for path in paths}
        left = {**entries.passed_over, "images in files beside tables of pixels": entries.pictures}
        for reason, places in left.items():
            if beside := [place for place in places if reason != NO_PICTURE or place not in tables]:
                num_left += len(beside)
                few = first_names([shown(str(place)) for place in beside])
                notes.append(f"passed over, {reason}: {len(beside):,} ({few})")
    shapes = {each.images.shape[1:] for each in parts.values()}
    if len(shapes) > 1:
        raise DataError(f"the parts have images of different shapes, {' and '.join(map(_size, sorted(shapes)))}")
    return Held(
        path=root,
        names=tuple(names),
        kind="pixels in tables",
        parts=parts,
        notes=tuple(notes),
        num_left=num_left,
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


def _head_of(path: Path) -> _Head | None:
    """The first row of a table whose columns are pixels; None if a file is none."""
    if path.suffix.lower() not in _ENDINGS or not path.is_file():
        return None
    try:
        with open_regular(path) as file:
            block = file.read(_LINE_BYTES)
    except OSError:
        return None
    line = block.decode("utf-8-sig", errors="replace").split("\n", 1)[0].rstrip("\r")
    for delimiter in DELIMITERS:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if (head := _as_head(cells, delimiter)) is not None:
            return head
    return None


def _as_head(cells: Sequence[str], delimiter: str) -> _Head | None:
    together = [place for place, cell in enumerate(cells) if cell.lower() in ("pixels", "pixel")]
    if len(together) == 1 and len(cells) > 1:
        return _Head(delimiter=delimiter, header=tuple(cells), has_names=True, pixels=tuple(together))
    if len(cells) > _LEAST_SIDE**2 and all(map(_is_number, cells)):
        # An image, with its class before or after it.
        if _sides(len(cells) - 1) is None:
            return None
        header = tuple(f"column {number}" for number in range(1, len(cells) + 1))
        return _Head(delimiter=delimiter, header=header, has_names=False, pixels=tuple(range(1, len(cells))))
    numbered = [place for place, cell in enumerate(cells) if cell[-1:].isdigit()]
    is_said = len(numbered) >= _MANY_COLUMNS or all(_OF_PIXELS.match(cells[place]) for place in numbered)
    if len(numbered) < _LEAST_SIDE**2 or not is_said or _shape_of([cells[place] for place in numbered]) is None:
        return None
    return _Head(delimiter=delimiter, header=tuple(cells), has_names=True, pixels=tuple(numbered))


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _shape_of(names: Sequence[str]) -> tuple[int, ...] | None:
    """[H, W] or [H, W, 3] of pixels of these names, "pixel12" or "3x28"; None if they are no image."""
    placed = [_ROW_AND_COLUMN.fullmatch(name) for name in names]
    if all(placed):
        rows, columns = ({int(each[axis]) for each in placed if each is not None} for axis in (1, 2))
        return (len(rows), len(columns)) if len(rows) * len(columns) == len(names) else None
    return _sides(len(names))


def _sides(number: int) -> tuple[int, ...] | None:
    """[H, W] or [H, W, 3] of a square image of so many values; None if there is none."""
    for colours in (1, 3):
        side = math.isqrt(number // colours)
        if side >= _LEAST_SIDE and colours * side**2 == number:
            return (side, side) if colours == 1 else (side, side, 3)
    return None


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A table: its `pixels` uint8 [N, H, W] or [N, H, W, 3], and what its other columns say."""

    pixels: Bytes
    labels: tuple[str, ...] | None
    """The class of each; None if no column says one."""
    parts: tuple[Part, ...] = ()
    groups: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def whole(self) -> Arrays:
        """All as one part."""
        assert self.labels is not None, "see _held"
        return Arrays(images=self.pixels, labels=_as_labels(self.labels), groups=self.groups)

    def by_part(self) -> Mapping[Part, Arrays]:
        """The parts as a column says them."""
        whole, parts = self.whole(), np.array(self.parts)
        return {part: _rows(whole, np.flatnonzero(parts == part)) for part in dict.fromkeys(self.parts)}


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
    head = _head_of(path)
    assert head is not None, "see find_pixel_tables"
    cells = _Cells(path, name, head)
    head = cells.head
    pixels, notes = _to_bytes(cells.pixels, name), list(cells.notes)
    shape = _shape_of([head.header[place] for place in head.pixels]) if len(head.pixels) > 1 else None
    images, order = _shaped(pixels, shape or _sides(pixels.shape[1]), name)
    size = _size(images.shape[1:])
    notes.append(f"{name} holds {len(images):,} images of {size} pixels, a row each{order}")
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
        return _Read(pixels=images, labels=None, notes=tuple(notes))
    labels = find_labels(table, config.columns, without={*taken, *splits.names})
    if not all(labels.cells):
        empty = labels.cells.index("") + 1 + head.has_names
        raise DataError(f"{name}: row {empty} has no class in the column {', '.join(labels.names)}")
    refuse_alike(table, labels.cells)
    known = {*taken, *splits.names, *labels.names}
    notes.append(f"{name} says the classes: {', '.join([*labels.names, *splits.names])}")
    notes += filter(None, (splits.note, labels.doubt if head.has_names else None))
    notes += [*texts_for_no_value(table, labels.cells), *unread_splits(table, known)]
    notes += _possible_groups(table, known) if config.group is None else ()
    return _Read(pixels=images, labels=labels.cells, parts=splits.parts, groups=groups, notes=tuple(notes))


def _numbers_rows(table: Table, column: str) -> bool:
    """Whether a column has another cell in each row."""
    return len({*table.column(column)}) == len(table.rows) > 1


def _possible_groups(table: Table, known: set[str]) -> Iterator[str]:
    for column in (each for each in table.header if each not in known and names_carriers(each)):
        yield (
            f"the column {column} of {table.name} is not read; data.group={column} keeps what it names on one "
            "side of every split"
        )


class _Cells:
    """The cells of a table: `pixels` float32 [N, P], and `others`, a text for each other column."""

    def __init__(self, path: Path, name: str, head: _Head) -> None:
        # Two characters a pixel at least, which is four bytes here, and one more as an image.
        refuse_beyond_memory(3 * path.stat().st_size, f"{name}: images")
        self._path, self._name, self._given = path, name, head

    @cached_property
    def _chunks(self) -> tuple[list[npt.NDArray[np.float32]], list[tuple[str, ...]]]:
        # Takes half a second to load, which nobody else need wait for.
        import pandas as pd

        pixels: list[npt.NDArray[np.float32]] = []
        others: list[tuple[str, ...]] = []
        head = self._given
        are_numbers = len(head.pixels) > 1
        types: dict[Any, Any] = dict.fromkeys(head.others, str)
        types |= dict.fromkeys(head.pixels, np.float32 if are_numbers else str)
        missing: dict[Any, Any] = {place: [""] for place in head.pixels}
        try:
            with open_regular(self._path) as file:
                reader = pd.read_csv(
                    file,
                    sep=head.delimiter,
                    header=None,
                    skiprows=1 if head.has_names else 0,
                    dtype=types,
                    keep_default_na=False,
                    na_values=missing,
                    chunksize=_ROWS_AT_ONCE,
                    encoding="utf-8-sig",
                )
                for chunk in reader:
                    if chunk.shape[1] != len(head.header):
                        raise DataError(
                            f"{self._name}: rows have {chunk.shape[1]} cells; the first row has {len(head.header)}"
                        )
                    others += chunk[[*head.others]].itertuples(index=False, name=None)
                    if are_numbers:
                        pixels.append(chunk[[*head.pixels]].to_numpy(dtype=np.float32))
                    else:
                        pixels.append(self._divided(chunk[head.pixels[0]].tolist()))
        # pandas' parsers raise errors of several kinds, UnicodeDecodeError among them.
        except (ValueError, OverflowError, OSError) as error:
            why = " ".join(str(error).split())
            raise DataError(f"{self._name}: no table of pixels, or a damaged one ({why})") from error
        if not pixels:
            raise DataError(f"{self._name}: no rows")
        return pixels, others

    def _divided(self, cells: Sequence[str]) -> npt.NDArray[np.float32]:
        import pandas as pd

        counts = {len(cell.split()) for cell in cells}
        if len(counts) > 1:
            raise DataError(f"{self._name}: rows have from {min(counts)} to {max(counts)} pixels")
        text = io.StringIO("\n".join(" ".join(cell.split()) for cell in cells))
        return pd.read_csv(text, sep=" ", header=None, dtype=np.float32).to_numpy()

    @cached_property
    def head(self) -> _Head:
        """The first row; where no names stand in it, the class is in the column that looks like one."""
        head = self._given
        if head.has_names:
            return head
        last = len(head.header) - 1
        both = [_may_be_classes([row[0] for row in self._chunks[1]]), _may_be_classes(self._last_column.tolist())]
        return replace(head, pixels=tuple(range(last))) if both == [False, True] else head

    @property
    def _last_column(self) -> npt.NDArray[np.float32]:
        return np.concatenate([chunk[:, -1] for chunk in self._chunks[0]])

    @property
    def _is_last(self) -> bool:
        """Whether the class is found to stand in the last column and not in the first."""
        return self.head.pixels != self._given.pixels

    @cached_property
    def pixels(self) -> npt.NDArray[np.float32]:
        """[N, P], whatever their range."""
        pixels = np.concatenate(self._chunks[0])
        if self._is_last:
            first = np.array([float(row[0]) for row in self._chunks[1]], dtype=np.float32)
            pixels = np.concatenate([first[:, None], pixels[:, :-1]], axis=1)
        return pixels

    @property
    def others(self) -> tuple[tuple[str, ...], ...]:
        """The cells of other columns, row by row."""
        if self._is_last:
            return tuple((f"{value:g}",) for value in self._last_column)
        return tuple(self._chunks[1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is said where the first row is read as an image."""
        if self._given.has_names:
            return ()
        which = self.head.header[self.head.others[0]]
        return (f"{self._name} has no names of columns; {which} is read as the class",)


def _may_be_classes(cells: Sequence[Any]) -> bool:
    return 2 <= len(set(cells)) <= min(_MOST_CLASSES, len(cells) // 2)


def _to_bytes(pixels: npt.NDArray[np.float32], name: str) -> Bytes:
    """[N, P] as bytes: whole numbers from 0 to 255 as they are, numbers from 0 to 1 alone as shares of white."""
    if not np.isfinite(pixels).all():
        row = int(np.flatnonzero(~np.isfinite(pixels).all(axis=1))[0])
        raise DataError(f"{name}: image {row + 1} has a pixel that is empty or no number")
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1:
        return np.rint(255 * pixels).astype(np.uint8)
    if low < 0 or high > 255 or not (pixels == np.rint(pixels)).all():
        raise DataError(
            f"{name}: pixels run from {low:g} to {high:g}; whole numbers from 0 to 255 are read, and fractions "
            "from 0 to 1"
        )
    return pixels.astype(np.uint8)


def _shaped(pixels: Bytes, shape: tuple[int, ...] | None, name: str) -> tuple[Bytes, str]:
    """[N, P] as [N, H, W] or [N, H, W, 3], and in words how colours are found to stand."""
    if shape is None:
        raise DataError(f"{name}: rows of {pixels.shape[1]:,} pixels are no square images, in grey or in colour")
    if len(shape) == 2:
        return pixels.reshape(-1, *shape), ""
    by_pixel = pixels.reshape(-1, *shape)
    by_colour = pixels.reshape(-1, 3, *shape[:2]).transpose(0, 2, 3, 1)
    # In the wrong order neighbours have nothing to do with one another.
    if _roughness(by_colour) < _roughness(by_pixel):
        return np.ascontiguousarray(by_colour), ", colour after colour, as neighbours differ least so"
    return by_pixel, ", red, green and blue of a pixel together, as neighbours differ least so"


def _roughness(images: Bytes) -> float:
    """The mean difference between neighbours in a column and in a row, of the first images [N, H, W, 3]."""
    few = images[:_LOOKED_AT].astype(np.int16)
    return float(sum(np.abs(np.diff(few, axis=axis)).mean() for axis in (1, 2)))


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}" + (" coloured" if len(shape) == 3 else "")
