"""The pictures of a folder or a table, by part and class, before any is opened; and what became of all others."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.files import expand
from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels, class_counts
from gan_study.trainables.data.reading import by_table, columns
from gan_study.trainables.data.reading.companions import UNLABELLED
from gan_study.trainables.data.reading.entries import NO_PICTURE, Entries, find_entries, in_order
from gan_study.trainables.data.reading.folder_names import Part, are_numbered, part_in, part_named
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.layout import (
    Arrangement,
    PassedOver,
    arrange,
)
from gan_study.trainables.data.reading.table import ENDINGS, Table, read_table
from gan_study.trainables.data.source import FOLDER, DataConfig
from gan_study.trainables.data.split import Indices

_NAMES_SHOWN = 3
# A float32, in which weights are used, has 24 bits.
_MOST_WEIGHT_RATIO = 2**24
# Tables that are looked for where no folders say the classes.
_TABLE_ENDINGS = frozenset({".csv", ".tsv"})
# A table of classes that somebody is to guess, as contests give one to show its form.
_GUESSES = re.compile("submission", re.IGNORECASE)
# Folders and a table say the same if so many pictures of each folder have one class in the table.
_SAME = 0.95


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The picture files of one part, in order, before any is opened: `paths` [N] below `root`, `labels` [N]."""

    root: Path
    paths: tuple[Path, ...]
    labels: Labels
    class_names: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    """The group of each, [N]; None unless `data.group` asks for them."""
    weights: npt.NDArray[np.float64] | None = None
    """What each counts in a classifier's loss, [N]; None unless a table says weights, and of a test part."""

    def subset(self, indices: Indices) -> "Listing":
        """The files at `indices`."""
        return replace(
            self,
            paths=tuple(self.paths[i] for i in indices),
            labels=self.labels[indices],
            groups=None if self.groups is None else tuple(self.groups[i] for i in indices),
            weights=None if self.weights is None else self.weights[indices],
        )

    def origins(self) -> tuple[str, ...]:
        """Each file by its path below `root`, as it can be shown; `find_origin` leads back."""
        return tuple(shown(path.relative_to(self.root).as_posix()) for path in self.paths)

    def class_counts(self) -> tuple[int, ...]:
        """Files of each class, in label order."""
        return class_counts(self.labels, len(self.class_names))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A data set as it was found: the pictures to train on, those to test with if they are apart, and the rest."""

    root: Path
    train: Listing
    test: Listing | None
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    """The tables that say the classes."""

    @property
    def num_found(self) -> int:
        """All entries: what is read, and what is passed over."""
        read = len(self.train.paths) + (0 if self.test is None else len(self.test.paths))
        return read + sum(map(len, self.passed_over.values()))

    def passed_over_lines(self) -> tuple[str, ...]:
        """A line for each reason why something is passed over: how many entries, and a few of them."""
        return tuple(
            f"passed over, {reason}: {len(places):,} ({_few(reason, places)})"
            for reason, places in self.passed_over.items()
        )


def data_folder(root: str) -> Path:
    """The folder that pictures are named from: `root` itself, or that of the table that it is."""
    place = expand(root)
    return place.parent if place.is_file() else place


def read_listing(config: DataConfig) -> Reading:
    """What lies in the folder, or stands in the table, that `config.root` is.

    Raises DataError where there is none, or where it cannot be read in one way alone.
    """
    if config.root is None:
        raise DataError("imagefolder needs a folder of images: name it with --data DIR")
    place = expand(config.root)
    if not place.exists():
        raise DataError(f"{place}: no such folder")
    if place.is_file() and place.suffix.lower() not in ENDINGS:
        raise DataError(f"{place}: a folder of images is needed, or a table of them (.csv, .tsv)")
    root = data_folder(config.root)
    entries = find_entries(root, exclude=config.exclude, skip_unreadable=config.skip_unreadable)
    labels = place if place.is_file() else _named_table(config, root)
    try:
        found = _by_folders(entries, config) if labels is None else _by_table(labels, entries, config)
        return _reading(entries, found, has_groups=config.group is not None)
    except DataError as error:
        raise DataError(f"{root}: {error}") from error


def _named_table(config: DataConfig, root: Path) -> Path | None:
    """The table that `data.labels` names, from here or from the folder of the data."""
    if config.labels is None:
        return None
    here = expand(config.labels)
    found = here if here.is_file() else root / here
    if not found.is_file():
        raise DataError(f"data.labels: {config.labels}: no such file")
    return found


def _by_folders(entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as folders say them, else as the only tables do that name the pictures.

    Raises DataError where a table of all pictures has other classes, and folders may well be classes too.
    """
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
        if config.train or config.test or config.class_level is not None:
            raise
        read = _read_tables(entries)
        tables, refused = _tables_of(read, entries, config)
        if len(refused) == 1 and not tables:
            raise refused[0] from None
        if not tables:
            naming = [cells for cells in read.values() if by_table.names_pictures(cells, entries.pictures)]
            if not naming:
                raise
            raise DataError(f"{error}; {_tables_in_words(naming)}") from error
        parts = [_part_of_table(path) for path in tables]
        if len(tables) > 1 and (None in parts or len(set(parts)) < len(parts)):
            names = ", ".join(shown(path.name) for path in tables)
            raise DataError(f"several tables name the pictures ({names}); name one by data.labels") from None
        return _by_tables(tables, entries, config)
    is_said = config.train or config.test or config.class_level is not None
    return found if is_said else _unless_a_table_differs(found, entries, config)


