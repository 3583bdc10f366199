"""Which folders of a part are its classes; what lies beside them, and what repeats them.

Where other folders may be the classes, a DataError says what was found and how to say what is meant.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.folder_names import (
    are_named_as_carriers,
    are_named_as_pieces,
    are_numbered,
    are_versions_of_a_part,
    is_idle,
    parts_among,
)
from gan_study.trainables.data.reading.folder_tree import (
    COPIES,
    LOOSE,
    MOST_LEFT_OVER,
    Node,
    PassedOver,
    Place,
    few,
    holds_parts,
    joined,
    merged,
    unwrapped,
)

# Folders whose subfolders have names in common to this extent divide the same classes.
_SAME_CLASSES = 0.5


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """The folder of each class by its name, what is passed over beside them, and notes on how they were found."""

    folders: Mapping[str, Node]
    passed_over: PassedOver
    notes: tuple[str, ...] = ()


def classes_of(part: Node, *, has_groups: bool = False) -> ClassFolders:
    """The folder of each class of a part, which is read at any depth, and groups in it if it `has_groups`.

    Raises DataError where there are fewer than two, or where other folders may be the classes.
    """
    node, left = unwrapped(part)
    notes: tuple[str, ...] = ()
    if _are_pieces(node):
        notes = (f"{few(node.folders.values())} are read as pieces of one set",)
        node = merged(list(node.folders.values()))
        left = joined([left, {LOOSE: node.loose}])
    copies = [name for name in node.folders if _is_copy_of_siblings(node, name)]
    classes = {name: folder for name, folder in node.folders.items() if name not in copies}
    if not has_groups and (inner := _only_divided(classes)) is not None:
        found = classes_of(inner)
        beside = [place for each in classes.values() if each is not inner for place in each.pictures]
        passed = joined([left, {LOOSE: (*node.loose, *beside)}, found.passed_over])
        return ClassFolders(folders=found.folders, passed_over=passed, notes=(*notes, *found.notes))
    _refuse_one_name_twice(classes)
    _refuse_other_levels(node, classes, has_groups=has_groups)
    if not classes:
        raise DataError(_no_classes(node))
    if len(classes) < 2:
        raise DataError(f"one class folder ({shown(next(iter(classes)))}); a classifier needs at least two")
    passed = joined([left, {LOOSE: node.loose, COPIES: _pictures_of(node, copies)}])
    return ClassFolders(folders=classes, passed_over=passed, notes=notes)


def _only_divided(folders: Mapping[str, Node]) -> Node | None:
    """The only one of several folders that has two or more folders in it, if its name says nothing: "data".

    The others, with loose pictures alone, are no classes beside it. Raises DataError where the only other folder
    may be a class as well as the folders in it.
    """
    divided = [name for name, folder in folders.items() if folder.is_divided and len(folder.folders) > 1]
    others = [folder for folder in folders.values() if not folder.folders]
    if len(divided) != 1 or len(others) != len(folders) - 1 or not others:
        return None
    inner = folders[divided[0]]
    if is_idle(divided[0]) and len(inner.pictures) >= sum(len(each.pictures) for each in others):
        return inner
    if not is_idle(divided[0]) and (len(others) > 1 or are_numbered(inner.folders)):
        return None
    raise DataError(
        f"{inner} has folders in it ({few(inner.folders.values())}) and {few(others)} has none: the classes may "
        f"be the folders in {inner}, or these themselves; name {inner} as the folder of the data, or say "
        "data.class_level 1"
    )


def _refuse_one_name_twice(names: Collection[str]) -> None:
    """Raise DataError where two names are one but for Unicode forms or case; letters have two cases."""
    for name, times in Counter(map(one_form, names)).items():
        if times > 1:
            raise DataError(f"two class folders are named {name!r}, in different Unicode forms or bytes")
    words = [one_form(name) for name in names if len(one_form(name)) > 1]
    for name, times in Counter(map(str.casefold, words)).items():
        if times > 1:
            alike = " and ".join(repr(each) for each in words if each.casefold() == name)
            raise DataError(
                f"the class folders {alike} differ in their case alone; give them one name, or name one by "
                "data.exclude"
            )


def _no_classes(node: Node) -> str:
    lie = f"; {len(node.loose):,} pictures lie in the folder itself" if node.loose else ""
    return (
        f"no class folders, one folder of pictures for each class{lie}; where a table says the class of each, "
        "name it by data.labels"
    )


def _refuse_other_levels(node: Node, classes: Mapping[str, Node], *, has_groups: bool) -> None:
    """Raise DataError where the folders in the class folders may be the classes, or where they are no classes."""
    if are_named_as_pieces(classes):
        raise DataError(
            f"{few(classes.values())} are named as pieces of one set, and no classes; where a table says the "
            "class of each picture, name it by data.labels"
        )
    if are_named_as_carriers(classes):
        raise DataError(
            f"{few(classes.values())} are numbered as patients or visits are, and no classes; where a table says "
            "the class of each picture, name it by data.labels, and where they are the classes, say "
            "data.class_level 1"
        )
    are_parts = parts_among(classes).keys() == classes.keys() or are_versions_of_a_part(classes)
    if len(node.loose) > len(node.pictures) / 2 or (len(classes) > 1 and are_parts):
        raise DataError(_no_classes(node))
    with_parts = [folder for folder in classes.values() if holds_parts(folder)]
    if with_parts:
        others = [each for each in classes.values() if each is not with_parts[0]]
        raise DataError(
            f"{with_parts[0]} holds parts of a data set of its own, beside {few(others)}; name the folder that "
            "is meant as that of the data, or those of the parts by data.train and data.test"
        )
    # Groups lie below the classes.
    if not has_groups and _share_names(classes.values()):
        first = next(iter(classes.values()))
        raise DataError(
            f"the folders {few(classes.values())} have folders of the same names in them "
            f"({few(first.folders.values())}), and either may be the classes; say which level by "
            "data.class_level, 1 or 2, or name one folder as that of the data"
        )


def _are_pieces(node: Node) -> bool:
    """Whether the folders only divide one set: numbered, and with the same classes in them."""
    return are_numbered(node.folders) and _share_names(node.folders.values())


def _share_names(folders: Collection[Node]) -> bool:
    """Whether these folders, two or more, are divided, and names that come again are half of all names in them."""
    names = [{one_form(name).casefold() for name in folder.folders} for folder in folders if folder.is_divided]
    if len(names) < max(2, len(folders)):
        return False
    number = Counter(name for each in names for name in each)
    again = [times for times in number.values() if times > 1]
    return len(again) > 1 and sum(again) >= _SAME_CLASSES * number.total()


def _is_copy_of_siblings(node: Node, name: str) -> bool:
    """Whether the folder `name` of `node` repeats the folders beside it: data/cat, data/dog, data/data/cat, ..."""
    folder, _ = unwrapped(node.folders[name])
    if not folder.folders or not folder.folders.keys() <= node.folders.keys() - {name}:
        return False
    beside = {picture.relative_to(node.place) for picture in node.pictures}
    return len(folder.tails() & beside) > (1 - MOST_LEFT_OVER) * len(folder.pictures)


def classes_at_level(part: Node, level: int) -> ClassFolders:
    """The folder of each class where those of a level below a part bear their names."""
    nodes, loose = [part], list[Place]()
    for _ in range(level - 1):
        loose += [picture for node in nodes for picture in node.loose]
        nodes = [folder for node in nodes for folder in node.folders.values()]
    whole = merged(nodes) if nodes else Node(part.place, (), {})
    if len(whole.folders) < 2:
        raise DataError(f"data.class_level: {len(whole.folders)} folders at level {level}; two classes are needed")
    return ClassFolders(folders=whole.folders, passed_over={LOOSE: (*loose, *whole.loose)})


def _pictures_of(node: Node, names: Sequence[str]) -> tuple[Place, ...]:
    return tuple(picture for name in names for picture in node.folders[name].pictures)
