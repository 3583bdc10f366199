"""A table of text as people and their tools write it: a CSV file of whatever delimiter and encoding."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError

LINES_OF_JSON = ".jsonl"
# Of files that often have labels, and are no text of rows and columns or are packed.
NO_TABLES = frozenset({".gz", ".h5", ".json", ".mat", ".ods", ".parquet", ".pkl", ".xls", ".xlsx", ".xml", ".zip"})
ENDINGS = frozenset({".csv", ".tsv", ".txt", LINES_OF_JSON})
DELIMITERS = (",", ";", "\t", "|")
# The first line by which Excel is told what divides the cells.
_SEPARATOR = re.compile(r"sep=([,;|]|\t?)", re.IGNORECASE)
# What stands for an empty cell where a program wrote the table, in lower case; among classes it is a name.
EMPTY = frozenset({"", "nan", "na", "n/a", "none", "null"})
# So many columns of numbered names, or of numbers where there is no header, are no names and classes of pictures.
_MANY_COLUMNS = 256


@dataclass(frozen=True, kw_only=True)
class Table:
    """The cells of a table, as text: `header` [columns] and `rows`, each [columns]."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","

    @property
    def may_hold_pixels(self) -> bool:
        """Whether pixels may stand in it, in one column or in a numbered column each; its rows are not read."""
        return _may_hold_pixels(self.header)

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column, without blanks around them."""
        index = self.header.index(name)
        return tuple(row[index].strip() for row in self.rows)


def read_table(path: Path, *, name: str | None = None) -> Table:
    """The table in a file, with whatever delimiter it has, called `name` or as its file is.

    Raises DataError if it is none.
    """
    name = shown(name or path.name)
    if path.suffix.lower() in NO_TABLES:
        raise DataError(f"{name}: files of this kind are not read; a table of text is (.csv, .tsv, .txt, .jsonl)")
    text = text_of(path)
    if "\0" in text:
        raise DataError(f"{name}: not a text table: it contains NUL characters")
    try:
        return _parsed(text, name, path.suffix.lower())
    except csv.Error as error:
        # Such as a cell of more than 131,072 letters.
        raise DataError(f"{name}: not a table of labels; {error}") from None


def _parsed(text: str, name: str, ending: str) -> Table:
    lines = text.splitlines()
    if lines and _SEPARATOR.fullmatch(lines[0].strip(" ")):
        # What stands for a line in a cell is kept.
        text = "".join(text.splitlines(keepends=True)[1:])
        lines = lines[1:]
    if ending == LINES_OF_JSON:
        return _of_json(name, lines)
    counts = {mark: Counter(len(row) for row in _split(lines[:50], mark)) for mark in DELIMITERS}
    delimiter, found = max(counts.items(), key=lambda item: (_columns(item[1]) > 1, item[1].most_common(1)))
    if _columns(found) < 2 and (between_blanks := _pairs(lines) if ending == ".txt" else _by_blanks(lines)):
        return Table(name=name, header=between_blanks[0], rows=between_blanks[1:])
    if not lines or _columns(found) < 2:
        raise DataError(f"{name}: a table of labels has two columns or more, between , ; | tabs or blanks")
    first = tuple(cell.strip() for cell in next(_split(lines, delimiter)))
    if _may_hold_pixels(first):
        return Table(name=name, header=first, rows=())
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise DataError(f"{name}: {_why_ragged(rows, number, delimiter)}")
    # A spreadsheet leaves columns behind in which nothing stands.
    used = [column for column in range(len(rows[0])) if any(row[column].strip() for row in rows)]
    rows = [tuple(row[column] for column in used) for row in rows]
    header = tuple(cell.strip() for cell in rows[0])
    if len(set(header)) < len(header):
        twice = next(each for each in header if header.count(each) > 1)
        raise DataError(f"{name}: two columns are named {twice!r}")
    return Table(name=name, header=header, rows=tuple(rows[1:]), delimiter=delimiter)


def _why_ragged(rows: Sequence[tuple[str, ...]], number: int, delimiter: str) -> str:
    """What is wrong where the row of this number, from 1 on, has not as many cells as the first."""
    row = rows[number - 1]
    said = f"row {number} has {len(row)} cells; the first has {len(rows[0])}"
    if rows[0][0].startswith("#"):
        return (
            f"{said} ({shown(rows[0][0])!r}); the first row has the names of the columns, without comments above"
        )
    if len(row) > len(rows[0]):
        return f"{said}; {shown(delimiter.join(row))!r} needs quotes around a cell in which {delimiter!r} stands"
    return said


def _may_hold_pixels(header: Sequence[str]) -> bool:
    numbered = [name for name in header if name[-1:].isdigit()]
    return "pixels" in header or len(numbered) >= _MANY_COLUMNS


def text_of(path: Path) -> str:
    """The text in a file: as its first bytes say, like Excel's "Unicode text"; else UTF-8, or Latin-1."""
    data = read_bytes(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _of_json(name: str, lines: Sequence[str]) -> Table:
    """A line of JSON for each row, as Hugging Face has it; lists, objects and missing keys give an empty cell."""
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            raise DataError(f"{name}: line {number} is no JSON, or nested too deeply") from None
        if row is not None and not isinstance(row, dict):
            raise DataError(f"{name}: line {number} is not an object with a value for each column")
        rows += [] if row is None else [row]
    header = tuple(dict.fromkeys(key for row in rows for key in row))
    plain = tuple(key for key in header if not any(isinstance(row.get(key), list | dict) for row in rows))
    if len(plain) < 2:
        raise DataError(f"{name}: a table of labels has two columns or more")
    cells = tuple(tuple("" if row.get(key) is None else str(row[key]) for key in plain) for row in rows)
    return Table(name=name, header=plain, rows=cells)


def _pairs(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The lines as a path, which may have blanks, and a last word; nothing if one line is none."""
    pairs = tuple(tuple(line.rsplit(None, 1)) for line in lines if line.strip())
    return pairs if all(len(each) == 2 for each in pairs) else ()


def _by_blanks(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The words of the lines, if each has as many, and two at least; else nothing."""
    rows = tuple(tuple(line.split()) for line in lines if line.strip())
    return rows if len({*map(len, rows)}) == 1 and len(rows[0]) > 1 else ()


def _split(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    return iter(csv.reader(lines, delimiter=delimiter))


def _columns(counts: "Counter[int]") -> int:
    return counts.most_common(1)[0][0] if counts else 0
