"""Which folders of a part are its classes; what lies beside them, and what repeats them.

If other folders may be the classes, a DataError lists what was found and how to choose.
"""

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.folder_names import (
    NO_CLASS_OF_TWO,
    are_named_as_carriers,
    are_named_as_pieces,
    are_numbered,
    are_ranges,
    are_versions_of_a_part,
    is_idle,
    is_no_class,
    may_be_carriers,
    part_in,
    part_named,
    parts_among,
    plain,
)
from gan_study.trainables.data.reading.folder_tree import (
    LOOSE,
    NO_CLASS,
    Node,
    PassedOver,
    Place,
    collapsed,
    few,
    holds_parts,
    joined,
    merged,
    share_names,
)
from gan_study.trainables.data.reading.repeats import trimmed, without_copies

_TESTS = ("test", "validation")


class NoClassFoldersError(DataError):
    """Folders say no classes, or one alone."""


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """The folder of each class by its name, what is skipped beside them, and notes on how they were found."""

    folders: Mapping[str, Node]
    passed_over: PassedOver
    notes: tuple[str, ...] = ()


def classes_of(part: Node, *, has_groups: bool = False) -> ClassFolders:
    """The folder of each class of a part, which is read at any depth, and groups in it if it `has_groups`.

    Raises DataError if there are fewer than two, or if other folders may be the classes.
    """
    found = trimmed(part)
    node, left, notes = found.node, found.passed_over, found.notes
    if _are_pieces(node):
        notes = (*notes, f"{few(node.folders.values())} are read as pieces of one set")
        left = joined([left, {LOOSE: node.loose}])
        node = merged(list(node.folders.values()))
    classes, others = _by_name(node)
    inner = None if has_groups else _only_divided(classes, others)
    if inner is not None:
        found_inner = classes_of(inner)
        inside = set(inner.pictures)
        beside = tuple(place for place in node.pictures if place not in inside)
        passed = joined([left, {LOOSE: beside}, found_inner.passed_over])
        return ClassFolders(folders=found_inner.folders, passed_over=passed, notes=(*notes, *found_inner.notes))
    _refuse_one_name_twice(classes)
    _refuse_other_levels(node, classes, has_groups=has_groups)
    _refuse_too_few(node, classes, others)
    notes = (*notes, *_doubts(classes, others))
    without = tuple(place for each in others.values() for place in each.pictures)
    passed = joined([left, {LOOSE: node.loose, NO_CLASS: without}])
    return ClassFolders(folders=classes, passed_over=passed, notes=notes)


def _by_name(node: Node) -> tuple[Mapping[str, Node], Mapping[str, Node]]:
    """The folders that may be classes, and those that by their names are none; all may be, if no other is left.

    One that is called as a test set is none if two others are left: pictures to be predicted.
    """
    others = [name for name in node.folders if is_no_class(name)]
    tests = [name for name, each in node.folders.items() if part_named(name) in _TESTS and not each.folders]
    is_divided = any(part_named(name) == "train" for name in node.folders)
    if not is_divided and len(node.folders) - len({*others, *tests}) >= 2:
        others += tests
    if len(others) == len(node.folders):
        return node.folders, {}
    kept = {name: folder for name, folder in node.folders.items() if name not in others}
    return kept, {name: node.folders[name] for name in others}


def _doubts(classes: Mapping[str, Node], others: Mapping[str, Node]) -> Iterator[str]:
    """What is said of folders that are not classes by their names, and of classes whose names say nothing."""
    if others:
        yield (
            f"by their names these folders are not classes and are skipped: {few(others.values())}; "
            "data.class_level=1 reads them as classes"
        )
    idle = [folder for name, folder in classes.items() if is_idle(name)]
    if idle and len(idle) < len(classes):
        yield f"read as a class although the name is not specific: {few(idle)}; data.exclude leaves it out"


