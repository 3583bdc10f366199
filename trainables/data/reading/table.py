"""A table of text as people and their tools write it: a CSV file of whatever delimiter and encoding."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError

ENDINGS = frozenset({".csv", ".tsv", ".txt"})
_DELIMITERS = (",", ";", "\t", "|")
# What stands for an empty cell where a program wrote the table, in lower case.
EMPTY = frozenset({"", "nan", "na", "n/a", "none", "null"})
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Table:
    """The cells of a table, as text: `header` [columns] and `rows`, each [columns]."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column, without blanks around them."""
        index = self.header.index(name)
        return tuple(row[index].strip() for row in self.rows)


def read_table(path: Path) -> Table:
    """The table in a file, with whatever delimiter it has; raises DataError where it is none."""
    name = shown(path.name)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        text = read_bytes(path).decode("latin-1")
    if "\0" in text:
        raise DataError(f"{name}: no table of text; it holds NUL characters")
    lines = text.splitlines()
    counts = {mark: Counter(len(row) for row in _split(lines[:50], mark)) for mark in _DELIMITERS}
    delimiter, found = max(counts.items(), key=lambda item: (_columns(item[1]) > 1, item[1].most_common(1)))
    if path.suffix.lower() == ".txt" and (found_pairs := _pairs(lines)) and _columns(found) < 2:
        return Table(name=name, header=found_pairs[0], rows=found_pairs[1:])
    if not lines or _columns(found) < 2:
        raise DataError(f"{name}: a table of labels has two columns or more, between , ; | or tabs")
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise DataError(f"{name}: row {number} has {len(row)} cells; the first has {len(rows[0])}")
    # A spreadsheet leaves columns behind in which nothing stands.
    used = [column for column in range(len(rows[0])) if any(row[column].strip() for row in rows)]
    rows = [tuple(row[column] for column in used) for row in rows]
    header = tuple(cell.strip() for cell in rows[0])
    if len(set(header)) < len(header):
        twice = next(each for each in header if header.count(each) > 1)
        raise DataError(f"{name}: two columns are named {twice!r}")
    return Table(name=name, header=header, rows=tuple(rows[1:]))


def _pairs(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The lines as a path, which may have blanks, and a last word; nothing where one line is none."""
    pairs = tuple(tuple(line.rsplit(None, 1)) for line in lines if line.strip())
    return pairs if all(len(each) == 2 for each in pairs) else ()


def few_cells(cells: Sequence[str]) -> str:
    """The first few."""
    return ", ".join(map(shown, cells[:_FEW])) + (", ..." if len(cells) > _FEW else "")


def _split(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    return iter(csv.reader(lines, delimiter=delimiter))


def _columns(counts: "Counter[int]") -> int:
    return counts.most_common(1)[0][0] if counts else 0
