"""Which column of a table says what: by its name, or by what stands in it.

If several may be meant, a DataError asks which.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError, nearest, settings
from gan_study.trainables.data.reading.folder_names import CARRIER_WORDS, words_of
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.known_pictures import MOST_OF, KnownPictures
from gan_study.trainables.data.reading.part_columns import asks_for_part
from gan_study.trainables.data.reading.table import EMPTY, Table

# As they are written, in lower case and without blanks, dashes and underscores.
_LABEL_NAMES = frozenset({"label", "labels", "class", "classname", "category", "target", "diagnosis", "dx"})
_LABEL_NAMES |= {"diagnostic", "tags", "tag"}
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
_LABEL_NAMES |= {"findinglabels", "pathology"}
_LABEL_WORDS = frozenset({"label", "class", "category", "diagnosis", "species"})
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_REPEATED = re.compile(r"\.\d+$")
_SPLIT_NAMES = ("split", "set", "subset", "partition", "part")
PATH_NAMES = ("path", "filepath", "filename", "file", "imagepath", "image", "imageid", "img", "id", "imagename")
# Of weights in a loss. A column that is called "weight" alone may be that of an animal or a patient.
_WEIGHT_NAMES = frozenset({"sampleweight", "imageweight", "instanceweight", "exampleweight", "lossweight"})
_PERHAPS_WEIGHT_NAMES = frozenset({"weight", "weights"})
# A column of such numbers, or of so many texts, is hardly one of classes, unless it has few rows.
_MOST_NUMBERS, _MOST_OF_ROWS, _FEW_ROWS = 30, 0.5, 6
# Classes may be numbers with fractions, such as a few doses.
_MOST_FRACTIONS = 8
_CARRIERS = CARRIER_WORDS | {"group", "person", "photographer", "author", "camera"}
# Of columns that say nothing of an animal or a patient, beside those above.
_GROUP_NAMES, _ROW_NAMES = frozenset({"group", "groups", "groupid"}), frozenset({"", "index", "unnamed0"})


# What is found out of a picture, whatever the column is called.
_OUTCOMES = frozenset({"negative", "positive", "normal", "abnormal", "benign", "malignant", "healthy", "diseased"})
_OUTCOMES |= {"infected", "uninfected", "real", "fake"}
# In a table with a column for each class.
_ONES, _ZEROS = frozenset({"1", "1.0", "true"}), frozenset({"0", "0.0", "false"})


@settings
class Columns:
    """The columns of a table of labels by their names; None: found by usual names and by what stands in them."""

    path: str | None = None
    """The file of each picture: its path, its name, or its name without an ending."""
    label: str | None = None
    """Its class."""
    split: str | None = None
    """Its part: train or test, in any usual spelling; validation is not read where there is a test set."""
    weight: str | None = None
    """What it counts in a classifier's loss, a number above 0 on any scale. By itself a column `sample_weight` is
    read, and `weight` where the table has no columns of other kinds, as that may be an animal's."""


# What the columns of a table without a header are called, and a number.
NUMBERED = "column "
NAME_PIXELS = "its cells may be the pixels themselves, which are read where --data names the table, a .csv or .tsv"


class NoGroupsError(DataError):
    """A table names the pictures, and has no such column of groups."""


class NoClassesError(DataError):
    """A table has no column for the class."""


def path_column(table: Table, columns: Columns, known: KnownPictures) -> str:
    """The column that names the pictures."""
    if columns.path is not None:
        return _named(table, columns.path, "path")

    def num_known(name: str) -> int:
        cells = table.column(name)[:200]
        try:
            return sum(known.find(cell) is not None for cell in cells)
        except DataError:
            return len(cells)

    called = sorted(table.header, key=lambda name: plain_name(name) not in PATH_NAMES)
    most = min(200, len(table.rows))
    found = [name for name in called if num_known(name) >= MOST_OF * most > 0]
    if not found and table.may_hold_pixels:
        raise DataError(f"{table.name}: no column names the images; {NAME_PIXELS}")
    if not found:
        raise DataError(f"{table.name}: {_why_no_paths(table, known)}")
    return found[0]


