"""The cells of a table of pixels: which columns are pixels, and the images that its rows are."""

import codecs
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import open_regular
from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.picture import Bytes
from gan_study.trainables.data.reading.table import DELIMITERS

Floats: TypeAlias = npt.NDArray[np.float32]

ENDINGS = frozenset({".csv", ".tsv"})
_LEAST_SIDE = 8
# So many columns of numbered names are pixels whatever they are called; fewer, if their names say so.
_MANY_COLUMNS = 256
_OF_PIXELS = re.compile(r"pix|px|\d+[x_]\d+$", re.IGNORECASE)
_ROW_AND_COLUMN = re.compile(r"\D*(\d+)\s*[x_]\s*(\d+)", re.IGNORECASE)
_NUMBER_AT_END = re.compile(r"(\d+)$")
# A first row is looked for in the first block, and in the second size if it is longer.
_BLOCK_BYTES, _MOST_BYTES = 2**18, 2**23
_ROWS_AT_ONCE = 5_000
# Images by which the order of colours is found.
_LOOKED_AT = 200
# A class is one of so many.
_MOST_CLASSES = 100
# In a wrong order neighbours differ by several times as much.
_FAR_ROUGHER = 2


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first row of a table of pixels."""

    delimiter: str
    encoding: str
    header: tuple[str, ...]
    """Names of the columns; "column 1" and so on where the first row is an image already."""
    has_names: bool
    pixels: tuple[int, ...]
    """The columns of pixels, row by row of the image; one alone holds all pixels of its row, between blanks."""
    shape: tuple[int, ...] | None
    """[H, W] or [H, W, 3]; None if their number is that of no image, or known only from the cells."""

    @property
    def others(self) -> tuple[int, ...]:
        """The columns that hold something else."""
        pixels = frozenset(self.pixels)
        return tuple(column for column in range(len(self.header)) if column not in pixels)


def head_of(path: Path) -> Head | None:
    """The first row of a table whose columns are pixels; None if a file is none."""
    if path.suffix.lower() not in ENDINGS or not path.is_file():
        return None
    try:
        with open_regular(path) as file:
            block = file.read(_BLOCK_BYTES)
            if b"\n" not in block and b"\r" not in block:
                block += file.read(_MOST_BYTES)
    except OSError:
        return None
    wide = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8-sig"
    line = next(iter(block.decode(encoding, errors="replace").splitlines()), "")
    for delimiter in DELIMITERS:
        cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
        if (head := _as_head(cells, delimiter, encoding)) is not None:
            return head
    return None


def _as_head(cells: Sequence[str], delimiter: str, encoding: str) -> Head | None:
    def head(pixels: Sequence[int], shape: tuple[int, ...] | None, *, has_names: bool = True) -> Head:
        names = cells if has_names else [f"column {number}" for number in range(1, len(cells) + 1)]
        return Head(
            delimiter=delimiter,
            encoding=encoding,
            header=tuple(names),
            has_names=has_names,
            pixels=tuple(pixels),
            shape=shape,
        )

    together = [place for place, cell in enumerate(cells) if cell.lower() in ("pixels", "pixel")]
    if len(together) == 1 and len(cells) > 1:
        return head(together, None)
    numbers = [place for place, cell in enumerate(cells) if _is_number(cell)]
    if len(numbers) >= _LEAST_SIDE**2 and len(cells) - len(numbers) <= 1 and not _counts(cells, numbers):
        # The first row is an image, with its class before or after it, if with any.
        if len(numbers) == len(cells) and _square(len(cells) - 1) is not None:
            numbers = numbers[1:]
        return head(numbers, _square(len(numbers)), has_names=False) if _square(len(numbers)) else None
    numbered = [place for place, cell in enumerate(cells) if cell[-1:].isdigit()]
    is_said = len(numbered) >= _MANY_COLUMNS or all(_OF_PIXELS.match(cells[place]) for place in numbered)
    if len(numbered) < _LEAST_SIDE**2 or not is_said:
        return None
    order, shape = _in_order([cells[place] for place in numbered])
    return head([numbered[place] for place in order], shape)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _counts(cells: Sequence[str], numbers: Sequence[int]) -> bool:
    """Whether the numbers of a first row count its columns, so that they are names."""
    values = [float(cells[place]) for place in numbers]
    return values in ([*range(len(values))], [*range(1, len(values) + 1)])


def _in_order(names: Sequence[str]) -> tuple[list[int], tuple[int, ...] | None]:
    """The places of pixels of these names, "pixel12" or "3x28", row by row, and the shape of their image."""
    placed = [match for match in map(_ROW_AND_COLUMN.fullmatch, names) if match is not None]
    if len(placed) == len(names):
        keys: list[Any] = [(int(match[1]), int(match[2])) for match in placed]
        sides = tuple(len({key[axis] for key in keys}) for axis in (0, 1))
        shape = sides if math.prod(sides) == len(names) else None
    else:
        found = [_NUMBER_AT_END.search(name) for name in names]
        keys = [int(match[1]) for match in found if match is not None]
        shape = _square(len(names))
    if len({*keys}) < len(names):
        return list(range(len(names))), shape
    return sorted(range(len(names)), key=keys.__getitem__), shape


def _square(number: int) -> tuple[int, ...] | None:
    """[H, W] or [H, W, 3] of a square image of so many values; None if there is none."""
    for colours in (1, 3):
        side = math.isqrt(number // colours)
        if side >= _LEAST_SIDE and colours * side**2 == number:
            return (side, side) if colours == 1 else (side, side, 3)
    return None


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a table: `pixels` float32 [N, P], and `others`, a text for each column that holds no pixels."""

    head: Head
    """With the class in the column that looks like one, where no names stand in the first row."""
    pixels: Floats
    others: tuple[tuple[str, ...], ...]


