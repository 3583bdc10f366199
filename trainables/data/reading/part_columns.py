"""Which column of a table says the part of each picture: to train on, to validate or to test.

By what stands in it ("Training", "test"), whatever it is called, or by its name where it says yes or no
("is_test"). Where columns may be meant and are not read, a line says so; where they say different things, a
DataError asks.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.folder_names import Part, part_in, part_named, words_of
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.table import EMPTY, Table

_YES = frozenset({"1", "1.0", "true", "t", "yes", "y"})
_NO = frozenset({"0", "0.0", "false", "f", "no", "n"})
# Words of a name that speaks of parts, and of one that asks whether a picture is in a part.
_SPLIT_WORDS = frozenset(
    {"split", "splits", "set", "subset", "partition", "part", "fold", "folds", "usage", "phase"}
)
_FLAG_WORDS = frozenset(
    {"is", "in", "for", "to", "on", "be", "was", "used", "use", "flag", "the", "cv", "k", "id"}
)
_FLAG_WORDS |= {"image", "images", "set", "part", "data", "dataset", "official", "random", "train", "val", "test"}
# A cell that names a part has no more words, and a column of parts no more different cells.
_MOST_WORDS, _MOST_CELLS = 3, 6


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The part of each row, and the columns that say it; none if no column does, and all is to train on."""

    names: tuple[str, ...]
    parts: tuple[Part, ...]
    note: str | None = None
    """How a yes or no was read."""


def find_splits(table: Table, named: str | None, *, without: Collection[str]) -> Splits:
    """The part of each row, by the column that is `named` or is found; not by those of another meaning, `without`.

    Raises DataError if columns say different parts, and if a cell of one names none.
    """
    if named is not None:
        return _by_flags(table, [named]) or _by_cells(table, named)
    names = [name for name in table.header if name not in without]
    told = [_by_cells(table, name) for name in names if _says_parts(table, name)]
    flags = _by_flags(table, [name for name in names if asks_for_part(name) and _is_yes_or_no(table, name)])
    found = [*told, *([flags] if flags is not None else [])]
    if not found:
        return Splits(names=(), parts=tuple("train" for _ in table.rows))
    if any(each.parts != found[0].parts for each in found):
        columns = " and ".join(name for each in found for name in each.names)
        raise DataError(f"{table.name}: the columns {columns} give different parts; set data.columns.split")
    return found[0]


def unread_splits(table: Table, read: Collection[str]) -> Iterator[str]:
    """A note on each column that is called as one of parts is, and is not `read`."""
    for name in table.header:
        values = list(dict.fromkeys(table.column(name)))
        is_named = len(values) <= _MOST_CELLS and any(map(part_named, values))
        if name not in read and (is_named or _is_called_split(name) or asks_for_part(name)):
            yield (
                f"the column {name} of {table.name} ({first_names(values)}) is not read, as it has no known names "
                "of parts (train, validation, test)"
            )


def _by_cells(table: Table, name: str) -> Splits:
    """As the cells of a column name the parts; an empty one is to train on."""
    return Splits(names=(name,), parts=tuple(_part_of(table, name, cell) for cell in table.column(name)))


def _part_of(table: Table, name: str, cell: str) -> Part:
    part = _part_called(cell) if cell.lower() not in EMPTY else "train"
    if part is None:
        raise DataError(
            f"{table.name}: the part {cell!r} in the column {name} is not known; use train, validation or test"
        )
    return part


def _part_called(cell: str) -> Part | None:
    """The part that a cell names: "Training", "PublicTest"."""
    return part_named(cell) or (part_in(cell) if len(words_of(cell)) <= _MOST_WORDS else None)


def _says_parts(table: Table, name: str) -> bool:
    """Whether cells of a column name parts; raises DataError if others beside them say something else."""
    cells = set(table.column(name))
    if len(cells) > _MOST_CELLS:
        return False
    part_of = {cell: _part_called(cell) for cell in cells}
    unknown = sorted(cell for cell, part in part_of.items() if part is None)
    known = {part for part in part_of.values() if part is not None}
    if not unknown:
        return _is_called_split(name) or ("train" in known and len(known) > 1)
    if len({"train", *map(part_named, cells)} - {None}) > 1 and "train" in map(part_named, cells):
        raise DataError(
            f"{table.name}: the column {name} names parts and something else ({first_names(unknown)!r}); write "
            "train, validation or test in each row, or leave the others out of the table"
        )
    return False


def _is_called_split(name: str) -> bool:
    """Whether a column is called as one of parts is: "split", "data set", "cv_fold"."""
    words = set(words_of(name))
    return bool(words & _SPLIT_WORDS) and words <= _SPLIT_WORDS | _FLAG_WORDS


def asks_for_part(name: str) -> bool:
    """Whether a column's name is that of a yes or no to a part: "is_test", "train", "used_for_training"."""
    asking = [word for word in words_of(name) if part_named(word) is not None]
    return len(asking) == 1 and {*words_of(name)} <= {*asking, *_FLAG_WORDS}


def _is_yes_or_no(table: Table, name: str) -> bool:
    cells = {cell.lower() for cell in table.column(name)}
    return cells <= _YES | _NO and bool(cells)


def _by_flags(table: Table, names: Sequence[str]) -> Splits | None:
    """As columns of yes or no say whether a picture is in the part of their name; None if they are none."""
    flags: dict[Part, str] = {}
    for name in names:
        part = part_in(name)
        if part is None or not _is_yes_or_no(table, name):
            return None
        if part in flags:
            raise DataError(
                f"{table.name}: the columns {flags[part]} and {name} both ask for the {part} set; name one by "
                "data.columns.split"
            )
        flags[part] = name
    if not flags:
        return None
    rest = _other_part(flags)
    cells = {part: table.column(name) for part, name in flags.items()}
    parts: list[Part] = []
    for row in range(len(table.rows)):
        said = [part for part in flags if cells[part][row].lower() in _YES]
        if len(said) > 1 or (not said and rest is None):
            raise DataError(
                f"{table.name}: row {row + 2} is in {len(said)} sets by {', '.join(flags.values())}; one is needed"
            )
        parts.append(said[0] if said else rest or "train")
    others = f", others to the {rest} set" if rest is not None and rest in parts else ""
    yes = ", ".join(f"yes in {name} to the {part} set" for part, name in flags.items())
    return Splits(names=tuple(flags.values()), parts=tuple(parts), note=f"rows of {table.name} with {yes}{others}")


def _other_part(flags: Mapping[Part, str]) -> Part | None:
    """The part of rows that all `flags` deny; None if it may be no part."""
    if "train" not in flags:
        return "train"
    return "test" if "test" not in flags else None