def _why_no_paths(table: Table, known: KnownPictures) -> str:
    """Why no column names the pictures: the first cell that does not, where a column is called as one does."""
    column = next((name for name in table.header if plain_name(name) in PATH_NAMES), None)
    if column is None:
        return f"no column names the images ({first_names(table.header)}); name it with data.columns.path"
    cells = table.column(column)
    missing = [(row, cell) for row, cell in enumerate(cells, start=2) if not known.has(cell)]
    said = f"{len(cells) - len(missing):,} of {len(cells):,} cells of the column {column} name an image"
    if not missing or (picture := known.nearest(missing[0][1])) is None:
        return said
    row, cell = missing[0]
    return f"{said}; row {row} has {shown(cell)!r}, and the image nearest to it is called {shown(str(picture))!r}"


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
        if len(known) > MOST_OF * len(names):
            labels = [table.column(label) for label in _called_classes(table) if label != key]
            return any(1 < len(set(cells)) < len(names) for cells in labels)
    return False


def _called_classes(table: Table) -> list[str]:
    # A second column of one name is "label.1" to pandas.
    called = [name for name in table.header if plain_name(_REPEATED.sub("", name)) in _LABEL_NAMES]
    if not called:
        # "Majority Vote Label".
        speaking = [name for name in table.header if _LABEL_WORDS & {*words_of(name)} and len(words_of(name)) > 1]
        called = speaking if len(speaking) == 1 else []
    # Beside x it is where something lies.
    return called or ["y"] * ("y" in table.header and "x" not in table.header)