def read_cells(path: Path, name: str, head: Head) -> Cells:
    """All rows of the table `name`; raises DataError if cells are no numbers or rows differ in length."""
    # Two characters a pixel at least, which is four bytes here, and one more as an image.
    refuse_beyond_memory(3 * path.stat().st_size, f"{name}: images")
    # Takes half a second to load, which nobody else need wait for.
    import pandas as pd

    pixels: list[Floats] = []
    others: list[tuple[str, ...]] = []
    are_numbers = len(head.pixels) > 1
    types: dict[Any, Any] = dict.fromkeys(head.others, str)
    types |= dict.fromkeys(head.pixels, np.float32 if are_numbers else str)
    missing: dict[Any, Any] = {place: [""] for place in head.pixels}
    try:
        with open_regular(path) as file:
            chunks = pd.read_csv(
                file,
                sep=head.delimiter,
                header=None,
                skiprows=1 if head.has_names else 0,
                dtype=types,
                keep_default_na=False,
                na_values=missing,
                chunksize=_ROWS_AT_ONCE,
                encoding=head.encoding,
                encoding_errors="replace",
            )
            for chunk in chunks:
                if chunk.shape[1] != len(head.header):
                    raise DataError(
                        f"{name}: rows have {chunk.shape[1]} cells; the first row has {len(head.header)}"
                    )
                others += chunk[[*head.others]].itertuples(index=False, name=None)
                found = chunk[[*head.pixels]]
                pixels.append(
                    found.to_numpy(dtype=np.float32) if are_numbers else _divided(found[head.pixels[0]], name)
                )
    # pandas' parsers raise errors of several kinds, UnicodeDecodeError among them.
    except (ValueError, OverflowError, OSError) as error:
        raise DataError(f"{name}: {_why_unreadable(error)}") from error
    if not pixels:
        raise DataError(f"{name}: no rows")
    cells = Cells(head=head, pixels=np.concatenate(pixels), others=tuple(others or [()] * sum(map(len, pixels))))
    return cells if head.has_names or len(head.others) != 1 else _with_class(cells, name)


def _why_unreadable(error: Exception) -> str:
    text = " ".join(str(error).split())
    if (found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)) is not None:
        return f"row {found[2]} has {found[3]} cells; the first has {found[1]}"
    if "convert" in text:
        return "a pixel cell is not a number"
    return f"not a table of pixels, or damaged ({text[:100]})"


def _divided(cells: Any, name: str) -> Floats:
    """Cells that hold all pixels of their row, as numbers [N, P]."""
    import pandas as pd

    rows = [cell.split() if isinstance(cell, str) else [] for cell in cells]
    counts = {len(row) for row in rows}
    if len(counts) > 1 or not min(counts):
        raise DataError(f"{name}: rows have from {min(counts)} to {max(counts)} pixels")
    text = io.StringIO("\n".join(map(" ".join, rows)))
    found: Floats = pd.read_csv(text, sep=" ", header=None, dtype=np.float32).to_numpy()
    return found