def _unless_a_table_differs(found: Arrangement, entries: Entries, config: DataConfig) -> Arrangement:
    """What folders say; what a table says where the folders are but numbered, and it has classes of its own.

    Raises DataError where they have other names, and either may be meant.
    """
    of_folders = {place: name for part in found.parts.values() for place, name in part.items()}
    folders = sorted(set(of_folders.values()), key=one_form)
    read = _read_tables(entries)
    for path, cells in read.items():
        if columns.describes_folders(cells, config.columns, folders):
            raise DataError(
                f"{shown(path.name)} says a class for each folder ({_several(folders)}), so that these are no "
                "classes; write a row for each picture, or leave the table out by data.exclude"
            )
    tables, _ = _tables_of(read, entries, replace(config, group=None))
    for path, cells in tables.items():
        if not columns.names_classes(cells, config.columns):
            continue
        arranged = _by_tables({path: cells}, entries, replace(config, group=None))
        of_table = {place: name for part in arranged.parts.values() for place, name in part.items()}
        if not of_folders.keys() <= of_table.keys() or _say_the_same(of_folders, of_table):
            continue
        if are_numbered(folders):
            return _by_tables({path: cells}, entries, config)
        raise DataError(
            f"{shown(path.name)} says other classes ({_several(set(of_table.values()))}) than the folders "
            f"({_several(folders)}); use it by data.labels={shown(path.name)}, or leave it out by data.exclude"
        )
    unread = [
        cells
        for path, cells in read.items()
        if path not in tables and by_table.names_pictures(cells, [*of_folders])
    ]
    notes = (*found.notes, *([f"folders say the classes; {_tables_in_words(unread)}"] if unread else []))
    return _with_test_table(replace(found, notes=notes), read, config)


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
    few = "; ".join(f"{each.name} ({_first(each.header)})" for each in tables[:_NAMES_SHOWN])
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


def _several(names: Collection[str]) -> str:
    return _first(sorted(names, key=one_form))


