"""A table that says the class of each picture: a CSV file as people and their tools write them.

Columns are known by their names or by what stands in them; where several may be meant, a DataError asks which.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError, nearest, settings
from gan_study.trainables.data.reading.entries import in_order
from gan_study.trainables.data.reading.folder_names import Part, part_named
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.layout import (
    NOT_READ,
    Arrangement,
    what_validation_is,
    with_one_test,
)

ENDINGS = frozenset({".csv", ".tsv", ".txt"})
_DELIMITERS = (",", ";", "\t", "|")
# As they are written, in lower case and without blanks, dashes and underscores.
_LABEL_NAMES = frozenset({"label", "labels", "class", "classname", "category", "target", "diagnosis", "dx", "y"})
_LABEL_NAMES |= {
    "labelname",
    "classid",
    "labelid",
    "categoryid",
    "species",
    "breed",
    "disease",
    "finding",
    "grade",
}
_IS_TRAIN = re.compile("(is)?train(ing)?(image|set|part)?")
_YES, _NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})
_SPLIT_NAMES = ("split", "set", "subset", "partition", "part")
_PATH_NAMES = ("path", "filepath", "filename", "file", "imagepath", "image", "imageid", "img", "id", "imagename")
# What stands for an empty cell where a program wrote the table.
_EMPTY = frozenset({"", "nan", "na", "n/a", "none", "null"})
# A column names the pictures if so many of its cells do; of the rest it is said that they are missing.
_MOST_OF = 0.5
_FEW = 3

NOT_LISTED, WITHOUT_LABEL = "pictures that the table does not name", "pictures without a class in the table"


@settings
class Columns:
    """The columns of a table of labels by their names; None: found by usual names and by what stands in them."""

    path: str | None = None
    """The file of each picture: its path, its name, or its name without an ending."""
    label: str | None = None
    """Its class."""
    split: str | None = None
    """Its part: train or test, in any usual spelling; validation is not read where there is a test part."""


class NoGroupsError(DataError):
    """A table names the pictures, and has no such column of groups."""


class NoClassesError(DataError):
    """A table has no column for the class."""


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
    if not lines or _columns(found) < 2:
        raise DataError(f"{name}: a table of labels has two columns or more, between , ; | or tabs")
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    header = tuple(cell.strip() for cell in rows[0])
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise DataError(f"{name}: row {number} has {len(row)} cells; the first has {len(header)}")
    if len(set(header)) < len(header):
        twice = next(each for each in header if header.count(each) > 1)
        raise DataError(f"{name}: two columns are named {twice!r}")
    return Table(name=name, header=header, rows=tuple(rows[1:]))


def with_header(table: Table, pictures: Sequence[Place]) -> Table:
    """The table as it is, or, where its first row names one of the `pictures`, with a header of numbers."""
    known = _Known(pictures)
    if not any(_plain(cell) not in _PATH_NAMES and known.has(cell) for cell in table.header):
        return table
    header = tuple(f"column {number}" for number in range(1, len(table.header) + 1))
    return Table(name=table.name, header=header, rows=(table.header, *table.rows))


def arrange_by_table(
    table: Table,
    pictures: Sequence[Place],
    columns: Columns,
    *,
    group: str | None = None,
    skip_missing: bool = False,
) -> Arrangement:
    """The class, the part and, if there is a column `group`, the group of each picture as a table says.

    Raises DataError where a column is not found, where a row names no picture (unless `skip_missing`) or several,
    and where a picture has two classes, parts or groups. An empty cell is no group.
    """
    table = with_header(table, pictures)
    path = _path_column(table, columns, _Known(pictures))
    known = _Known(pictures, cells=table.column(path))
    group_cells = ("",) * len(table.rows) if group is None else _group_cells(table, group)
    labels = _labels(table, columns, without={path} if group is None else {path, group})
    splits, split_column = _splits(table, columns)
    parts: dict[Part, dict[Place, str]] = {}
    said: dict[Place, tuple[str, str, str]] = {}
    groups: dict[Place, str] = {}
    missing: list[str] = []
    unlabelled: list[Place] = []
    for cell, label, split, of in zip(table.column(path), labels.cells, splits, group_cells, strict=True):
        picture = known.find(cell)
        if picture is None:
            missing.append(cell)
            continue
        if label.lower() in _EMPTY:
            unlabelled.append(picture)
            continue
        before = said.setdefault(picture, (label, split, of))
        if before != (label, split, of):
            raise DataError(
                f"{table.name}: {shown(str(picture))} stands there twice, as {' '.join(before).strip()} and as "
                f"{' '.join((label, split, of)).strip()}"
            )
        if of.lower() not in _EMPTY:
            groups[picture] = one_form(of)
        parts.setdefault(_part(table, split), {})[picture] = one_form(label)
    _refuse_missing(table, path, missing, len(table.rows), skip=skip_missing)
    rest = set(pictures) - said.keys() - set(unlabelled)
    notes = [
        f"{table.name} says the classes: {path} and {labels.name}" + (f", {split_column}" if split_column else "")
    ]
    notes += _unread_splits(table, split_column)
    if missing:
        notes.append(f"rows of {table.name} whose picture is missing: {len(missing)} ({_few(missing)})")
    left = {NOT_LISTED: in_order(rest), WITHOUT_LABEL: in_order(unlabelled)}
    return Arrangement(
        parts=parts,
        passed_over={reason: each for reason, each in left.items() if each},
        notes=tuple(notes),
        groups=groups,
    )


def groups_by_table(
    table: Table, pictures: Sequence[Place], columns: Columns, *, group: str
) -> Mapping[Place, str]:
    """The group of each picture that a table has one of, where folders say the classes.

    Raises DataError for a picture of two groups.
    """
    table = with_header(table, pictures)
    paths = table.column(_path_column(table, columns, _Known(pictures)))
    known = _Known(pictures, cells=paths)
    cells = _group_cells(table, group)
    groups: dict[Place, str] = {}
    for cell, of in zip(paths, cells, strict=True):
        picture = known.find(cell)
        if picture is None or of.lower() in _EMPTY:
            continue
        before = groups.setdefault(picture, one_form(of))
        if before != one_form(of):
            raise DataError(f"{table.name}: {shown(str(picture))} stands there twice, as {before} and as {of}")
    return groups


def names_classes(table: Table, columns: Columns) -> bool:
    """Whether a column is called the class, or there is one for each class."""
    return (
        columns.label in table.header or bool(_called_classes(table)) or _one_hot(table, table.header) is not None
    )


def describes_folders(table: Table, columns: Columns, folders: Collection[str]) -> bool:
    """Whether a table has a class for most of the `folders`, patients for instance, and several of one class."""
    names = {one_form(folder) for folder in folders}
    for key in table.header:
        known = names & set(map(one_form, table.column(key)))
        if len(known) > _MOST_OF * len(names):
            labels = [table.column(label) for label in _called_classes(table) if label != key]
            return any(1 < len(set(cells)) < len(names) for cells in labels)
    return False


def _called_classes(table: Table) -> list[str]:
    return [name for name in table.header if _plain(name) in _LABEL_NAMES]


def _group_cells(table: Table, group: str) -> tuple[str, ...]:
    """The cells of the column of groups; raises NoGroupsError where there is none of that name, or it is empty."""
    if group not in table.header:
        raise NoGroupsError(f"data.group: {table.name} has no column {group!r}; {nearest(group, table.header)}")
    cells = table.column(group)
    if all(cell.lower() in _EMPTY for cell in cells):
        raise NoGroupsError(f"data.group: the column {group!r} of {table.name} is empty")
    return cells


@dataclass(frozen=True, kw_only=True)
class _Labels:
    name: str
    cells: tuple[str, ...]


def _labels(table: Table, columns: Columns, *, without: set[str]) -> _Labels:
    """The column of classes: named, called so, the only one left, or one column a class with a single 1 a row."""
    if columns.label is not None:
        return _Labels(name=columns.label, cells=table.column(_named(table, columns.label, "label")))
    called = [name for name in _called_classes(table) if name not in without]
    if len(called) == 1:
        return _Labels(name=called[0], cells=table.column(called[0]))
    rest = [name for name in table.header if name not in without and not _says_parts(name)]
    if len(called) > 1:
        rest = called
    elif (one_hot := _one_hot(table, rest)) is not None:
        return one_hot
    if not rest:
        raise NoClassesError(f"{table.name}: no column is left for the class")
    if len(rest) > 1:
        raise DataError(
            f"{table.name}: the columns {', '.join(rest)} may be the class; name it by data.columns.label"
        )
    return _Labels(name=rest[0], cells=table.column(rest[0]))


def _one_hot(table: Table, names: Sequence[str]) -> _Labels | None:
    """The classes of a table with a column for each, one of which has a 1 in each row; None if it is none."""
    cells = {name: table.column(name) for name in names}
    binary = [name for name, each in cells.items() if set(each) <= {"0", "1", "0.0", "1.0"} and len(set(each)) > 1]
    if len(binary) < 2:
        return None
    found = []
    for row in zip(*(cells[name] for name in binary), strict=True):
        ones = [name for name, cell in zip(binary, row, strict=True) if float(cell) == 1]
        if len(ones) != 1:
            return None
        found.append(ones[0])
    return _Labels(name=", ".join(binary), cells=tuple(found))


def _splits(table: Table, columns: Columns) -> tuple[tuple[str, ...], str | None]:
    """The part that each row names, empty without such a column; and the column's name."""
    if columns.split is not None:
        name = _named(table, columns.split, "split")
        return table.column(name), name
    called = [name for name in table.header if _plain(name) in _SPLIT_NAMES]
    told = [name for name in called if all(part_named(cell) is not None for cell in set(table.column(name)))]
    if len(told) == 1:
        return table.column(told[0]), told[0]
    yes_or_no = {name: table.column(name) for name in table.header if _IS_TRAIN.fullmatch(_plain(name))}
    for name, cells in yes_or_no.items():
        if {cell.lower() for cell in cells} <= _YES | _NO:
            return tuple("train" if cell.lower() in _YES else "test" for cell in cells), name
    return ("",) * len(table.rows), None