def _with_class(cells: Cells, name: str) -> Cells:
    """Cells without names, with the class in the last column if it is there; raises DataError in doubt."""
    head, last = cells.head, len(cells.head.header) - 1
    if head.others != (0,):
        return cells
    first, ends = [row[0] for row in cells.others], cells.pixels[:, -1]
    if not all(map(_is_number, first)):
        return cells
    may_be = [_may_be_classes(first), _may_be_classes(ends.tolist())]
    if all(may_be):
        raise DataError(
            f"{name}: without names of columns, the first or the last may be the class; write the names into a "
            "first row (label, pixel0, ...)"
        )
    if may_be != [False, True]:
        return cells
    pixels = np.concatenate([np.array(first, dtype=np.float32)[:, None], cells.pixels[:, :-1]], axis=1)
    others = tuple((f"{value:g}",) for value in ends.tolist())
    return Cells(head=replace(head, pixels=tuple(range(last))), pixels=pixels, others=others)


def _may_be_classes(cells: Sequence[Any]) -> bool:
    return 2 <= len(set(cells)) <= min(_MOST_CLASSES, len(cells) // 2)


def as_bytes(tables: Sequence[tuple[str, Floats]]) -> list[Bytes]:
    """The pixels of all tables of a set as bytes, by one scale.

    Whole numbers from 0 to 255 as they are, and numbers from 0 to 1 as shares of white if no table has others.
    Raises DataError for all others, with the name of the table.
    """
    for name, pixels in tables:
        if not (whole := np.isfinite(pixels).all(axis=1)).all():
            raise DataError(
                f"{name}: image {int(np.flatnonzero(~whole)[0]) + 1} has a pixel that is empty or not a number"
            )
    lowest = min(float(pixels.min()) for _, pixels in tables)
    highest = max(float(pixels.max()) for _, pixels in tables)
    scale = 255 if lowest >= 0 and highest <= 1 else 1
    for name, pixels in tables:
        low, high = float(pixels.min()), float(pixels.max())
        if low < 0 or scale * high > 255 or (scale == 1 and not (pixels == np.rint(pixels)).all()):
            raise DataError(
                f"{name}: pixels run from {low:g} to {high:g}; whole numbers from 0 to 255 are read, and "
                "fractions from 0 to 1"
            )
    return [np.rint(scale * pixels).astype(np.uint8) for _, pixels in tables]


def shaped(pixels: Bytes, shape: tuple[int, ...] | None, name: str) -> tuple[Bytes, str]:
    """[N, P] as [N, H, W] or [N, H, W, 3], and in words how colours are found to stand."""
    number = pixels.shape[1]
    shape = shape or _square(number)
    if shape is None:
        raise DataError(f"{name}: rows of {number:,} pixels are not square images, neither grey nor in colour")
    grey = pixels.reshape(-1, *shape)
    if len(shape) == 2:
        half = shape[0] // 2
        if shape == (2 * half, 2 * half) and _is_rougher(grey, *_both_orders(pixels, (half, half), 4)):
            raise DataError(
                f"{name}: rows of {number:,} pixels seem to be images with transparency, of four values a pixel; "
                "write three, or one"
            )
        return grey, ""
    by_pixel, by_colour = _both_orders(pixels, shape[:2], 3)
    if (by_colour == by_colour[..., :1]).all():
        return by_colour, ", colour after colour, which are equal"
    # In the wrong order neighbours have nothing to do with one another.
    if _roughness(by_colour) < _roughness(by_pixel):
        return by_colour, ", colour after colour, as neighbours differ least so"
    return by_pixel, ", red, green and blue of a pixel together, as neighbours differ least so"


def _both_orders(pixels: Bytes, sides: Sequence[int], colours: int) -> tuple[Bytes, Bytes]:
    """Images [N, H, W, colours] whose values stand pixel by pixel, and colour after colour."""
    by_colour = pixels.reshape(-1, colours, *sides).transpose(0, 2, 3, 1)
    return pixels.reshape(-1, *sides, colours), np.ascontiguousarray(by_colour)


def _is_rougher(images: Bytes, *others: Bytes) -> bool:
    return any(_roughness(images) > _FAR_ROUGHER * _roughness(each) for each in others)


def _roughness(images: Bytes) -> float:
    """The mean difference between neighbours in a column and in a row, of the first images [N, H, W, ...]."""
    few = images[:_LOOKED_AT].astype(np.int16)
    return float(sum(np.abs(np.diff(few, axis=axis)).mean() for axis in (1, 2)))
