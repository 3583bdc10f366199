"""What says the classes of the pictures: folders, a table for all, a table for each part, or one beside the other.

If folders and a table say different things, a DataError lists what was found and how to choose.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading import by_table, columns
from gan_study.trainables.data.reading.class_folders import NoClassFoldersError
from gan_study.trainables.data.reading.entries import NO_PICTURE, Entries
from gan_study.trainables.data.reading.file_names import arrange_by_file_names
from gan_study.trainables.data.reading.folder_names import are_numbered
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.in_words import NAMES_SHOWN, first_names
from gan_study.trainables.data.reading.known_pictures import MOST_OF
from gan_study.trainables.data.reading.layout import Arrangement, arrange
from gan_study.trainables.data.reading.table import Table, read_table
from gan_study.trainables.data.reading.table_sets import say_the_same, tables_of_one_set
from gan_study.trainables.data.reading.tables_by_part import (
    arrange_by_tables,
    fitting_tables,
    labels_by,
    why_no_list_fits,
    with_parts_of_table,
    with_table_a_part,
    with_test_table,
)
from gan_study.trainables.data.reading.tables_found import (
    broken_tables,
    groups_in,
    naming_pictures,
    read_lists,
    read_tables,
    tables_in_words,
    why_no_table_fits,
)
from gan_study.trainables.data.source import FOLDER, DataConfig

# Files of data sets that have a name of their own, and how they are read.
_FILES_OF_SETS = {
    "data_batch_1": "data.name=cifar10 from the folder around cifar-10-batches-py",
    "train-images-idx3-ubyte": "data.name=mnist or fashion_mnist from the folder around MNIST/raw or its like",
}
# Files that often have labels and are not looked into.
_LABEL_ENDINGS = frozenset({".h5", ".json", ".mat", ".parquet", ".pkl", ".txt", ".xls", ".xlsx", ".xml"})
# Folders and a table say the same if so many pictures of each folder have one class in the table.
_SAME = 0.95


def arrange_folders(
    entries: Entries, config: DataConfig, *, without: Collection[Path] = (), only_folders: bool = False
) -> Arrangement:
    """The classes as folders say them, else tables that name the pictures, `without` some, else names of files.

    With `only_folders`, as folders say them. Raises DataError if a table of all pictures has other classes, and
    folders may well be classes too.
    """
    is_said = bool(config.train or config.test) or config.class_level is not None
    try:
        found = arrange(
            entries.pictures,
            train=config.train,
            test=config.test,
            class_level=config.class_level,
            bare_folders=entries.missing_classes,
            has_groups=config.group == FOLDER,
        )
    except DataError as error:
        if is_said or only_folders:
            raise
        return _without_folders(entries, config, error)
    read = {path: cells for path, cells in read_tables(entries).items() if path not in without}
    if not is_said:
        found = _unless_a_table_differs(found, read, entries, config)
    if config.group is not None and config.group != FOLDER and not without and not found.groups:
        naming = naming_pictures(read.values(), entries.pictures)
        there = f"; {tables_in_words(naming)}" if naming else "; no table here names the images"
        raise DataError(
            "data.group: no table gives the classes, so groups are folders (data.group=folder) or a column of "
            f"the table that data.labels names{there}"
        )
    return found


def _without_folders(entries: Entries, config: DataConfig, error: DataError) -> Arrangement:
    """The classes as tables or names of files say them, where no folders do; else raises DataError, or `error`."""
    read = read_tables(entries)
    if not entries.pictures:
        if (known := _known_set(entries)) is not None:
            raise DataError(f"{error}; {known}")
        pixels = [cells.name for cells in read.values() if cells.may_hold_pixels]
        raise DataError(f"{error}; {first_names(pixels)}: {columns.NAME_PIXELS}") if pixels else error
    tables, refused = fitting_tables(read, entries, config)
    lists = read_lists(entries)
    if not tables:
        tables, _ = fitting_tables(lists, entries, config)
    refused = [(cells, why) for cells, why in refused if by_table.names_pictures(cells, entries.pictures)]
    if len(refused) == 1 and not tables:
        [(_, why)] = refused
        raise why if isinstance(error, NoClassFoldersError) else DataError(f"{error}; and {why}") from error
    if tables:
        try:
            return _by_tables(tables, {**read, **lists}, entries, config)
        except DataError as several:
            said = "; ".join([str(several), *(str(why) for _, why in refused[:NAMES_SHOWN])])
            is_no_class = isinstance(error, NoClassFoldersError)
            raise DataError(said if is_no_class else f"{error}; and {said}") from error
    naming = naming_pictures(read.values(), entries.pictures)
    if naming:
        odd = columns.why_not_one_hot(naming[0], naming[0].header)
        raise DataError(f"{error}; {tables_in_words(naming)}{odd}") from error
    if config.group is None and (found := arrange_by_file_names(entries.pictures)) is not None:
        return found
    unfit = [*why_no_table_fits(entries), *why_no_list_fits(lists, entries, config)]
    if unfit and not any(cells.may_hold_pixels for cells in read.values()):
        raise DataError("; ".join([str(error), *unfit[:NAMES_SHOWN]])) from error
    if not isinstance(error, NoClassFoldersError):
        raise error
    raise DataError(f"{error}{_what_else_lies_there(read, entries)}") from error


def _by_tables(
    tables: Mapping[Path, Table],
    every: Mapping[Path, Table],
    entries: Entries,
    config: DataConfig,
) -> Arrangement:
    """The classes by those of the `tables` that belong together; the parts by the names of others of `every`."""
    chosen, said = tables_of_one_set(tables, entries, config)
    found = arrange_by_tables(chosen, entries, config)
    others = {path: cells for path, cells in every.items() if path not in chosen}
    unread = [cells for path, cells in others.items() if path not in tables and len(cells.header) > 1]
    naming = naming_pictures(unread, [*found.parts["train"]])
    said = (*said, f"not read: {tables_in_words(naming)}") if naming else said
    found = replace(found, notes=(*found.notes, *said))
    if len({*found.parts["train"].values()}) < 2:
        raise DataError(f"{', '.join(cells.name for cells in chosen.values())} has only one class")
    if found.parts.keys() != {"train"}:
        return found
    return with_table_a_part(found, others, entries.root) or found


def _with_tables_a_part(
    found: Arrangement, read: Mapping[Path, Table], lists: Mapping[Path, Table], root: Path
) -> Arrangement | None:
    """With parts by the names of tables, or else by those of lists."""
    return with_table_a_part(found, read, root) or with_table_a_part(found, lists, root)


def _known_set(entries: Entries) -> str | None:
    """Which data set has files of these names, in words; None if none is known."""
    names = {place.name.removesuffix(".gz") for places in entries.passed_over.values() for place in places}
    found = next((said for name, said in _FILES_OF_SETS.items() if name in names), None)
    return None if found is None else f"read these files with {found} (--data)"


def _what_else_lies_there(read: Mapping[Path, Table], entries: Entries) -> str:
    """What may say the classes and is not read, in words, and what can be."""
    pixels = [cells.name for cells in read.values() if cells.may_hold_pixels]
    files = [place for place in entries.passed_over.get(NO_PICTURE, ()) if place.suffix.lower() in _LABEL_ENDINGS]
    said = ""
    if pixels:
        said = f"; {first_names(pixels)}: {columns.NAME_PIXELS}"
    elif files:
        said = f"; files of these kinds are not read: {first_names([str(place) for place in files])}"
    return f"{said}; a table labels.csv with the columns path and label, a row for each image, gives any classes"


def _unless_a_table_differs(
    found: Arrangement, read: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Arrangement:
    """What folders say; what a table says where the folders are but numbered, and it has classes of its own.

    Raises DataError if they have other names, and either may be meant.
    """
    of_folders = {place: name for part in found.parts.values() for place, name in part.items()}
    folders = sorted(set(of_folders.values()), key=one_form)
    for cells in read.values():
        if columns.describes_folders(cells, config.columns, folders):
            raise DataError(
                f"{cells.name} gives a class for each folder ({_several(folders)}), so the folders are not "
                "classes; write a row for each image, or leave the table out with data.exclude"
            )
    with_classes = [cells for cells in read.values() if columns.names_classes(cells, config.columns)]
    for cells in naming_pictures(with_classes, [*of_folders]):
        if by_table.names_across_classes(cells, of_folders):
            raise DataError(
                f"{_several(folders)} have images of the same names, and {cells.name} says one class for each "
                "name; leave out all but one of these folders with data.exclude, or the table if they are classes"
            )
    other = _with_other_classes(of_folders, read, entries, config)
    if other and are_numbered(folders) and len(other) == 1:
        return arrange_by_tables(other, entries, config)
    if other:
        names = ", ".join(cells.name for cells in other.values())
        labels = {name for of in labels_by(other, entries, config).values() for name in of.values()}
        use = f"use it with data.labels={names}" if len(other) == 1 else "write one table of all for data.labels"
        raise DataError(
            f"{names} {'gives' if len(other) == 1 else 'give'} other classes ({_several(labels)}) than the "
            f"folders ({_several(folders)}); {use}, or leave {'it' if len(other) == 1 else 'them'} out with "
            "data.exclude"
        )
    lists = read_lists(entries)
    if found.parts.keys() == {"train"}:
        divided = with_parts_of_table(found, read, config) or _with_tables_a_part(found, read, lists, entries.root)
        if divided is not None:
            return divided
    unread = naming_pictures(read.values(), [*of_folders])
    said = [f"folders give the classes; {tables_in_words(unread)}"] if unread else []
    notes = (*found.notes, *said, *groups_in(unread), *broken_tables(entries, [*of_folders]))
    return with_test_table(replace(found, notes=notes), {**read, **lists}, entries.root, config)


def _with_other_classes(
    of_folders: Mapping[Place, str], read: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Mapping[Path, Table]:
    """The table of all pictures that has other classes than the folders, or those that are of all together."""
    tables, _ = fitting_tables(read, entries, replace(config, group=None))
    naming = {path: cells for path, cells in tables.items() if columns.names_classes(cells, config.columns)}
    labels = labels_by(naming, entries, config)
    for path, of_table in labels.items():
        if of_folders.keys() <= of_table.keys() and not say_the_same(of_folders, of_table):
            return {path: naming[path]}
    for path, of_table in labels_by(tables, entries, config).items():
        if _names_folders_within(of_folders, of_table):
            return {path: tables[path]}
    parts = {path: of for path, of in labels.items() if not of_folders.keys() <= of.keys()}
    whole = {place: name for of in parts.values() for place, name in of.items()}
    is_other = of_folders.keys() <= whole.keys() and not say_the_same(of_folders, whole)
    return {path: naming[path] for path in parts} if is_other else {}


def _names_folders_within(of_folders: Mapping[Place, str], of_table: Mapping[Place, str]) -> bool:
    """Whether a table has most of the pictures, and its classes are folders in the class folders."""
    named = [place for place in of_folders if place in of_table]
    within = [
        place
        for place in named
        if of_table[place] != of_folders[place] and of_table[place] in map(one_form, place.parts[:-1])
    ]
    return len(named) > MOST_OF * len(of_folders) and len(within) >= _SAME * len(named)


def arrange_table(labels: Path, entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as the table `labels` says them; where it says groups alone, as folders do."""
    cells = read_table(labels)
    try:
        return arrange_by_tables({labels: cells}, entries, config)
    except columns.NoClassesError as no_classes:
        by_folders = config if config.group == FOLDER else replace(config, group=None)
        try:
            found = arrange_folders(entries, by_folders, without=[labels], only_folders=True)
        except DataError as error:
            raise DataError(f"{no_classes}; and folders: {error}") from error
        divided = with_parts_of_table(found, {labels: cells}, config) if found.parts.keys() == {"train"} else None
        found, group = divided or found, None if config.group == FOLDER else config.group
        try:
            added = by_table.add_by_table(found, cells, entries.pictures, config.columns, group=group)
        except columns.NoClassesError:
            if divided is None:
                raise no_classes from None
            return divided
        groups = found.groups if config.group == FOLDER else added.groups
        return replace(added, groups=groups, tables=tuple(dict.fromkeys([*found.tables, labels])))


def _several(names: Collection[str]) -> str:
    return first_names(sorted(names, key=one_form))