def _says_parts(name: str) -> bool:
    return _plain(name) in _SPLIT_NAMES or bool(_IS_TRAIN.fullmatch(_plain(name)))


def _unread_splits(table: Table, read: str | None) -> Iterator[str]:
    """A note on each column that is called as one of parts is, and says none that is known."""
    for name in table.header:
        if name != read and _plain(name) in _SPLIT_NAMES:
            values = list(dict.fromkeys(table.column(name)))
            yield (
                f"the column {name} of {table.name} ({_few(values)}) is not read, as it names no parts that are "
                "known (train, validation, test)"
            )


def _part(table: Table, split: str) -> Part:
    part = part_named(split) if split else "train"
    if part is None:
        raise DataError(f"{table.name}: the part {split!r} is not known; use train, validation or test")
    return part


def arrange_parts(parts: Mapping[Part, Mapping[Place, str]], notes: Sequence[str]) -> Arrangement:
    """The parts of all tables as a study has them; raises DataError where none is to train on."""
    if "train" not in parts:
        raise DataError("no table names a picture to train on")
    read, spare = with_one_test(parts)
    if "validation" in parts:
        notes = (*notes, what_validation_is("the validation part", is_read=spare is None))
    passed = {} if spare is None else {NOT_READ: tuple(spare)}
    return Arrangement(parts=read, passed_over=passed, notes=tuple(notes))


