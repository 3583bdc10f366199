"""Which folders are the parts of a data set: at the first level, inside each class, or in the names of both.

If they can mean two things, a DataError lists what was found and how to choose.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeVar

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.companions import UNLABELLED
from gan_study.trainables.data.reading.folder_names import (
    Part,
    classes_and_parts,
    is_idle,
    part_in,
    part_named,
    parts_among,
)
from gan_study.trainables.data.reading.folder_tree import (
    COPIES,
    LOOSE,
    MOST_LEFT_OVER,
    NOT_READ,
    Node,
    PassedOver,
    Place,
    few,
    has_classes,
    holds_parts,
    joined,
    merged,
    share_names,
    unwrapped,
)
from gan_study.trainables.data.reading.repeats import trimmed

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Division:
    """The folder of each part, whose folders are its classes; what was skipped; how it was read."""

    parts: Mapping[Part, Node]
    passed_over: PassedOver = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def divide(top: Node) -> Division:
    """The parts that folders are named after, at the first level or inside each class; else all is one part."""
    whole = trimmed(top)
    top, left = whole.node, whole.passed_over
    if (inner := _only_with_parts(top)) is not None:
        beside = tuple(picture for picture in top.pictures if not picture.is_relative_to(inner.place))
        division = divide(inner)
        left = joined([left, {UNLABELLED: beside}])
    else:
        division = (
            find_parts(top)
            or _find_parts_in_classes(top)
            or _find_parts_in_names(top)
            or _find_one_unnamed_part(top)
            or Division(parts={"train": top})
        )
    return replace(
        division, passed_over=joined([left, division.passed_over]), notes=(*whole.notes, *division.notes)
    )


def _only_with_parts(top: Node) -> Node | None:
    """The only folder that holds parts, where those beside it are without classes, and named as parts or idly."""
    holding = [folder for folder in top.folders.values() if holds_parts(folder)]
    others = [folder for name, folder in top.folders.items() if folder not in holding]
    if len(holding) != 1 or not others or part_named(holding[0].place.name) is not None:
        return None
    names = [each.place.name for each in others]
    if not all(part_named(name) or is_idle(name) for name in names):
        return None
    return None if any(has_classes(unwrapped(each)[0]) for each in others) else holding[0]


def find_parts(top: Node) -> Division | None:
    """The folders of `top` that are named as parts and divided into classes; None if there are none."""
    inside = {name: unwrapped(folder) for name, folder in top.folders.items()}
    part_of = parts_among(top.folders)
    by_part: dict[Part, list[Node]] = {}
    for name, (node, _) in inside.items():
        if name in part_of and has_classes(node):
            by_part.setdefault(part_of[name], []).append(node)
    if not by_part:
        return None
    nodes = {part: merged(nodes) for part, nodes in by_part.items()}
    read = {name for name, (node, _) in inside.items() if any(node in each for each in by_part.values())}
    tails = {picture.relative_to(top.place) for name in read for picture in top.folders[name].pictures}
    passed: list[PassedOver] = [{LOOSE: top.loose}, *(inside[name][1] for name in read)]
    classes = {one_form(name) for node in nodes.values() for name in node.folders}
    for name in top.folders.keys() - read:
        reason = NOT_READ if one_form(name) in classes else _why_not_read(top.folders[name], tails, classes)
        passed.append({reason: top.folders[name].pictures})
    left = sum(len(places) for each in passed for reason, places in each.items() if reason == NOT_READ)
    are_known = {"train", "test"} <= by_part.keys()
    if left and are_known and all(part_in(name) == "test" for name in top.folders.keys() - read):
        # "auto_test" beside "test".
        others = [node for name, node in top.folders.items() if name not in read]
        said = f"{few(others)} with {left:,} images is not read: there is a test set; data.test chooses another"
        found = _assign(nodes, passed, {name: part_of[name] for name in sorted(read, key=one_form)})
        return replace(found, notes=(*found.notes, said))
    if left > MOST_LEFT_OVER * len(top.pictures):
        known, others = (
            [node for name, node in top.folders.items() if (name in read) is is_read] for is_read in (True, False)
        )
        raise DataError(
            f"beside {few(known)} there are {few(others)} with {left:,} more images; name the folders to "
            "use with data.train and data.test, or leave the others out with data.exclude"
        )
    return _assign(nodes, passed, {name: part_of[name] for name in sorted(read, key=one_form)})


def _assign(nodes: Mapping[Part, Node], passed: Sequence[PassedOver], names: Mapping[str, Part]) -> Division:
    """The parts as a study has them: one to train on and one to test; a third is not read."""
    said = ", ".join(
        f"{shown(name)}/ is read as the {part} set"
        for name, part in names.items()
        if name != part and part != "validation"
    )
    notes = (said,) if said else ()
    if "train" not in nodes:
        raise DataError(f"there is no training set besides {few(nodes.values())}; name its folder with data.train")
    parts, spare = with_one_test(nodes)
    if spare is not None:
        passed = [*passed, {NOT_READ: spare.pictures}]
    if "validation" in nodes:
        called = next((f"{shown(name)}/" for name, part in names.items() if part == "validation"), None)
        notes = (*notes, what_validation_is(called or str(nodes["validation"]), is_read=spare is None))
    return Division(parts=parts, passed_over=joined(passed), notes=notes)


def with_one_test(parts: Mapping[Part, T]) -> tuple[Mapping[Part, T], T | None]:
    """The parts as a study has them, to train on and to test, and the one that is not read, if there is.

    Validation is the test set where there is no other; else it is not read, as studies draw theirs.
    """
    rest: dict[Part, T] = {part: each for part, each in parts.items() if part != "validation"}
    if "validation" not in parts or "test" in parts:
        return rest, parts.get("validation")
    return {**rest, "test": parts["validation"]}, None


def what_validation_is(name: str, *, is_read: bool) -> str:
    """What became of the validation set, in words."""
    if is_read:
        return f"{name} is the test set, as there is no other"
    return f"{name} is not read, because validation images are drawn from the training set"


def _find_parts_in_classes(top: Node) -> Division | None:
    """The parts where each class folder is divided into them, as in "cat/train/"; None if that is not so.

    Raises DataError if these are divided further: products, each with parts and classes of its own.
    """
    splits = [{part_named(name) for name in node.folders} for node in top.folders.values()]
    if len(splits) < 2 or not all(node.is_divided for node in top.folders.values()) or not all(splits):
        return None
    if any(None in split or "train" not in split for split in splits):
        return None
    if all(folder.is_divided for node in top.folders.values() for folder in node.folders.values()):
        raise DataError(
            f"{few(top.folders.values())} each have parts and classes of their own; choose one of them "
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
    """The parts where folders are named after class and part, as "cats_train"; None if that is not so."""
    named = classes_and_parts(top.folders)
    if not named or any(folder.is_divided for folder in top.folders.values()):
        return None
    by_part: dict[Part, dict[str, Node]] = {}
    for name, (class_name, part) in named.items():
        by_part.setdefault(part, {})[class_name] = top.folders[name]
    nodes = {part: Node(top.place / part, (), classes) for part, classes in by_part.items()}
    found = _assign(nodes, [{LOOSE: top.loose}], {})
    said = ", ".join(f"{shown(name)}/ is {shown(of)}, {part}" for name, (of, part) in list(named.items())[:2])
    return replace(found, notes=(f"folder names contain class and split: {said}, ...", *found.notes))


def _find_one_unnamed_part(top: Node) -> Division | None:
    """The parts where all folders but one speak of tests: "rps" and "rps-test-set", of the same classes."""
    part_of = {name: part_in(name) for name in top.folders}
    divided = {name: unwrapped(folder)[0] for name, folder in top.folders.items() if folder.is_divided}
    unnamed = [name for name, part in part_of.items() if part is None]
    named = {name: part for name, part in part_of.items() if part in ("test", "validation")}
    parts = {part: name for name, part in named.items() if name in divided}
    if len(unnamed) != 1 or len(named) != len(part_of) - 1 or unnamed[0] not in divided or not parts:
        return None
    if len(parts) != len(named.keys() & divided.keys()) or not share_names(list(divided.values())):
        return None
    names: dict[str, Part] = {unnamed[0]: "train", **{name: part for part, name in parts.items()}}
    flat = tuple(place for name, folder in top.folders.items() if name not in names for place in folder.pictures)
    nodes = {part: divided[name] for name, part in names.items()}
    return _assign(nodes, [{LOOSE: top.loose, UNLABELLED: flat}], names)


def as_named(top: Node, train: Sequence[str], test: Sequence[str]) -> Division:
    """The parts as the settings name them; raises DataError for a folder without pictures."""
    if not train:
        raise DataError("data.test is given without data.train; name both, or only data.train")
    nodes: dict[Part, Node] = {"train": merged([_at(top, name, "train") for name in train])}
    if test:
        nodes["test"] = merged([_at(top, name, "test") for name in test])
    read = {picture for node in nodes.values() for picture in node.pictures}
    if sum(len(node.pictures) for node in nodes.values()) > len(read):
        raise DataError("data.train and data.test name the same images; an image is in one part")
    rest = tuple(picture for picture in top.pictures if picture not in read)
    return Division(parts=nodes, passed_over={NOT_READ: rest})


def _at(top: Node, name: str, part: Part) -> Node:
    node = top
    for word in PurePosixPath(name).parts:
        found = next((folder for known, folder in node.folders.items() if one_form(known) == one_form(word)), None)
        if found is None:
            there = "the folder of the data" if node is top else node
            has = few(node.folders.values()) or "no folders with images"
            raise DataError(f"data.{part}: {name!r} holds no image; {there} has {has}")
        node = found
    return node


def _why_not_read(folder: Node, read: Iterable[Place], classes: Collection[str]) -> str:
    """Why a folder beside parts is passed over; `read` are the places of their pictures, from beside it.

    The `classes` of the parts may be in it, too.
    """
    inside, _ = unwrapped(folder)
    if len(inside.tails() & frozenset(read)) > (1 - MOST_LEFT_OVER) * len(inside.pictures):
        return COPIES
    is_divided = has_classes(inside) and len(inside.folders) > 1
    return NOT_READ if is_divided or {*map(one_form, inside.folders)} & {*classes} else UNLABELLED
