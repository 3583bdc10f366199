"""What says the classes of the pictures: folders, a table for all, a table for each part, or one beside the other.

Where folders and a table say different things, a DataError says what was found and how to say what is meant.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading import by_table, columns
from gan_study.trainables.data.reading.class_folders import NoClassFoldersError
from gan_study.trainables.data.reading.companions import UNLABELLED
from gan_study.trainables.data.reading.entries import NO_PICTURE, Entries, in_order
from gan_study.trainables.data.reading.file_names import arrange_by_file_names
from gan_study.trainables.data.reading.folder_names import Part, are_numbered, part_in, part_named
from gan_study.trainables.data.reading.folder_tree import Place, joined
from gan_study.trainables.data.reading.known_pictures import MOST_OF
from gan_study.trainables.data.reading.layout import Arrangement, arrange
from gan_study.trainables.data.reading.table import LINES_OF_JSON, Table, read_table
from gan_study.trainables.data.source import FOLDER, DataConfig

NAMES_SHOWN = 3
# Tables that are looked for where no folders say the classes.
_TABLE_ENDINGS = frozenset({".csv", ".tsv", LINES_OF_JSON})
# Files of data sets that have a name of their own, and how they are read.
_FILES_OF_SETS = {
    "data_batch_1": "data.name=cifar10 from the folder around cifar-10-batches-py",
    "train-images-idx3-ubyte": "data.name=mnist or fashion_mnist from the folder around MNIST/raw or its like",
}
# Files that often have labels and are not looked into.
_LABEL_ENDINGS = frozenset({".h5", ".json", ".mat", ".parquet", ".pkl", ".txt", ".xls", ".xlsx", ".xml"})
# A table of classes that somebody is to guess, as contests give one to show its form.
_GUESSES = re.compile("submission", re.IGNORECASE)
# Folders and a table say the same if so many pictures of each folder have one class in the table.
_SAME = 0.95


def arrange_folders(
    entries: Entries, config: DataConfig, *, without: Collection[Path] = (), only_folders: bool = False
) -> Arrangement:
    """The classes as folders say them, else tables that name the pictures, `without` some, else names of files.

    With `only_folders`, as folders say them. Raises DataError where a table of all pictures has other classes, and
    folders may well be classes too.
    """
    is_said = bool(config.train or config.test) or config.class_level is not None
    try:
        found = arrange(
            entries.pictures,
            train=config.train,
            test=config.test,
            class_level=config.class_level,
            bare_folders=entries.bare_folders,
            has_groups=_are_folders(config),
        )
    except DataError as error:
        if is_said or only_folders:
            raise
        return _without_folders(entries, config, error)
    read = {path: cells for path, cells in _read_tables(entries).items() if path not in without}
    if not is_said:
        found = _unless_a_table_differs(found, read, entries, config)
    if config.group is not None and not _are_folders(config) and not without and not found.groups:
        naming = _naming_pictures(read.values(), entries.pictures)
        there = f"; {_tables_in_words(naming)}" if naming else "; no table here names the pictures"
        raise DataError(
            "data.group: no table says the classes, so that groups are folders (data.group=folder) or a column of "
            f"the table that data.labels names{there}"
        )
    return found


def _without_folders(entries: Entries, config: DataConfig, error: DataError) -> Arrangement:
    """The classes as tables or names of files say them, where no folders do; else raises DataError, or `error`."""
    read = _read_tables(entries)
    if not entries.pictures:
        if (known := _known_set(entries)) is not None:
            raise DataError(f"{error}; {known}")
        pixels = [cells.name for cells in read.values() if cells.may_hold_pixels]
        raise DataError(f"{error}; {first_names(pixels)}: {columns.SAVE_PIXELS}") if pixels else error
    tables, refused = _tables_of(read, entries, config)
    refused = [(cells, why) for cells, why in refused if by_table.names_pictures(cells, entries.pictures)]
    if len(refused) == 1 and not tables:
        [(_, why)] = refused
        raise why if isinstance(error, NoClassFoldersError) else DataError(f"{error}; and {why}") from error
    if tables:
        parts = [_part_of_table(path, entries.root) for path in tables]
        if len(tables) > 1 and (None in parts or len(set(parts)) < len(parts)):
            names = ", ".join(cells.name for cells in tables.values())
            others = "".join(f"; {why}" for _, why in refused[:NAMES_SHOWN])
            raise DataError(
                f"several tables name the pictures ({names}); name one by data.labels{others}"
            ) from None
        return _by_tables(tables, entries, config)
    naming = _naming_pictures(read.values(), entries.pictures)
    if naming:
        odd = columns.why_not_one_hot(naming[0], naming[0].header)
        raise DataError(f"{error}; {_tables_in_words(naming)}{odd}") from error
    if config.group is None and (found := arrange_by_file_names(entries.pictures)) is not None:
        return found
    unfit = _why_no_table_fits(entries)
    if unfit and not any(cells.may_hold_pixels for cells in read.values()):
        raise DataError("; ".join([str(error), *unfit[:NAMES_SHOWN]])) from error
    if not isinstance(error, NoClassFoldersError):
        raise error
    raise DataError(f"{error}{_what_else_lies_there(read, entries)}") from error


def _known_set(entries: Entries) -> str | None:
    """Which data set has files of these names, in words; None if none is known."""
    names = {place.name.removesuffix(".gz") for places in entries.passed_over.values() for place in places}
    found = next((said for name, said in _FILES_OF_SETS.items() if name in names), None)
    return None if found is None else f"these files are read by {found} (--data)"


def _naming_pictures(tables: Iterable[Table], pictures: Sequence[Place]) -> list[Table]:
    """Those of the tables in which a column names some of the pictures."""
    return [cells for cells in tables if by_table.names_pictures(cells, pictures)]


def _what_else_lies_there(read: Mapping[Path, Table], entries: Entries) -> str:
    """What may say the classes and is not read, in words, and what can be."""
    pixels = [cells.name for cells in read.values() if cells.may_hold_pixels]
    files = [place for place in entries.passed_over.get(NO_PICTURE, ()) if place.suffix.lower() in _LABEL_ENDINGS]
    said = ""
    if pixels:
        said = f"; {first_names(pixels)}: {columns.SAVE_PIXELS}"
    elif files:
        said = f"; files of these kinds are not read: {first_names([str(place) for place in files])}"
    return f"{said}; a table labels.csv with the columns path and label, a row for each picture, says any classes"


def _unless_a_table_differs(
    found: Arrangement, read: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Arrangement:
    """What folders say; what a table says where the folders are but numbered, and it has classes of its own.

    Raises DataError where they have other names, and either may be meant.
    """
    of_folders = {place: name for part in found.parts.values() for place, name in part.items()}
    folders = sorted(set(of_folders.values()), key=one_form)
    for cells in read.values():
        if columns.describes_folders(cells, config.columns, folders):
            raise DataError(
                f"{cells.name} says a class for each folder ({_several(folders)}), so that these are no "
                "classes; write a row for each picture, or leave the table out by data.exclude"
            )
    other = _with_other_classes(of_folders, read, entries, config)
    if other and are_numbered(folders) and len(other) == 1:
        return _by_tables(other, entries, config)
    if other:
        names = ", ".join(cells.name for cells in other.values())
        labels = {name for of in _labels_by(other, entries, config).values() for name in of.values()}
        use = f"use it by data.labels={names}" if len(other) == 1 else "write one table of all for data.labels"
        raise DataError(
            f"{names} {'says' if len(other) == 1 else 'say'} other classes ({_several(labels)}) than the folders "
            f"({_several(folders)}); {use}, or leave {'it' if len(other) == 1 else 'them'} out by data.exclude"
        )
    if found.parts.keys() == {"train"} and (divided := _with_parts_of_table(found, read, config)) is not None:
        return divided
    unread = _naming_pictures(read.values(), [*of_folders])
    notes = (*found.notes, *([f"folders say the classes; {_tables_in_words(unread)}"] if unread else []))
    return _with_test_table(replace(found, notes=notes), read, config)


def _with_parts_of_table(found: Arrangement, read: Mapping[Path, Table], config: DataConfig) -> Arrangement | None:
    """With the parts as a table says them of all pictures of class folders; None where none does."""
    classes = found.parts["train"]
    for path, cells in read.items():
        with contextlib.suppress(DataError):
            by_split = by_table.parts_by_table(cells, [*classes], config.columns)
            if by_split is None or set(by_split[0].values()) == {"train"}:
                continue
            part_of, splits = by_split
            parts: dict[Part, dict[Place, str]] = {}
            for place, name in classes.items():
                parts.setdefault(part_of[place], {})[place] = name
            said = f"folders say the classes, and {cells.name} the parts, by {', '.join(splits.names)}"
            arranged = by_table.arrange_parts(parts, [*found.notes, said, *filter(None, [splits.note])])
            passed = joined([found.passed_over, arranged.passed_over])
            return replace(
                found, parts=arranged.parts, passed_over=passed, notes=arranged.notes, tables=(*found.tables, path)
            )
    return None


def _with_other_classes(
    of_folders: Mapping[Place, str], read: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Mapping[Path, Table]:
    """The table of all pictures that has other classes than the folders, or those that are of all together."""
    tables, _ = _tables_of(read, entries, replace(config, group=None))
    naming = {path: cells for path, cells in tables.items() if columns.names_classes(cells, config.columns)}
    labels = _labels_by(naming, entries, config)
    for path, of_table in labels.items():
        if of_folders.keys() <= of_table.keys() and not _say_the_same(of_folders, of_table):
            return {path: naming[path]}
    for path, of_table in _labels_by(tables, entries, config).items():
        if _names_folders_within(of_folders, of_table):
            return {path: tables[path]}
    parts = {path: of for path, of in labels.items() if not of_folders.keys() <= of.keys()}
    whole = {place: name for of in parts.values() for place, name in of.items()}
    is_other = of_folders.keys() <= whole.keys() and not _say_the_same(of_folders, whole)
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


def _labels_by(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Mapping[Path, Mapping[Place, str]]:
    """The class of each picture by each of the tables."""
    found = {}
    for path, cells in tables.items():
        arranged = _by_tables({path: cells}, entries, replace(config, group=None))
        found[path] = {place: name for part in arranged.parts.values() for place, name in part.items()}
    return found


def _with_test_table(found: Arrangement, read: Mapping[Path, Table], config: DataConfig) -> Arrangement:
    """With a test part where a table says the classes of all pictures of one that no folders divide."""
    without_class = found.passed_over.get(UNLABELLED, ())
    unlabelled = [place for place in without_class if any(part_named(word) == "test" for word in place.parts[:-1])]
    classes = set(found.parts["train"].values())
    if "test" in found.parts or not unlabelled:
        return found
    for path, cells in read.items():
        if part_in(path.stem) != "test" or not columns.names_classes(cells, config.columns):
            continue
        with contextlib.suppress(DataError):
            arranged = by_table.arrange_by_table(cells, unlabelled, config.columns)
            (said,) = arranged.parts.values()
            if said.keys() == set(unlabelled) and set(said.values()) == classes:
                rest = tuple(place for place in without_class if place not in said)
                others = {reason: each for reason, each in found.passed_over.items() if reason != UNLABELLED}
                return replace(
                    found,
                    parts={**found.parts, "test": said},
                    passed_over={**others, **({UNLABELLED: rest} if rest else {})},
                    tables=(*found.tables, path),
                    notes=(*found.notes, *arranged.notes),
                )
    return found


def _tables_in_words(tables: Sequence[Table]) -> str:
    """What tables name the pictures, so that a person may say that one has the classes."""
    few = "; ".join(f"{each.name} ({first_names(each.header)})" for each in tables[:NAMES_SHOWN])
    return f"tables that name the pictures are read by data.labels and data.columns.label: {few}"


def _say_the_same(of_folders: Mapping[Place, str], of_table: Mapping[Place, str]) -> bool:
    """Whether the pictures of each folder have one class in the table, but for a few, and of no other folder."""
    both = Counter((name, of_table[place]) for place, name in of_folders.items())
    largest: dict[str, tuple[int, str]] = {}
    for (folder, label), number in both.items():
        largest[folder] = max(largest.get(folder, (0, "")), (number, label))
    agreeing = sum(number for number, _ in largest.values())
    one_to_one = len({label for _, label in largest.values()}) == len(largest)
    return one_to_one and agreeing >= _SAME * len(of_folders)


def _read_tables(entries: Entries) -> Mapping[Path, Table]:
    """The tables of text at the level of the pictures' common folder and the next, or above, by their files."""
    found: dict[Path, Table] = {}
    for place in _places_of_tables(entries):
        with contextlib.suppress(DataError):
            found[entries.root / place] = read_table(entries.root / place, name=str(place))
    return found


