"""What a table says of the pictures: the class of each, its part, its group and its weight."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.class_texts import group_name, refuse_alike, texts_for_no_value
from gan_study.trainables.data.reading.columns import (
    NUMBERED,
    PATH_NAMES,
    Columns,
    Labels,
    NoClassesError,
    class_columns,
    find_labels,
    path_column,
    plain_name,
    possible_groups,
    refuse_no_groups,
    unknown_beside_weight,
    weight_column,
    weight_in,
)
from gan_study.trainables.data.reading.division import what_validation_is, with_one_test
from gan_study.trainables.data.reading.entries import in_order
from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.folder_tree import MOST_LEFT_OVER, NOT_READ, Place, joined
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.known_pictures import KnownPictures
from gan_study.trainables.data.reading.layout import Arrangement
from gan_study.trainables.data.reading.part_columns import Splits, find_splits, unread_splits
from gan_study.trainables.data.reading.repeats import originals
from gan_study.trainables.data.reading.several_classes import several_classes
from gan_study.trainables.data.reading.table import EMPTY, Table

T = TypeVar("T")

NOT_LISTED, WITHOUT_LABEL = "images that the table does not name", "images without a class in the table"


def with_header(table: Table, pictures: Sequence[Place]) -> Table:
    """The table as it is, or, where its first row names one of the `pictures`, with a header of numbers."""
    known = KnownPictures(pictures)
    if not any(plain_name(cell) not in PATH_NAMES and known.has(cell) for cell in table.header):
        return table
    header = tuple(f"{NUMBERED}{number}" for number in range(1, len(table.header) + 1))
    return replace(table, header=header, rows=(table.header, *table.rows))


def arrange_by_table(
    table: Table,
    pictures: Sequence[Place],
    columns: Columns,
    *,
    group: str | None = None,
    skip_missing: bool = False,
) -> Arrangement:
    """The class and the part of each picture as a table says, and its group and its weight where columns say them.

    `group` is the column of groups. Raises DataError if a column is not found, if a row names no picture
    (unless `skip_missing`) or several, if a picture has two classes, parts, groups or weights, and if a
    weight is no number above 0. An empty cell is no group and no weight.
    """
    table = with_header(table, pictures)
    rows = _rows_of(table, pictures, columns, group=group)
    classes = class_columns(table, columns, without=rows.taken)
    splits = find_splits(table, columns.split, without=rows.taken | classes)
    labels = find_labels(table, columns, without={*rows.taken, *splits.names})
    rows, unread = _without_doubtful_weights(rows, columns, {*labels.names, *splits.names})
    parts: dict[Part, dict[Place, str]] = {}
    unlabelled: list[Place] = []
    said: dict[Place, tuple[str, str]] = {}
    for picture, label, part in zip(rows.pictures, labels.cells, splits.parts, strict=True):
        if picture is not None and not label:
            unlabelled.append(picture)
        elif picture is not None:
            _note_once(table, picture, said, (label, part if splits.names else ""))
            parts.setdefault(part, {})[picture] = one_form(label)
    classes_of_all = [label for label, _ in said.values()]
    refuse_alike(table, classes_of_all)
    doubts = several_classes(table, labels.names, {*classes_of_all})
    not_listed = in_order(set(pictures) - said.keys() - set(unlabelled))
    return Arrangement(
        parts=parts,
        passed_over=joined([{NOT_LISTED: not_listed, WITHOUT_LABEL: in_order(unlabelled)}]),
        notes=(
            _meaning(rows, labels, splits),
            *filter(None, (splits.note, labels.doubt, *doubts)),
            *_possible_groups(rows, {*splits.names, *labels.names}),
            *texts_for_no_value(table, classes_of_all),
            *unread,
            *unread_splits(table, {*rows.taken, *splits.names, *labels.names}),
            *_missing_rows(rows, skip=skip_missing),
        ),
        groups=_groups(rows, said),
        weights=_weights(rows, said),
    )


def _meaning(rows: "_Rows", labels: Labels, splits: Splits) -> str:
    """What the columns of a table are read as."""
    meant = [f"{rows.path} and {', '.join(labels.names)}", *splits.names]
    weighted = f"; the weights: {rows.weight}" if rows.weight else ""
    return f"{rows.table.name} gives the classes: {', '.join(meant)}{weighted}"


def _possible_groups(rows: "_Rows", known: set[str]) -> Iterator[str]:
    """A note on each column that may name patients or the like, where no groups are asked for.

    `known` are the columns that say class and part.
    """
    if rows.group is not None:
        return
    yield from possible_groups(rows.table, rows.taken | known)


def _missing_rows(rows: "_Rows", *, skip: bool) -> Iterator[str]:
    """A note on the rows whose picture is not there; raises DataError unless they are to be skipped."""
    table = rows.table
    missing = [cell for cell, picture in zip(rows.paths, rows.pictures, strict=True) if picture is None]
    if missing and not skip:
        raise DataError(
            f"{table.name}: {len(missing)} of {len(rows.paths)} rows name a missing image in the column "
            f"{rows.path} ({first_names(missing)}); --skip-unreadable leaves them out"
        )
    if missing:
        yield f"rows of {table.name} whose image is missing: {len(missing)} ({first_names(missing)})"


def names_pictures(table: Table, pictures: Sequence[Place]) -> bool:
    """Whether a column names pictures of these."""
    try:
        path_column(with_header(table, pictures), Columns(), KnownPictures(pictures))
    except DataError:
        return False
    return True


def names_across_classes(table: Table, classes: Mapping[Place, str]) -> bool:
    """Whether nearly each row names pictures of one name in several of the `classes`, each name once."""
    table = with_header(table, [*classes])
    path = path_column(table, Columns(), KnownPictures(classes))
    folders: dict[str, set[str]] = {}
    for place, name in classes.items():
        for called in {one_form(place.name), one_form(place.stem)}:
            folders.setdefault(called, set()).add(name)
    cells = [one_form(cell) for cell in table.column(path)]
    across = [cell for cell in cells if len(folders.get(cell, ())) > 1]
    return len({*cells}) == len(cells) and len(across) > (1 - MOST_LEFT_OVER) * len(cells)


def pictures_named(table: Table, pictures: Sequence[Place]) -> Iterator[Place]:
    """Those of the `pictures` that a table names; raises DataError if no column names any."""
    table = with_header(table, pictures)
    cells = table.column(path_column(table, Columns(), KnownPictures(pictures)))
    yield from (picture for picture in _find_all(cells, pictures) if picture is not None)


def parts_by_table(
    table: Table, pictures: Sequence[Place], columns: Columns
) -> tuple[Mapping[Place, Part], Splits] | None:
    """The part of each of the `pictures`, and the columns that say it; None if a table does not say all.

    Raises DataError if columns say different parts, and a picture is in two.
    """
    table = with_header(table, pictures)
    rows = _rows_of(table, pictures, columns, group=None)
    classes = class_columns(table, columns, without=rows.taken)
    splits = find_splits(table, columns.split, without=rows.taken | classes)
    found: dict[Place, Part] = {}
    for picture, part in zip(rows.pictures, splits.parts, strict=True):
        if picture is not None:
            _note_once(table, picture, found, part)
    return (found, splits) if splits.names and found.keys() >= set(pictures) else None


def column_of_classes(table: Table, pictures: Sequence[Place], classes: Collection[str]) -> str | None:
    """The only column in which these `classes` stand and nothing else, beside the one that names the pictures."""
    table = with_header(table, pictures)
    path = path_column(table, Columns(), KnownPictures(pictures))
    found = [name for name in table.header if name != path and {*map(one_form, table.column(name))} == {*classes}]
    return found[0] if len(found) == 1 else None


def add_by_table(
    found: Arrangement, table: Table, pictures: Sequence[Place], columns: Columns, *, group: str | None
) -> Arrangement:
    """`found`, whose classes are said elsewhere, with the group and the weight of each picture as a table says.

    Raises NoClassesError if it says neither, and DataError for a picture of two groups or weights.
    """
    table = with_header(table, pictures)
    rows, unread = _without_doubtful_weights(_rows_of(table, pictures, columns, group=group), columns, set())
    if rows.group is None and rows.weight is None:
        raise NoClassesError(f"{table.name}: no column is left for the class")
    said = [f"the {what}, by {name}," for what, name in (("groups", rows.group), ("weights", rows.weight)) if name]
    return replace(
        found,
        groups=_groups(rows, set(pictures)),
        weights=_weights(rows, set(pictures)),
        notes=(*found.notes, f"{table.name} gives {' and '.join(said)} and folders the classes", *unread),
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The rows of a table as the cells that name their pictures, these, and the columns that say more of them."""

    table: Table
    path: str
    paths: tuple[str, ...]
    pictures: tuple[Place | None, ...]
    group: str | None
    weight: str | None

    @property
    def taken(self) -> set[str]:
        """The columns that say no class."""
        return {name for name in (self.path, self.group, self.weight) if name is not None}

    def cells(self, column: str) -> Iterator[tuple[Place, str]]:
        """The cells of a column that are not empty, with the picture of each that has one."""
        for picture, cell in zip(self.pictures, self.table.column(column), strict=True):
            if picture is not None and cell.lower() not in EMPTY:
                yield picture, cell