class _Known:
    """The pictures by all that a cell may call them: a path from the table or the folder, a name, a bare name.

    `cells` are those that are looked for. Where most of them name pictures by their folders too, all do: then one
    of the same name in another folder is not what is meant.
    """

    def __init__(self, pictures: Iterable[Place], cells: Sequence[str] = ()) -> None:
        self._by_name: dict[str, list[Place]] = {}
        for picture in pictures:
            for name in {one_form(picture.name), one_form(picture.stem)}:
                self._by_name.setdefault(name, []).append(picture)
        self._with_folders = False
        agreeing = sum(
            any(self._agrees(_parts(cell), each) for each in self._like(_parts(cell))) for cell in cells
        )
        self._with_folders = agreeing > _MOST_OF * len(cells)

    def has(self, cell: str) -> bool:
        """Whether a cell names a picture, or one of several."""
        return bool(self._like(_parts(cell)))

    def find(self, cell: str) -> Place | None:
        """The picture that a cell names; None if there is none. Raises DataError where it may be several."""
        found = self._like(_parts(cell))
        if len(found) > 1:
            raise DataError(
                f"{cell!r} may be {shown(str(found[0]))} or {shown(str(found[1]))}; write its path in the table"
            )
        return found[0] if found else None

    def _like(self, parts: tuple[str, ...]) -> list[Place]:
        """The pictures of this name that share most of their last folders with it, or all if all cells do."""
        found = self._by_name.get(parts[-1], []) if parts else []
        if self._with_folders:
            found = [each for each in found if self._agrees(parts, each)]
        best = max((_common_end(parts, each) for each in found), default=0)
        return [each for each in found if _common_end(parts, each) == best]

    @staticmethod
    def _agrees(parts: Sequence[str], picture: Place) -> bool:
        """Whether the one path ends with the other."""
        return _common_end(parts, picture) == min(len(parts), len(picture.parts))