def _places_of_tables(entries: Entries) -> Iterator[Place]:
    """Where tables of text lie that may say the classes."""
    folders = [place.parent for place in entries.pictures] or [PurePosixPath()]
    depth = 1 + len(PurePosixPath(os.path.commonpath(folders)).parts)
    for place in entries.passed_over.get(NO_PICTURE, ()):
        is_table = place.suffix.lower() in _TABLE_ENDINGS and not _GUESSES.search(place.stem)
        if is_table and len(place.parts) <= depth + 1:
            yield place


def _why_no_table_fits(entries: Entries) -> list[str]:
    """Why each of the tables that lie there is not read, or names no pictures."""
    found = []
    for place in _places_of_tables(entries):
        try:
            any(by_table.pictures_named(read_table(entries.root / place, name=str(place)), entries.pictures))
        except DataError as error:
            found.append(str(error))
    return found


def _tables_of(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> tuple[Mapping[Path, Table], Sequence[tuple[Table, DataError]]]:
    """Those of `tables` by which the pictures have classes, and why others that name classes do not say them."""
    found, refused = {}, []
    for path, cells in tables.items():
        try:
            _by_tables({path: cells}, entries, config)
        except columns.NoGroupsError:
            raise
        except DataError as error:
            if columns.names_classes(cells, config.columns):
                refused.append((cells, error))
            continue
        found[path] = cells
    return found, refused


def arrange_table(labels: Path, entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as the table `labels` says them; where it says groups alone, as folders do."""
    cells = read_table(labels)
    try:
        return _by_tables({labels: cells}, entries, config)
    except columns.NoClassesError as no_classes:
        by_folders = config if _are_folders(config) else replace(config, group=None)
        try:
            found = arrange_folders(entries, by_folders, without=[labels], only_folders=True)
        except DataError as error:
            raise DataError(f"{no_classes}; and folders: {error}") from error
        divided = _with_parts_of_table(found, {labels: cells}, config) if found.parts.keys() == {"train"} else None
        found, group = divided or found, None if _are_folders(config) else config.group
        try:
            added = by_table.add_by_table(found, cells, entries.pictures, config.columns, group=group)
        except columns.NoClassesError:
            if divided is None:
                raise no_classes from None
            return divided
        groups = found.groups if _are_folders(config) else added.groups
        return replace(added, groups=groups, tables=tuple(dict.fromkeys([*found.tables, labels])))


def _by_tables(tables: Mapping[Path, Table], entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as tables say them, one for all pictures or one for each part."""
    found: dict[Part, Mapping[Place, str]] = {}
    unlabelled: list[Place] = []
    notes: list[str] = []
    groups, weights = dict[Place, str](), dict[Place, float]()
    for path, cells in tables.items():
        part = _part_of_table(path, entries.root)
        arranged = by_table.arrange_by_table(
            cells,
            _pictures_beside(path, entries, part),
            config.columns,
            group=None if _are_folders(config) else config.group,
            skip_missing=config.skip_unreadable,
        )
        of_part = {place: name for classes in arranged.parts.values() for place, name in classes.items()}
        found |= arranged.parts if len(tables) == 1 or part is None else {part: of_part}
        unlabelled += arranged.passed_over.get(by_table.WITHOUT_LABEL, ())
        groups |= arranged.groups
        weights |= arranged.weights
        notes += arranged.notes
    arranged = by_table.arrange_parts(found, notes)
    read = {picture for classes in arranged.parts.values() for picture in classes}
    left = set(entries.pictures) - read - set(unlabelled)
    passed = {
        by_table.WITHOUT_LABEL: in_order(set(unlabelled) - read),
        by_table.NOT_LISTED: in_order(left.difference(*arranged.passed_over.values())),
        **arranged.passed_over,
    }
    if _are_folders(config):
        groups = {picture: one_form(picture.parts[-2]) for picture in read if len(picture.parts) > 1}
        if len(set(groups.values())) < 2:
            raise DataError("data.group: 'folder' needs pictures in two folders or more")
    return replace(
        arranged,
        passed_over={reason: places for reason, places in passed.items() if places},
        tables=tuple(tables),
        groups=groups,
        weights=weights,
    )


def _part_of_table(path: Path, root: Path) -> Part | None:
    """The part that a table, or a folder around it, is named after: test_labels.csv, train/metadata.csv."""
    above = path.relative_to(root).parts[-2::-1] if path.is_relative_to(root) else ()
    return part_in(path.stem) or next(filter(None, map(part_named, above)), None)


def _pictures_beside(path: Path, entries: Entries, part: Part | None) -> tuple[Place, ...]:
    """The pictures that a table may name: those in its own folder if it has any, else all but of other parts."""
    if path.parent != entries.root and path.is_relative_to(entries.root):
        folder = PurePosixPath(path.parent.relative_to(entries.root))
        below = tuple(place for place in entries.pictures if place.is_relative_to(folder))
        if below:
            return below
    return entries.pictures if part is None else _of_part(entries.pictures, part)


def _are_folders(config: DataConfig) -> bool:
    """Whether groups are folders, and no column of a table."""
    return config.group == FOLDER


def _of_part(pictures: Sequence[Place], part: Part) -> tuple[Place, ...]:
    """The pictures without those in folders that are named after another part."""
    return tuple(
        picture for picture in pictures if all(part_in(word) in (None, part) for word in picture.parts[:-1])
    )


def _several(names: Collection[str]) -> str:
    return first_names(sorted(names, key=one_form))


def first_names(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(map(shown, names[:NAMES_SHOWN])) + (", ..." if len(names) > NAMES_SHOWN else "")