def _rows_of(table: Table, pictures: Sequence[Place], columns: Columns, *, group: str | None) -> _Rows:
    path = path_column(table, columns, KnownPictures(pictures))
    paths = table.column(path)
    if group is not None:
        refuse_no_groups(table, group)
    return _Rows(
        table=table,
        path=path,
        paths=paths,
        pictures=_find_all(paths, pictures),
        group=group,
        weight=weight_column(table, columns, without={path, group or path}),
    )


def _find_all(cells: Sequence[str], pictures: Sequence[Place]) -> tuple[Place | None, ...]:
    """The picture that each cell names; where it may be several, one that is no mask or version of others."""
    try:
        return tuple(map(KnownPictures(pictures, cells=cells).find, cells))
    except DataError:
        main = originals(pictures)
        if len(main) in (0, len(pictures)):
            raise
        return tuple(map(KnownPictures(main, cells=cells).find, cells))


def _without_doubtful_weights(rows: _Rows, columns: Columns, known: set[str]) -> tuple[_Rows, tuple[str, ...]]:
    """The rows without a column of weights that may be something else, and a note on it.

    `known` are the columns that say class and part.
    """
    if rows.weight is None:
        return rows, ()
    unknown = unknown_beside_weight(rows.table, columns, rows.weight, known=rows.taken | known)
    if not unknown:
        return rows, ()
    note = (
        f"the column {rows.weight} of {rows.table.name} is not read: beside {first_names(unknown)} it may not be "
        f"a weight in the loss; if it is one, set data.columns.weight={rows.weight}"
    )
    return replace(rows, weight=None), (note,)


