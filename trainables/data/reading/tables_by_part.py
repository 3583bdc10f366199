"""What tables say of a whole data set: its classes, by one table or one for each part; or the parts of folders."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading import by_table, columns
from gan_study.trainables.data.reading.companions import UNLABELLED
from gan_study.trainables.data.reading.division import what_validation_is
from gan_study.trainables.data.reading.entries import Entries, in_order
from gan_study.trainables.data.reading.folder_names import Part, names_train_and_validation, part_in, part_named
from gan_study.trainables.data.reading.folder_tree import Place, joined
from gan_study.trainables.data.reading.layout import Arrangement
from gan_study.trainables.data.reading.table import Table
from gan_study.trainables.data.source import FOLDER, DataConfig


def arrange_by_tables(tables: Mapping[Path, Table], entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as tables say them, one for all pictures or one for each part."""
    found: dict[Part, Mapping[Place, str]] = {}
    unlabelled: list[Place] = []
    notes: list[str] = []
    groups, weights = dict[Place, str](), dict[Place, float]()
    for path, cells in tables.items():
        part = part_of_table(path, entries.root)
        arranged = _arrange_by_one(path, cells, entries, config)
        found |= arranged.parts if len(tables) == 1 or part is None else {part: of_all(arranged.parts)}
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
    if config.group == FOLDER:
        groups = {picture: one_form(picture.parts[-2]) for picture in read if len(picture.parts) > 1}
        if len(set(groups.values())) < 2:
            raise DataError("data.group: 'folder' needs images in two folders or more")
    return replace(
        arranged,
        passed_over={reason: places for reason, places in passed.items() if places},
        tables=tuple(tables),
        groups=groups,
        weights=weights,
    )


def _arrange_by_one(path: Path, cells: Table, entries: Entries, config: DataConfig) -> Arrangement:
    """The classes and parts by one table, the validation part among them."""
    return by_table.arrange_by_table(
        cells,
        _pictures_beside(path, entries, part_of_table(path, entries.root)),
        config.columns,
        group=None if config.group == FOLDER else config.group,
        skip_missing=config.skip_unreadable,
    )


def part_of_table(path: Path, root: Path) -> Part | None:
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


def _of_part(pictures: Sequence[Place], part: Part) -> tuple[Place, ...]:
    """The pictures without those in folders that are named after another part."""
    return tuple(
        picture for picture in pictures if all(part_in(word) in (None, part) for word in picture.parts[:-1])
    )