def _parts(cell: str) -> tuple[str, ...]:
    kind = PureWindowsPath if "\\" in cell else PurePosixPath
    return tuple(one_form(part) for part in kind(cell).parts if part not in (".", "..", "/", "\\"))


def _common_end(parts: Sequence[str], picture: Place) -> int:
    """How many of the last words of two paths are the same, an ending aside."""
    own = [*map(one_form, picture.parts[:-1]), one_form(picture.name)]
    if parts[-1] == one_form(picture.stem):
        own[-1] = one_form(picture.stem)
    pairs = enumerate(zip(reversed(parts), reversed(own), strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(parts), len(own)))


def _path_column(table: Table, columns: Columns, known: _Known) -> str:
    if columns.path is not None:
        return _named(table, columns.path, "path")

    def num_known(name: str) -> int:
        cells = table.column(name)[:200]
        try:
            return sum(known.find(cell) is not None for cell in cells)
        except DataError:
            return len(cells)

    called = sorted(table.header, key=lambda name: _plain(name) not in _PATH_NAMES)
    most = min(200, len(table.rows))
    found = [name for name in called if num_known(name) >= _MOST_OF * most > 0]
    if not found:
        raise DataError(
            f"{table.name}: no column names the pictures ({', '.join(table.header)}); name it by data.columns.path"
        )
    return found[0]


def _named(table: Table, name: str, what: str) -> str:
    if name not in table.header:
        raise DataError(f"data.columns.{what}: {table.name} has no column {name!r}; {nearest(name, table.header)}")
    return name


def _refuse_missing(table: Table, path: str, missing: Sequence[str], number: int, *, skip: bool) -> None:
    if missing and not skip:
        raise DataError(
            f"{table.name}: {len(missing)} of {number} rows name no picture that is there, by {path} "
            f"({_few(missing)}); --skip-unreadable leaves them out"
        )


def _split(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    return iter(csv.reader(lines, delimiter=delimiter))


def _columns(counts: "Counter[int]") -> int:
    return counts.most_common(1)[0][0] if counts else 0


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _few(cells: Sequence[str]) -> str:
    return ", ".join(map(shown, cells[:_FEW])) + (", ..." if len(cells) > _FEW else "")
