"""What the folders of a data set mean: which are parts, which are classes, and which repeat others.

Nothing here opens a file: the names and places of the pictures are all that is looked at. Where they can mean two
things, a DataError says what was found and how to say what is meant.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias, TypeVar

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.companions import UNLABELLED, without_companions
from gan_study.trainables.data.reading.folder_names import (
    Part,
    are_named_as_carriers,
    are_named_as_pieces,
    are_numbered,
    are_versions_of_a_part,
    classes_and_parts,
    is_idle,
    part_in,
    part_named,
    parts_among,
)
from gan_study.trainables.data.reading.folder_tree import MOST_LEFT_OVER, Node, Place, few, merged, tree

T = TypeVar("T")
# Places by the reason why they are passed over.
PassedOver: TypeAlias = Mapping[str, tuple[Place, ...]]

# Folders whose subfolders have names in common to this extent divide the same classes.
_SAME_CLASSES = 0.5

COPIES = "copies of pictures read"
LOOSE, NOT_READ = "pictures outside of class folders", "of parts not read"


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """What was understood: the class of each picture by part, the rest by reason, and notes on how it was read."""

    parts: Mapping[Part, Mapping[Place, str]]
    """A part without pictures is left out."""
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    """The files that say the classes; none where folders do."""
    groups: Mapping[Place, str] = field(default_factory=dict)
    """The group of each picture that has one; empty unless groups are asked for."""
    weights: Mapping[Place, float] = field(default_factory=dict)
    """What each picture that has a weight counts in a classifier's loss; empty unless a table says weights."""