def _refuse_too_few(node: Node, classes: Mapping[str, Node], others: Mapping[str, Node]) -> None:
    """Raise DataError if there are fewer than two classes."""
    if not classes:
        raise NoClassFoldersError(_no_classes(node))
    pictures = [folder for name, folder in classes.items() if plain(name) in NO_CLASS_OF_TWO]
    if len(classes) == 2 and len(pictures) == 1:
        raise DataError(
            f"{few(classes.values())}: {pictures[0]} has the name of a folder of all images, so these may not "
            "be classes; if they are, set data.class_level=1, else leave one out with data.exclude"
        )
    if len(classes) < 2 and others:
        raise DataError(
            f"one class folder ({few(classes.values())}) beside {few(others.values())}, which by their names are "
            "not classes; a classifier needs two; if they are classes, set data.class_level=1"
        )
    if len(classes) < 2:
        raise NoClassFoldersError(
            f"one class folder ({shown(next(iter(classes)))}); a classifier needs at least two"
        )


def _only_divided(classes: Mapping[str, Node], others: Mapping[str, Node]) -> Node | None:
    """The only one of several folders that has two or more folders in it, if its name says nothing: "data".

    Those beside it, with loose pictures alone, are then no classes; nor are `others`, by their names, and a test
    set without classes. Raises DataError if the only other folder may be a class as the folders in it may.
    """
    folders = {name: collapsed(folder) for name, folder in classes.items()}
    divided = [name for name, folder in folders.items() if folder.is_divided and len(folder.folders) > 1]
    flat = [name for name, folder in folders.items() if not folder.folders]
    if len(divided) != 1 or len(flat) != len(folders) - 1 or not (flat or others):
        return None
    inner = folders[divided[0]]
    # An archive unpacked into a folder of its own name is not a class.
    if one_form(inner.place.name) == one_form(inner.place.parent.name):
        return inner
    if all(part_in(name) in _TESTS for name in flat) and part_in(divided[0]) is None:
        return inner
    if is_idle(divided[0]) and len(inner.pictures) >= sum(len(folders[name].pictures) for name in flat):
        return inner
    if not is_idle(divided[0]) and (len(flat) > 1 or are_numbered(inner.folders)):
        return None
    raise DataError(_either(classes, divided[0], inner))


def _either(classes: Mapping[str, Node], name: str, inner: Node) -> str:
    """That the folders in the class folder `name` may be the classes, or all class folders, in words."""
    whole, others = classes[name], {each: folder for each, folder in classes.items() if each != name}
    have = "have" if len(others) > 1 else "has"
    beside = f"{few(others.values())} {have} none"
    if any(folder.folders for folder in others.values()):
        beside = f"lies beside {few(others.values())}"
    return (
        f"{whole} has folders in it ({few(inner.folders.values())}) and {beside}: the classes may "
        f"be the folders in {whole}, or these themselves; use {whole} as the folder of the data, or set "
        "data.class_level=1"
    )


def _refuse_one_name_twice(names: Collection[str]) -> None:
    """Raise DataError if two names are one but for Unicode forms or case; letters have two cases."""
    for name, times in Counter(map(one_form, names)).items():
        if times > 1:
            raise DataError(f"two class folders are named {name!r}, in different Unicode forms or bytes")
    words = [one_form(name) for name in names if len(one_form(name)) > 1]
    for name, times in Counter(map(str.casefold, words)).items():
        if times > 1:
            alike = " and ".join(repr(each) for each in words if each.casefold() == name)
            raise DataError(
                f"the class folders {alike} differ only in upper and lower case; give them one name, or leave "
                "one out with data.exclude"
            )


def _no_classes(node: Node) -> str:
    lie = f"; {len(node.loose):,} images lie in the folder itself" if node.loose else ""
    return (
        f"no class folders, one folder of images for each class{lie}; if a table gives the class of each "
        "image, name it with data.labels"
    )