def _groups(rows: _Rows, pictures: Collection[Place]) -> dict[Place, str]:
    """The group of each of the `pictures` that has one."""
    found: dict[Place, str] = {}
    if rows.group is not None:
        for picture, cell in rows.cells(rows.group):
            if picture in pictures:
                _note_once(rows.table, picture, found, one_form(group_name(cell)))
    return found


def _weights(rows: _Rows, pictures: Collection[Place]) -> dict[Place, float]:
    """The weight of each of the `pictures` that has one."""
    found: dict[Place, float] = {}
    if rows.weight is not None:
        for picture, cell in rows.cells(rows.weight):
            if picture in pictures:
                _note_once(rows.table, picture, found, weight_in(rows.table, rows.weight, cell))
    return found


def _note_once(table: Table, picture: Place, noted: dict[Place, T], value: T) -> None:
    """Note the value of a picture; raises DataError if another one is noted."""
    before = noted.setdefault(picture, value)
    if before != value:
        one, other = (" ".join(each).strip() if isinstance(each, tuple) else each for each in (before, value))
        raise DataError(f"{table.name}: {shown(str(picture))} appears twice, as {one} and as {other}")


def arrange_parts(parts: Mapping[Part, Mapping[Place, str]], notes: Sequence[str]) -> Arrangement:
    """The parts of all tables as a study has them; raises DataError if none is to train on."""
    if "train" not in parts:
        raise DataError("no table names an image to train on")
    read, spare = with_one_test(parts)
    if "validation" in parts:
        notes = (*notes, what_validation_is("the validation set", is_read=spare is None))
    passed = {} if spare is None else {NOT_READ: tuple(spare)}
    return Arrangement(parts=read, passed_over=passed, notes=tuple(notes))