def _first(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(map(shown, names[:_NAMES_SHOWN])) + (", ..." if len(names) > _NAMES_SHOWN else "")


def _read_tables(entries: Entries) -> Mapping[Path, Table]:
    """The tables of text at the level of the pictures' common folder and the next, or above, by their files."""
    found: dict[Path, Table] = {}
    if not entries.pictures:
        return found
    depth = 1 + len(PurePosixPath(os.path.commonpath([place.parent for place in entries.pictures])).parts)
    for place in entries.passed_over.get(NO_PICTURE, ()):
        if (
            place.suffix.lower() not in _TABLE_ENDINGS
            or len(place.parts) > depth + 1
            or _GUESSES.search(place.stem)
        ):
            continue
        with contextlib.suppress(DataError):
            found[entries.root / place] = read_table(entries.root / place)
    return found


def _tables_of(
    tables: Mapping[Path, Table], entries: Entries, config: DataConfig
) -> tuple[Mapping[Path, Table], Sequence[DataError]]:
    """Those of `tables` by which the pictures have classes, and why others that name classes do not say them."""
    found, refused = {}, []
    for path, cells in tables.items():
        try:
            _by_tables({path: cells}, entries, config)
        except columns.NoGroupsError:
            raise
        except DataError as error:
            if columns.names_classes(cells, config.columns):
                refused.append(error)
            continue
        found[path] = cells
    return found, refused


def _by_table(labels: Path, entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as the table `labels` says them; where it says groups alone, as folders do."""
    cells = read_table(labels)
    try:
        return _by_tables({labels: cells}, entries, config)
    except columns.NoClassesError:
        found = _by_folders(entries, config if _are_folders(config) else replace(config, group=None))
        group = None if _are_folders(config) else config.group
        added = by_table.add_by_table(found, cells, entries.pictures, config.columns, group=group)
        groups = found.groups if _are_folders(config) else added.groups
        return replace(added, groups=groups, tables=(*found.tables, labels))


def _by_tables(tables: Mapping[Path, Table], entries: Entries, config: DataConfig) -> Arrangement:
    """The classes as tables say them, one for all pictures or one for each part."""
    found: dict[Part, Mapping[Place, str]] = {}
    unlabelled: list[Place] = []
    notes: list[str] = []
    groups, weights = dict[Place, str](), dict[Place, float]()
    for path, cells in tables.items():
        part = _part_of_table(path)
        arranged = by_table.arrange_by_table(
            cells,
            entries.pictures if part is None else _of_part(entries.pictures, part),
            config.columns,
            group=None if _are_folders(config) else config.group,
            skip_missing=config.skip_unreadable,
        )
        found |= arranged.parts if len(tables) == 1 or part is None else {part: arranged.parts["train"]}
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


def _part_of_table(path: Path) -> Part | None:
    """The part that a table is named after: train.csv, test_labels.csv, ISIC_2019_Training_GroundTruth.csv."""
    return part_in(path.stem)


def _are_folders(config: DataConfig) -> bool:
    """Whether groups are folders, and no column of a table."""
    return config.group == FOLDER


def _of_part(pictures: Sequence[Place], part: Part) -> tuple[Place, ...]:
    """The pictures without those in folders that are named after another part."""
    return tuple(
        picture for picture in pictures if all(part_in(word) in (None, part) for word in picture.parts[:-1])
    )


def _reading(entries: Entries, found: Arrangement, *, has_groups: bool) -> Reading:
    classes = tuple(sorted(set(found.parts["train"].values()), key=one_form))
    groups = found.groups if has_groups else None
    if has_groups and not found.groups:
        raise DataError(
            "data.group: no table says the classes, so that groups can be folders (data.group=folder) and no "
            "column; name the table by data.labels"
        )
    train = listing_of(entries.root, found.parts["train"], classes, groups, found.weights)
    test = None
    if "test" in found.parts:
        odd = sorted({*found.parts["test"].values()} ^ set(classes))
        if odd:
            raise DataError(
                f"the parts to train on and to test differ in their classes; only one of them has {_first(odd)}"
            )
        test = listing_of(entries.root, found.parts["test"], classes, groups)
    alone = 0 if groups is None else sum(place not in groups for of in found.parts.values() for place in of)
    notes = [f"pictures without a group, each of which is its own: {alone:,}"] if alone else []
    if train.weights is not None:
        notes.append(weights_line(train.weights))
    return Reading(
        root=entries.root,
        train=train,
        test=test,
        passed_over={**entries.passed_over, **found.passed_over},
        notes=(*found.notes, *notes),
        tables=found.tables,
    )


def weights_line(weights: npt.NDArray[np.float64]) -> str:
    """What the weights of pictures are, and what they do."""
    least, mean, most = (f"{each:.4g}" for each in (weights.min(), weights.mean(), weights.max()))
    return (
        f"weights of pictures in the loss of a classifier: {least} to {most}, {mean} on average; a generated one "
        "weighs as those of its class do on average, and scores count all alike"
    )


def listing_of(
    root: Path,
    of_class: Mapping[Place, str],
    classes: Sequence[str],
    groups: Mapping[Place, str] | None = None,
    weights: Mapping[Place, float] | None = None,
) -> Listing:
    """The files of a part, class by class and in the order of their names.

    One that has none of the `groups` is a group of its own. Raises DataError where there are `weights`, and some
    file has none or one that is nothing beside the others.
    """
    labels = {name: label for label, name in enumerate(classes)}
    if len(labels) < 2:
        raise DataError(f"one class ({', '.join(labels)}); a classifier needs at least two")
    ordered = sorted(of_class, key=lambda place: (labels[of_class[place]], place.parts))
    return Listing(
        root=root,
        paths=tuple(root / place for place in ordered),
        labels=np.array([labels[of_class[place]] for place in ordered], dtype=np.int64),
        class_names=tuple(classes),
        groups=None if groups is None else tuple(groups.get(place, f"./{place}") for place in ordered),
        weights=_weights_of(ordered, weights) if weights else None,
    )


def _weights_of(ordered: Sequence[Place], weights: Mapping[Place, float]) -> npt.NDArray[np.float64]:
    missing = [place for place in ordered if place not in weights]
    if missing:
        raise DataError(
            f"{len(missing):,} pictures to train on have no weight where others have one "
            f"({_several_places(missing)}); fill the column of weights"
        )
    found = np.array([weights[place] for place in ordered])
    if found.max() > _MOST_WEIGHT_RATIO * found.min():
        raise DataError(
            f"weights of {found.min():g} to {found.max():g}: the least are nothing beside the largest; write a "
            f"smaller range (at most {_MOST_WEIGHT_RATIO:,} times the least)"
        )
    return found


def _few(reason: str, places: Sequence[Place]) -> str:
    """A few of what is passed over; of files that are no pictures, their endings."""
    if reason == NO_PICTURE:
        kinds = Counter(shown(place.suffix.lower()) or "no extension" for place in places)
        return ", ".join(sorted(kinds))
    return _several_places(places)


def _several_places(places: Sequence[Place]) -> str:
    """The first few of places."""
    # One more than are shown says that there are more.
    return _first([str(place) for place in places[: _NAMES_SHOWN + 1]])