def _refuse_other_levels(node: Node, classes: Mapping[str, Node], *, has_groups: bool) -> None:
    """Raise DataError if the folders in the class folders may be the classes, or if they are not classes."""
    if are_named_as_pieces(classes):
        raise DataError(
            f"{few(classes.values())} are named as pieces of one set, not as classes; if a table gives the "
            "class of each image, name it with data.labels"
        )
    if are_named_as_carriers(classes):
        raise DataError(
            f"{few(classes.values())} are numbered like patients or visits, not like classes; if a table gives "
            "the class of each image, name it with data.labels; if they are the classes, set "
            "data.class_level=1"
        )
    are_parts = parts_among(classes).keys() == classes.keys() or are_versions_of_a_part(classes)
    are_parts |= {"train", "test"} <= {part_named(name) for name in classes}
    if len(node.loose) > len(node.pictures) / 2 or (len(classes) > 1 and are_parts):
        raise NoClassFoldersError(_no_classes(node))
    with_parts = [folder for folder in classes.values() if holds_parts(folder)]
    if with_parts:
        others = [each for each in classes.values() if each is not with_parts[0]]
        raise DataError(
            f"{with_parts[0]} holds parts of a data set of its own, beside {few(others)}; choose one of them "
            "as the folder of the data, or name the parts with data.train and data.test"
        )
    sets = [each for each in classes.values() if len(each.folders) > 1 and all(map(part_named, each.folders))]
    if sets:
        others = [each for each in classes.values() if each not in sets]
        raise DataError(
            f"{sets[0]} holds parts ({few(sets[0].folders.values())}) without classes, beside "
            f"{few(others)}; leave it out with data.exclude if it is not a class, or set data.class_level=1"
        )
    # Groups lie below the classes.
    inner = {} if has_groups else {name: collapsed(folder) for name, folder in classes.items()}
    idle = [name for name, each in inner.items() if is_idle(name) and each.is_divided and len(each.folders) > 1]
    if idle and not share_names(inner.values()):
        raise DataError(_either(classes, idle[0], inner[idle[0]]))
    if share_names(inner.values()) and not are_ranges({name for each in inner.values() for name in each.folders}):
        first = next(iter(inner.values()))
        raise DataError(
            f"the folders {few(classes.values())} have folders of the same names in them "
            f"({few(first.folders.values())}), and either may be the classes; choose the level with "
            "data.class_level, 1 or 2, or name one folder as that of the data"
        )


def _are_pieces(node: Node) -> bool:
    """Whether the folders only divide one set: numbered, and with the same classes in them."""
    return are_numbered(node.folders) and share_names(node.folders.values())


def classes_at_level(part: Node, level: int) -> ClassFolders:
    """The folder of each class where those of a level below a part bear their names.

    A folder of pictures, or one of its parent's name, that is alone in a folder is no level.
    """
    found = trimmed(part, keeps_versions=True)
    nodes, loose, copies = [found.node], list[Place](), list[PassedOver]()
    for _ in range(level - 1):
        loose += [picture for node in nodes for picture in node.loose]
        both = [without_copies(collapsed(folder)) for node in nodes for folder in node.folders.values()]
        nodes = [node for node, _ in both]
        copies += [passed for _, passed in both]
    whole = merged(nodes) if nodes else Node(part.place, (), {})
    if len(whole.folders) < 2:
        raise DataError(f"data.class_level: {len(whole.folders)} folders at level {level}; two classes are needed")
    passed = joined([found.passed_over, *copies, {LOOSE: (*loose, *whole.loose)}])
    return ClassFolders(folders=whole.folders, passed_over=passed)


def inner_folders_note(part: Node, classes: Mapping[str, Node]) -> str | None:
    """What is said of folders in class folders, whose pictures are read as the class's; None without any."""
    inner = {name: collapsed(each) for name, each in classes.items()}
    within = [name for name, each in inner.items() if each.folders]
    if not within:
        return None
    which = "class folders" if len(within) == len(classes) else few(classes[name] for name in within)
    first = few(inner[within[0]].folders.values())
    said = f"the folders in {which} ({first}) are read as part of the class"
    if may_be_carriers([folder for name in within for folder in inner[name].folders]):
        return f"{said}; if each is a patient or similar, data.group=folder keeps it on one side of every split"
    if not all(inner[name].is_divided for name in within):
        return said
    with contextlib.suppress(DataError):
        classes_at_level(part, 2)
        return f"{said}; with data.class_level=2 they are the classes, and with data.group=folder groups"
    return said