def refuse_no_groups(table: Table, group: str) -> None:
    """Raise NoGroupsError if there is no column `group`, or if it is empty."""
    if group not in table.header:
        raise NoGroupsError(f"data.group: {table.name} has no column {group!r}; {nearest(group, table.header)}")
    if all(cell.lower() in EMPTY for cell in table.column(group)):
        raise NoGroupsError(f"data.group: the column {group!r} of {table.name} is empty")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The class of each row, and the columns that say it."""

    names: tuple[str, ...]
    cells: tuple[str, ...]
    doubt: str | None = None
    """What is to be said where it may be something else."""


def class_columns(table: Table, columns: Columns, *, without: set[str]) -> set[str]:
    """The columns that are called the class, or one for each class, whatever else their names may say."""
    if columns.label is not None:
        return {columns.label}
    if called := _called_classes(table):
        return {*called}
    one_hot = _one_hot(table, [name for name in table.header if name not in without])
    return set() if one_hot is None or all(map(asks_for_part, one_hot.names)) else {*one_hot.names}


def find_labels(table: Table, columns: Columns, *, without: set[str]) -> Labels:
    """The column of classes: named, called so, the only one left, or one column a class with a single 1 a row."""
    if columns.label is not None:
        return Labels(names=(columns.label,), cells=table.column(_named(table, columns.label, "label")))
    called = [name for name in _called_classes(table) if name not in without]
    if len(called) == 1:
        _refuse_quantity(table, called[0])
        return Labels(names=(called[0],), cells=table.column(called[0]))
    rest = [name for name in table.header if name not in without and plain_name(name) not in _SPLIT_NAMES]
    if len(called) > 1:
        rest = called
    elif (one_hot := _one_hot(table, rest)) is not None:
        return one_hot
    if not rest:
        raise NoClassesError(f"{table.name}: no column is left for the class")
    if len(called) > 1 and (same := _columns_that_agree(table, called)) is not None:
        return same
    if len(rest) > 1 and not called and (outcome := _outcome(table, rest)) is not None:
        return outcome
    if len(rest) > 1:
        values = [f" ({first_names([*dict.fromkeys(table.column(name))])})" for name in rest]
        named = ", ".join(
            f"{name}{has if name.startswith(NUMBERED) else ''}" for name, has in zip(rest, values, strict=True)
        )
        raise DataError(
            f"{table.name}: the columns {named} may be the class; name it with data.columns.label"
            f"{why_not_one_hot(table, rest)}"
        )
    return _only_left(table, rest[0])


def _outcome(table: Table, names: Sequence[str]) -> Labels | None:
    """The only column in which nothing but outcomes stand, as in "negative" and "positive", with doubt."""
    cells = {name: table.column(name) for name in names}
    found = [name for name, each in cells.items() if len({*each}) > 1 and {*map(str.lower, each)} <= _OUTCOMES]
    if len(found) != 1:
        return None
    others = first_names([name for name in names if name != found[0]])
    doubt = (
        f"{found[0]} of {table.name} is read as the class ({first_names(sorted({*cells[found[0]]}))}), and not "
        f"{others}; data.columns.label names another column"
    )
    return Labels(names=(found[0],), cells=cells[found[0]], doubt=doubt)


def _columns_that_agree(table: Table, names: Sequence[str]) -> Labels | None:
    """The first column of texts, or the first, of several that say the same classes, as a number and a name do."""
    cells = [table.column(name) for name in names]
    numbers = {len({*each}) for each in (*cells, [*zip(*cells, strict=True)])}
    if len(numbers) > 1 or numbers & {0, 1, len(table.rows)} or len({*names}) < len(names):
        return None
    chosen = next((i for i, each in enumerate(cells) if not _are_numbers(each)), 0)
    others = [name for name in names if name != names[chosen]]
    doubt = f"{names[chosen]} of {table.name} is the class, and {', '.join(others)} the same by another name"
    return Labels(names=(names[chosen],), cells=cells[chosen], doubt=doubt)


def _refuse_quantity(table: Table, name: str) -> None:
    """Raise NoClassesError if a column has many different numbers with fractions: a score, and no class."""
    different = {cell for cell in table.column(name) if cell.lower() not in EMPTY}
    if not _are_numbers(different) or len(different) <= _MOST_FRACTIONS:
        return
    if any(not float(cell.replace(",", ".", 1)).is_integer() for cell in different):
        raise NoClassesError(
            f"{table.name}: {name} has {len(different):,} different numbers with fractions "
            f"({first_names(sorted(different))}), a quantity and no classes; write the class of each image in a "
            f"column of its own, or set data.columns.label={name} if these are classes"
        )


def _only_left(table: Table, name: str) -> Labels:
    """The classes by the only column that is left, with doubt; raises DataError if it can hardly be them."""
    cells = table.column(name)
    filled = [cell for cell in cells if cell]
    different = list(dict.fromkeys(filled))
    several = f"{len(different):,} different values in {len(filled):,} rows ({first_names(different)})"
    if _CARRIERS & set(words_of(name)):
        raise NoClassesError(
            f"{table.name}: no column is left for the class; {name} can be used with data.group={name}"
        )
    most = _MOST_NUMBERS if _are_numbers(different) else _MOST_OF_ROWS * len(filled)
    if len(different) > most and len(filled) > _FEW_ROWS:
        raise NoClassesError(
            f"{table.name}: no column is left for the class; {name} has {several}; if it is the class, say "
            f"data.columns.label={name}"
        )
    _refuse_quantity(table, name)
    doubt = (
        f"{name} is read as the class, as it is the only column of {table.name} left ({first_names(different)}); "
        "if it is not, a table with a column `label` is needed"
    )
    return Labels(names=(name,), cells=cells, doubt=doubt)


def _one_hot(table: Table, names: Sequence[str]) -> Labels | None:
    """The classes of a table with a column for each, one of which has a 1 in each row; None if it is none."""
    binary = _binary(table, names)
    rows = list(_marked(table, binary))
    if len(binary) < 2 or any(len(marked) != 1 for marked in rows):
        return None
    return Labels(names=tuple(binary), cells=tuple(marked[0] for marked in rows))


def _binary(table: Table, names: Sequence[str]) -> list[str]:
    """The columns in which stand 0 and 1, or false and true, and nothing else."""
    cells = {name: {cell.lower() for cell in table.column(name)} for name in names}
    return [name for name, each in cells.items() if each <= _ONES | _ZEROS and each & _ONES and each & _ZEROS]


def _marked(table: Table, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Of each row, the columns in which a 1 stands."""
    for row in zip(*(table.column(name) for name in names), strict=True):
        yield tuple(name for name, cell in zip(names, row, strict=True) if cell.lower() in _ONES)