def parts_by(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Mapping[Path, Mapping[Part, Mapping[Place, str]]]:
    """The class of each picture in each part by each of the tables."""
    without_groups = replace(config, group=None)
    return {path: _arrange_by_one(path, cells, entries, without_groups).parts for path, cells in tables.items()}


def labels_by(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> Mapping[Path, Mapping[Place, str]]:
    """The class of each picture by each of the tables, whatever its part."""
    return {path: of_all(parts) for path, parts in parts_by(tables, entries, config).items()}


def of_all(parts: Mapping[Part, Mapping[Place, str]]) -> dict[Place, str]:
    """The class of each picture, whatever its part."""
    return {place: name for classes in parts.values() for place, name in classes.items()}


def fitting_tables(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> tuple[Mapping[Path, Table], Sequence[tuple[Table, DataError]]]:
    """Those of `tables` by which the pictures have classes, and why others that name classes do not say them."""
    found, refused = {}, []
    for path, cells in tables.items():
        try:
            arrange_by_tables({path: cells}, entries, config)
        except columns.NoGroupsError:
            raise
        except DataError as error:
            if columns.names_classes(cells, config.columns):
                refused.append((cells, error))
            continue
        found[path] = cells
    return found, refused


def why_no_list_fits(lists: Mapping[Path, Table], entries: Entries, config: DataConfig) -> Iterator[str]:
    """Why each of the lists that have more than names does not say the classes."""
    for path, cells in lists.items():
        if len(cells.header) > 1:
            try:
                arrange_by_tables({path: cells}, entries, config)
            except DataError as error:
                yield str(error)


def with_parts_of_table(found: Arrangement, read: Mapping[Path, Table], config: DataConfig) -> Arrangement | None:
    """With the parts as a table says them of all pictures of class folders; None if none does."""
    classes = found.parts["train"]
    for path, cells in read.items():
        with contextlib.suppress(DataError):
            by_split = by_table.parts_by_table(cells, [*classes], config.columns)
            if by_split is None or set(by_split[0].values()) == {"train"}:
                continue
            part_of, splits = by_split
            said = f"folders give the classes, and {cells.name} the parts, by {', '.join(splits.names)}"
            return _divided(found, part_of, [path], [said, *filter(None, [splits.note])])
    return None


def with_table_a_part(found: Arrangement, read: Mapping[Path, Table], root: Path) -> Arrangement | None:
    """With the parts of classes as tables say them by their names: train.csv, test.csv and validation.csv.

    None unless each picture is in one of them, and there are several parts.
    """
    classes, part_of, paths = found.parts["train"], dict[Place, Part](), list[Path]()
    for path, part in _part_of_each(read, root).items():
        with contextlib.suppress(DataError):
            named = set(by_table.pictures_named(read[path], [*classes]))
            if any(part_of.get(place, part) != part for place in named):
                return None
            part_of |= dict.fromkeys(named, part)
            paths += [path] if named else []
    if not (part_of.keys() >= classes.keys() and {"train", "test"} <= set(part_of.values())):
        return None
    names = ", ".join(read[path].name for path in paths)
    return _divided(found, part_of, paths, [f"the names of {names} say the parts"])


def _part_of_each(tables: Collection[Path], root: Path) -> Mapping[Path, Part]:
    """The part of each of the `tables` that is called by one; "trainval" is to train on if no other table is."""
    found = {path: part for path in tables if (part := part_of_table(path, root)) is not None}
    if "train" in found.values():
        return found
    of_both = [path for path in tables if path not in found and names_train_and_validation(path.stem)]
    return {**found, **dict[Path, Part].fromkeys(of_both, "train")}


def _divided(
    found: Arrangement, part_of: Mapping[Place, Part], tables: Sequence[Path], notes: Sequence[str]
) -> Arrangement:
    """`found`, all of which is to train on, with these parts."""
    parts: dict[Part, dict[Place, str]] = {}
    for place, name in found.parts["train"].items():
        parts.setdefault(part_of[place], {})[place] = name
    arranged = by_table.arrange_parts(parts, [*found.notes, *notes])
    return replace(
        found,
        parts=arranged.parts,
        passed_over=joined([found.passed_over, arranged.passed_over]),
        notes=arranged.notes,
        tables=(*found.tables, *tables),
    )


def with_test_table(found: Arrangement, read: Mapping[Path, Table], root: Path, config: DataConfig) -> Arrangement:
    """With a test set, or else a validation set, that no folders divide, where a table says all its classes.

    The classes of the table are those of the part to train on.
    """
    without_class = found.passed_over.get(UNLABELLED, ())
    for part in ("test", "validation") if "test" not in found.parts else ():
        pictures = [place for place in without_class if any(part_named(word) == part for word in place.parts[:-1])]
        for path, cells in read.items() if pictures else ():
            if part_of_table(path, root) != part:
                continue
            with contextlib.suppress(DataError):
                said = _classes_of(cells, pictures, set(found.parts["train"].values()), config)
                rest = tuple(place for place in without_class if place not in said.parts["train"])
                others = {reason: each for reason, each in found.passed_over.items() if reason != UNLABELLED}
                is_validation = [what_validation_is(f"{part} set", is_read=True)] if part == "validation" else []
                return replace(
                    found,
                    parts={**found.parts, "test": said.parts["train"]},
                    passed_over={**others, **({UNLABELLED: rest} if rest else {})},
                    tables=(*found.tables, path),
                    notes=(*found.notes, *said.notes, *is_validation),
                )
    return found


def _classes_of(
    cells: Table, pictures: Sequence[Place], classes: Collection[str], config: DataConfig
) -> Arrangement:
    """The class of each of the `pictures` by a table; raises DataError unless it has all, and these `classes`."""
    label = config.columns.label
    if not columns.names_classes(cells, config.columns):
        label = by_table.column_of_classes(cells, pictures, classes)
    found = by_table.arrange_by_table(cells, pictures, replace(config.columns, label=label))
    if found.parts.keys() != {"train"} or found.parts["train"].keys() != set(pictures):
        raise DataError(f"{cells.name} does not name all images of a part")
    if set(found.parts["train"].values()) != set(classes):
        raise DataError(f"{cells.name} has other classes")
    return found