@dataclass(frozen=True, kw_only=True)
class Division:
    """The folder of each part, whose folders are its classes; what was passed over; how it was read."""

    parts: Mapping[Part, Node]
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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
    level of folders, from 1 on below a part, that bear the names of the classes. `bare_folders` hold no picture.
    Raises DataError where there are no two classes, where one is without a picture, or where there are several
    ways to read them.
    """
    if not pictures:
        raise DataError("there is no picture in it")
    main, companions = without_companions(pictures)
    top = tree(main)
    if train or test:
        division = _as_named(top, train, test)
    elif class_level is not None:
        division = _find_parts(top) or Division(parts={"train": top})
    else:
        division = divide(top)
    parts: dict[Part, Mapping[Place, str]] = {}
    passed: list[PassedOver] = [companions, division.passed_over]
    notes = list(division.notes)
    groups: dict[Place, str] = {}
    for part, node in division.parts.items():
        found = classes_of(node, has_groups=has_groups) if class_level is None else _at_level(node, class_level)
        classes = found.folders
        parts[part] = {picture: one_form(name) for name, each in classes.items() for picture in each.pictures}
        passed.append(found.passed_over)
        notes += found.notes
        if has_groups:
            groups |= folder_groups(classes)
        beside = {each.place.parent for each in classes.values()}
        for folder in bare_folders:
            if folder.parent in beside:
                name = shown(folder.name)
                raise DataError(f"class {name!r} is without a picture; if it is no class, name it by data.exclude")
        divided = [each for each in classes.values() if each.is_divided]
        if divided and class_level is None and not has_groups:
            which = "class folders" if len(divided) == len(classes) else few(divided)
            notes.append(
                f"the folders in {which} ({few(divided[0].folders.values())}) are read as part of the class; "
                "with data.class_level 2 they are the classes"
            )
    named = _with_names_of_train(parts)
    if has_groups and not groups:
        raise DataError(
            "data.group: 'folder' needs folders below those of the classes, or different ones above them; there "
            "are neither"
        )
    return Arrangement(parts=named, passed_over=_joined(passed), notes=tuple(dict.fromkeys(notes)), groups=groups)


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


def divide(top: Node) -> Division:
    """The parts that folders are named after, at the first level or inside each class; else all is one part."""
    top, left = _unwrapped(top)
    if (inner := _only_with_parts(top)) is not None:
        beside = tuple(picture for picture in top.pictures if not picture.is_relative_to(inner.place))
        division = divide(inner)
        return replace(division, passed_over=_joined([left, {UNLABELLED: beside}, division.passed_over]))
    found = _find_parts(top) or _find_parts_in_classes(top) or _find_parts_in_names(top)
    if found is None:
        found = Division(parts={"train": top})
    return replace(found, passed_over=_joined([left, found.passed_over]))


def _only_with_parts(top: Node) -> Node | None:
    """The only folder that holds parts, where those beside it are named as parts and without classes."""
    holding = [folder for folder in top.folders.values() if _holds_parts(folder)]
    others = [folder for name, folder in top.folders.items() if folder not in holding]
    if len(holding) != 1 or not others or part_named(holding[0].place.name) is not None:
        return None
    are_unlabelled = all(part_named(each.place.name) and not _has_classes(_unwrapped(each)[0]) for each in others)
    return holding[0] if are_unlabelled else None


def _find_parts(top: Node) -> Division | None:
    """The folders of `top` that are named as parts and divided into classes; None if there are none."""
    inside = {name: _unwrapped(folder) for name, folder in top.folders.items()}
    part_of = parts_among(top.folders)
    by_part: dict[Part, list[Node]] = {}
    for name, (node, _) in inside.items():
        if name in part_of and _has_classes(node):
            by_part.setdefault(part_of[name], []).append(node)
    if not by_part:
        return None
    nodes = {part: merged(nodes) for part, nodes in by_part.items()}
    read = {name for name, (node, _) in inside.items() if any(node in each for each in by_part.values())}
    tails = {picture.relative_to(top.place) for name in read for picture in top.folders[name].pictures}
    passed: list[PassedOver] = [{LOOSE: top.loose}, *(inside[name][1] for name in read)]
    classes = {one_form(name) for node in nodes.values() for name in node.folders}
    for name in top.folders.keys() - read:
        reason = NOT_READ if one_form(name) in classes else _why_not_read(top.folders[name], tails)
        passed.append({reason: top.folders[name].pictures})
    left = sum(len(places) for each in passed for reason, places in each.items() if reason == NOT_READ)
    if left > MOST_LEFT_OVER * len(top.pictures):
        known, others = (
            [node for name, node in top.folders.items() if (name in read) is is_read] for is_read in (True, False)
        )
        raise DataError(
            f"beside {few(known)} there are {few(others)} with {left:,} more pictures; name the folders that "
            "are meant by data.train and data.test, or those that are not by data.exclude"
        )
    return _assign(nodes, passed, {name: part_of[name] for name in sorted(read, key=one_form)})


def _assign(nodes: Mapping[Part, Node], passed: Sequence[PassedOver], names: Mapping[str, Part]) -> Division:
    """The parts as a study has them: one to train on and one to test; a third is not read."""
    said = ", ".join(
        f"{shown(name)}/ is read as the {part} part"
        for name, part in names.items()
        if name != part and part != "validation"
    )
    notes = (said,) if said else ()
    if "train" not in nodes:
        raise DataError(
            f"there is no part to train on beside {few(nodes.values())}; name its folder by data.train"
        )
    parts, spare = with_one_test(nodes)
    if spare is not None:
        passed = [*passed, {NOT_READ: spare.pictures}]
    if "validation" in nodes:
        notes = (*notes, what_validation_is(str(nodes["validation"]), is_read=spare is None))
    return Division(parts=parts, passed_over=_joined(passed), notes=notes)


def with_one_test(parts: Mapping[Part, T]) -> tuple[Mapping[Part, T], T | None]:
    """The parts as a study has them, to train on and to test, and the one that is not read, if there is.

    Validation is the test part where there is no other; else it is not read, as studies draw theirs.
    """
    rest: dict[Part, T] = {part: each for part, each in parts.items() if part != "validation"}
    if "validation" not in parts or "test" in parts:
        return rest, parts.get("validation")
    return {**rest, "test": parts["validation"]}, None


def what_validation_is(name: str, *, is_read: bool) -> str:
    """What became of the validation part, in words."""
    if is_read:
        return f"{name} is the test part, as there is no other"
    return f"{name} is not read, as validation images are drawn from those to train on"


def _find_parts_in_classes(top: Node) -> Division | None:
    """The parts where each class folder is divided into them, as in "cat/train/"; None where that is not so.

    Raises DataError where these are divided further: products, each with parts and classes of its own.
    """
    splits = [{part_named(name) for name in node.folders} for node in top.folders.values()]
    if len(splits) < 2 or not all(node.is_divided for node in top.folders.values()) or not all(splits):
        return None
    if any(None in split or "train" not in split for split in splits):
        return None
    if all(folder.is_divided for node in top.folders.values() for folder in node.folders.values()):
        raise DataError(
            f"{few(top.folders.values())} each have parts and classes of their own; name the one that is meant "
            "as the folder of the data"
        )
    by_part: dict[Part, dict[str, list[Node]]] = {}
    for name, node in top.folders.items():
        for inner, folder in node.folders.items():
            part = part_named(inner)
            assert part is not None
            by_part.setdefault(part, {}).setdefault(name, []).append(folder)
    nodes = {
        part: Node(top.place / part, (), {name: merged(folders) for name, folders in classes.items()})
        for part, classes in by_part.items()
    }
    loose = (*top.loose, *(picture for node in top.folders.values() for picture in node.loose))
    found = _assign(nodes, [{LOOSE: loose}], {})
    return replace(found, notes=("each class folder is divided into parts", *found.notes))


def _find_parts_in_names(top: Node) -> Division | None:
    """The parts where folders are named after class and part, as "cats_train"; None where that is not so."""
    named = classes_and_parts(top.folders)
    if not named or any(folder.is_divided for folder in top.folders.values()):
        return None
    by_part: dict[Part, dict[str, Node]] = {}
    for name, (class_name, part) in named.items():
        by_part.setdefault(part, {})[class_name] = top.folders[name]
    nodes = {part: Node(top.place / part, (), classes) for part, classes in by_part.items()}
    found = _assign(nodes, [{LOOSE: top.loose}], {})
    said = ", ".join(f"{shown(name)}/ is {shown(of)}, {part}" for name, (of, part) in list(named.items())[:2])
    return replace(found, notes=(f"folders are named after class and part: {said}, ...", *found.notes))


def _as_named(top: Node, train: Sequence[str], test: Sequence[str]) -> Division:
    """The parts as the settings name them; raises DataError for a folder without pictures."""
    if not train:
        raise DataError("data.test is given and data.train is not; name both, or data.train alone")
    nodes: dict[Part, Node] = {"train": merged([_at(top, name, "train") for name in train])}
    if test:
        nodes["test"] = merged([_at(top, name, "test") for name in test])
    read = {picture for node in nodes.values() for picture in node.pictures}
    if sum(len(node.pictures) for node in nodes.values()) > len(read):
        raise DataError("data.train and data.test name the same pictures; a picture is in one part")
    rest = tuple(picture for picture in top.pictures if picture not in read)
    return Division(parts=nodes, passed_over={NOT_READ: rest})


def _at(top: Node, name: str, part: Part) -> Node:
    node = top
    for word in PurePosixPath(name).parts:
        found = next((folder for known, folder in node.folders.items() if one_form(known) == one_form(word)), None)
        if found is None:
            there = "the folder of the data" if node is top else node
            has = few(node.folders.values()) or "no folders with pictures"
            raise DataError(f"data.{part}: {name!r} holds no picture; {there} has {has}")
        node = found
    return node


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
    node, left = _unwrapped(part)
    notes: tuple[str, ...] = ()
    if _are_pieces(node):
        notes = (f"{few(node.folders.values())} are read as pieces of one set",)
        node = merged(list(node.folders.values()))
        left = _joined([left, {LOOSE: node.loose}])
    copies = [name for name in node.folders if _is_copy_of_siblings(node, name)]
    classes = {name: folder for name, folder in node.folders.items() if name not in copies}
    if not has_groups and (inner := _only_divided(classes)) is not None:
        found = classes_of(inner)
        beside = [place for each in classes.values() if each is not inner for place in each.pictures]
        passed = _joined([left, {LOOSE: (*node.loose, *beside)}, found.passed_over])
        return ClassFolders(folders=found.folders, passed_over=passed, notes=(*notes, *found.notes))
    _refuse_one_name_twice(classes)
    _refuse_other_levels(node, classes, has_groups=has_groups)
    if not classes:
        raise DataError(_no_classes(node))
    if len(classes) < 2:
        raise DataError(f"one class folder ({shown(next(iter(classes)))}); a classifier needs at least two")
    passed = _joined([left, {LOOSE: node.loose, COPIES: _pictures_of(node, copies)}])
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
    with_parts = [folder for folder in classes.values() if _holds_parts(folder)]
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


def _holds_parts(folder: Node) -> bool:
    inside, _ = _unwrapped(folder)
    return any(part_named(name) == "train" and each.is_divided for name, each in inside.folders.items())


def _has_classes(node: Node) -> bool:
    """Whether the pictures lie in folders, and not in a single one that is named "images" or as the part is."""
    names = list(node.folders)
    return node.is_divided and (len(names) > 1 or not (is_idle(names[0]) or part_in(names[0])))


def _are_pieces(node: Node) -> bool:
    """Whether the folders only divide one set: numbered, and with the same classes in them."""
    return are_numbered(node.folders) and _share_names(node.folders.values())


def _share_names(folders: Collection[Node]) -> bool:
    """Whether these folders, two or more, are divided, and two or more names come again in most of them or all."""
    names = [{one_form(name).casefold() for name in folder.folders} for folder in folders if folder.is_divided]
    if len(names) < max(2, len(folders)):
        return False
    number = Counter(name for each in names for name in each)
    common = [name for name, times in number.items() if times > 1]
    covered = sum(number[name] for name in common)
    # Few names for many folders, as of patients who have one class or the other; or the same in nearly all.
    is_repeated = covered >= 2 * len(common) and number.total() >= 2 * len(number)
    is_in_most = sum(number[name] for name in common if number[name] > len(names) / 2)
    return len(common) >= 2 and max(is_in_most, covered if is_repeated else 0) >= _SAME_CLASSES * number.total()


def _is_copy_of_siblings(node: Node, name: str) -> bool:
    """Whether the folder `name` of `node` repeats the folders beside it: data/cat, data/dog, data/data/cat, ..."""
    folder, _ = _unwrapped(node.folders[name])
    if not folder.folders or not folder.folders.keys() <= node.folders.keys() - {name}:
        return False
    beside = {picture.relative_to(node.place) for picture in node.pictures}
    return len(folder.tails() & beside) > (1 - MOST_LEFT_OVER) * len(folder.pictures)


def _why_not_read(folder: Node, read: Iterable[Place]) -> str:
    """Why a folder beside parts is passed over; `read` are the places of their pictures, from beside it."""
    inside, _ = _unwrapped(folder)
    if len(inside.tails() & frozenset(read)) > (1 - MOST_LEFT_OVER) * len(inside.pictures):
        return COPIES
    return NOT_READ if _has_classes(inside) and len(inside.folders) > 1 else UNLABELLED


def _at_level(part: Node, level: int) -> ClassFolders:
    """The folder of each class where those of a level below a part bear their names."""
    nodes, loose = [part], list[Place]()
    for _ in range(level - 1):
        loose += [picture for node in nodes for picture in node.loose]
        nodes = [folder for node in nodes for folder in node.folders.values()]
    whole = merged(nodes) if nodes else Node(part.place, (), {})
    if len(whole.folders) < 2:
        raise DataError(f"data.class_level: {len(whole.folders)} folders at level {level}; two classes are needed")
    return ClassFolders(folders=whole.folders, passed_over={LOOSE: (*loose, *whole.loose)})


def _with_names_of_train(parts: Mapping[Part, Mapping[Place, str]]) -> Mapping[Part, Mapping[Place, str]]:
    """The parts, the classes of each named as those to train on where only the case differs."""
    plain: dict[str, list[str]] = {}
    for name in dict.fromkeys(parts["train"].values()):
        plain.setdefault(name.casefold(), []).append(name)
    known = set(parts["train"].values())

    def as_in_train(name: str) -> str:
        alike = plain.get(name.casefold(), [])
        return alike[0] if name not in known and len(alike) == 1 else name

    return {part: {each: as_in_train(name) for each, name in of.items()} for part, of in parts.items()}


def _unwrapped(node: Node) -> tuple[Node, PassedOver]:
    """The folder below `node` in which the pictures are divided, and the few that lie beside the way there."""
    loose: list[Place] = []
    while len(node.folders) == 1 and node.is_divided:
        (inner,) = node.folders.values()
        if not inner.folders or (part_named(inner.place.name) is not None and not _repeats_name(node, inner)):
            break
        loose += node.loose
        node = inner
    return node, {LOOSE: tuple(loose)} if loose else {}


def _repeats_name(outer: Node, inner: Node) -> bool:
    """Whether an archive was unpacked into a folder of its own name: "seg_train/seg_train/"."""
    return part_named(outer.place.name) == part_named(inner.place.name)


def _pictures_of(node: Node, names: Sequence[str]) -> tuple[Place, ...]:
    return tuple(picture for name in names for picture in node.folders[name].pictures)


def _joined(each: Iterable[PassedOver]) -> PassedOver:
    """All that is passed over, a reason without places left out."""
    found: dict[str, tuple[Place, ...]] = {}
    for passed in each:
        for reason, places in passed.items():
            if places:
                found[reason] = (*found.get(reason, ()), *places)
    return found