def why_not_one_hot(table: Table, names: Sequence[str]) -> str:
    """Which row is not as in a table with a column for each class, in words; nothing if it is no such table."""
    binary = _binary(table, names)
    odd = next(((row, each) for row, each in enumerate(_marked(table, binary), start=2) if len(each) != 1), None)
    if len(binary) < 2 or odd is None:
        return ""
    row, marked = odd
    has = f"a 1 in {' and '.join(marked)}" if marked else "no 1"
    return (
        f"; {first_names(binary)} have 0 and 1 as a column for each class has, but row {row} has {has}; one 1 in "
        "each row is needed, and no other column of 0 and 1"
    )


def weight_column(table: Table, columns: Columns, *, without: set[str]) -> str | None:
    """The column of weights, or the one that may be it; None if there is none."""
    if columns.weight is not None:
        return _named(table, columns.weight, "weight")
    without = without | {columns.label or "", columns.split or ""}
    called = [name for name in table.header if plain_name(name) in _WEIGHT_NAMES | _PERHAPS_WEIGHT_NAMES]
    # What one cell of a column that can be nothing else says wrongly, `weight_in` refuses.
    found = [
        name
        for name in called
        if name not in without and (plain_name(name) in _WEIGHT_NAMES or _are_numbers(table.column(name)))
    ]
    return min(found, key=lambda name: plain_name(name) in _PERHAPS_WEIGHT_NAMES, default=None)


def names_carriers(name: str) -> bool:
    """Whether a column is called as one of patients and the like: "patient", "Subject ID"."""
    words = {*words_of(name)}
    return bool(words & _CARRIERS) and words <= _CARRIERS | {"id", "no", "nr", "num", "number", "name", "code"}


def possible_groups(table: Table, known: Collection[str]) -> Iterator[str]:
    """A note on each column that may name patients or the like, and is not `known` to say something else."""
    for name in carriers_in(table):
        if name not in known:
            yield (
                f"the column {name} of {table.name} is not read; data.group={name} keeps what it names on one "
                "side of every split"
            )


def carriers_in(table: Table) -> list[str]:
    """The columns that may name patients or the like, several pictures of one."""
    named = filter(names_carriers, table.header)
    return [name for name in named if 1 < len({*table.column(name)}) < len(table.rows)]


def _are_numbers(cells: Iterable[str]) -> bool:
    filled = [cell for cell in cells if cell.lower() not in EMPTY]
    return bool(filled) and all(_NUMBER.fullmatch(cell) for cell in filled)


def unknown_beside_weight(table: Table, columns: Columns, weight: str, *, known: set[str]) -> list[str]:
    """The columns because of which one called "weight" may be something else; `known` have another meaning."""
    if columns.weight is not None or plain_name(weight) in _WEIGHT_NAMES:
        return []
    usual = {*PATH_NAMES, *_SPLIT_NAMES, *_LABEL_NAMES, *_GROUP_NAMES, *_ROW_NAMES, *_PERHAPS_WEIGHT_NAMES}
    return [name for name in table.header if name not in known and plain_name(name) not in usual]


# The sum over all images is a number still, in single precision too.
_MOST_WEIGHT = 1e30


def weight_in(table: Table, weight: str, cell: str) -> float:
    """The weight in a cell; raises DataError if it is none.

    A comma is that of a decimal, unless it is what divides the table's cells.
    """
    try:
        value = float(cell if table.delimiter == "," else cell.replace(",", ".", 1))
    except ValueError:
        value = math.nan
    if not 0 < value < _MOST_WEIGHT:
        raise DataError(
            f"{table.name}: {cell!r} in the column {weight} is not a weight; a weight is a number above 0 and "
            f"below {_MOST_WEIGHT:g}, such as 0.5"
        )
    return value


def _named(table: Table, name: str, what: str) -> str:
    if name not in table.header:
        raise DataError(f"data.columns.{what}: {table.name} has no column {name!r}; {nearest(name, table.header)}")
    return name


def plain_name(name: str) -> str:
    """A column's name in lower case, without blanks, dashes and underscores."""
    return "".join(char for char in name.lower() if char.isalnum())
