"""What the folders of a data set mean: which are parts, which are classes, and which repeat others.

Nothing here opens a file: the names and places of the pictures are all that is looked at. If they can mean two
things, a DataError lists what was found and how to choose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.class_folders import classes_at_level, classes_of, inner_folders_note
from gan_study.trainables.data.reading.class_names import with_names_of_train
from gan_study.trainables.data.reading.companions import without_companions
from gan_study.trainables.data.reading.division import Division, as_named, divide, find_parts
from gan_study.trainables.data.reading.folder_names import MASKS, Part, is_no_class, parts_among, plain
from gan_study.trainables.data.reading.folder_tree import Node, PassedOver, Place, joined, tree
from gan_study.trainables.data.reading.repeats import trimmed

_NO_GROUPS = "data.group: 'folder' needs folders below those of the classes, or different ones above them"


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """What was understood: the class of each picture by part, the rest by reason, and notes on how it was read."""

    parts: Mapping[Part, Mapping[Place, str]]
    """A part without pictures is left out."""
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    """The files that say the classes; none if folders do."""
    groups: Mapping[Place, str] = field(default_factory=dict)
    """The group of each picture that has one; empty unless groups are asked for."""
    weights: Mapping[Place, float] = field(default_factory=dict)
    """What each picture that has a weight counts in a classifier's loss; empty unless a table says weights."""


def arrange(
    pictures: Sequence[Place],
    *,
    train: Sequence[str] = (),
    test: Sequence[str] = (),
    class_level: int | None = None,
    bare_folders: Sequence[Place] = (),
    has_groups: bool = False,
) -> Arrangement:
    """What the folders that these `pictures` lie in mean; `has_groups` asks for `folder_groups` too.

    `train` and `test` name the folders of the parts where they are not to be found out, and `class_level` the
    level of folders, from 1 on below a part, that bear the names of the classes. `bare_folders` may be classes
    without a picture. Raises DataError if there are no two classes, if one is without a picture, or where
    there are several ways to read them.
    """
    if not pictures:
        raise DataError("there is no image in it")
    main, companions = without_companions(pictures, keeps_versions=class_level is not None or bool(train))
    division = _divided(tree(main), train, test, class_level)
    found = {
        part: _read_part(node, class_level, bare_folders, has_groups=has_groups)
        for part, node in division.parts.items()
    }
    groups = {picture: group for part in found.values() for picture, group in part.groups.items()}
    if has_groups and not groups:
        raise DataError(_NO_GROUPS)
    classes, of_train = with_names_of_train({name: part.classes for name, part in found.items()})
    notes = [*division.notes, *(note for part in found.values() for note in part.notes), *of_train]
    return Arrangement(
        parts=classes,
        passed_over=joined([companions, division.passed_over, *(part.passed_over for part in found.values())]),
        notes=tuple(dict.fromkeys(notes)),
        groups=groups,
    )


@dataclass(frozen=True, kw_only=True)
class _PartRead:
    """What was understood of the folders of one part: the class of each picture, and its group if asked for."""

    classes: Mapping[Place, str]
    passed_over: PassedOver
    notes: Sequence[str]
    groups: Mapping[Place, str]


def _read_part(
    node: Node, class_level: int | None, bare_folders: Sequence[Place], *, has_groups: bool
) -> _PartRead:
    found = classes_of(node, has_groups=has_groups) if class_level is None else classes_at_level(node, class_level)
    _refuse_bare_class(found.folders, bare_folders)
    inner = None if has_groups or class_level is not None else inner_folders_note(node, found.folders)
    return _PartRead(
        classes={picture: one_form(name) for name, each in found.folders.items() for picture in each.pictures},
        passed_over=found.passed_over,
        notes=[*found.notes, *([] if inner is None else [inner])],
        groups=folder_groups(found.folders) if has_groups else {},
    )


def _divided(top: Node, train: Sequence[str], test: Sequence[str], class_level: int | None) -> Division:
    """The parts as settings name them, else as they are found."""
    if train or test:
        return as_named(top, train, test)
    if class_level is None:
        return divide(top)
    whole = trimmed(top, keeps_versions=True)
    division = find_parts(whole.node) or Division(parts={"train": whole.node})
    return replace(division, passed_over=joined([whole.passed_over, division.passed_over]))


def _refuse_bare_class(classes: Mapping[str, Node], bare_folders: Sequence[Place]) -> None:
    """Raise DataError if a folder beside those of the classes has no picture."""
    beside = {each.place.parent for each in classes.values()}
    for folder in bare_folders:
        if folder.parent in beside:
            if is_no_class(folder.name) or plain(folder.name) in MASKS:
                continue
            name = shown(folder.name)
            raise DataError(f"class {name!r} has no image; if it is not a class, add it to data.exclude")


def folder_groups(classes: Mapping[str, Node]) -> Mapping[Place, str]:
    """The group of each picture by the first folder below that of its class.

    Where no class has folders in it, by the folder above, as in "10253/0/x.png", if there are two or more of these
    and they are no parts. Folders of one name are one group, in whatever class or part they lie.
    """
    below = {
        picture: one_form(name)
        for each in classes.values()
        for name, folder in each.folders.items()
        for picture in folder.pictures
    }
    if below:
        return below
    above = {
        picture: one_form(picture.parts[-3])
        for name, each in classes.items()
        for picture in each.pictures
        if len(picture.parts) > 2 and one_form(picture.parts[-2]) == one_form(name)
    }
    names = set(above.values())
    return {} if len(names) < 2 or parts_among(names) else above
