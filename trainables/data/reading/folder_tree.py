"""Folders of pictures as a tree."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeAlias

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.data.reading.folder_names import is_idle, part_in, part_named

Place: TypeAlias = PurePosixPath
# Places by the reason why they are skipped.
PassedOver: TypeAlias = Mapping[str, tuple[Place, ...]]

COPIES, VERSIONS = (
    "copies, by folders and names, of images read",
    "augmented or resized versions of other images",
)
NO_CLASS = "folders that are not classes by their names"
LOOSE, NOT_READ = "images outside of class folders", "of parts not read"

# Beside what was understood: more than so many of all are no leftover.
MOST_LEFT_OVER = 0.1
_MOST_SHOWN = 6
# Folders whose subfolders have names in common to this extent divide the same classes.
_SAME_CLASSES = 0.5
_ROOT = PurePosixPath()


@dataclass(frozen=True)
class Node:
    """A folder at `place` with pictures in or below it: the `loose` ones in it, and the folders by their names."""

    place: Place
    loose: tuple[Place, ...]
    folders: Mapping[str, "Node"]

    @cached_property
    def pictures(self) -> tuple[Place, ...]:
        """All of them, in it and below."""
        return (*self.loose, *(each for folder in self.folders.values() for each in folder.pictures))

    @property
    def is_divided(self) -> bool:
        """Whether the pictures lie in folders of it, but for a few."""
        return bool(self.folders) and len(self.loose) <= MOST_LEFT_OVER * len(self.pictures)

    def tails(self) -> frozenset[Place]:
        """The places of all pictures from here."""
        return frozenset(picture.relative_to(self.place) for picture in self.pictures)

    def __str__(self) -> str:
        return f"{shown(self.place.name)}/"


def tree(pictures: Iterable[Place], place: Place = _ROOT) -> Node:
    """The folders with pictures in or below `place`, in the order of their names."""
    depth = len(place.parts)
    loose: list[Place] = []
    below: dict[str, list[Place]] = {}
    for picture in pictures:
        if len(picture.parts) == depth + 1:
            loose.append(picture)
        else:
            below.setdefault(picture.parts[depth], []).append(picture)
    folders = {name: tree(below[name], place / name) for name in sorted(below, key=one_form)}
    return Node(place, tuple(loose), folders)


def merged(nodes: Sequence[Node]) -> Node:
    """Several folders as one, the folders of the same name in them likewise, whatever its case."""
    if len(nodes) == 1:
        return nodes[0]
    by_name: dict[str, list[Node]] = {}
    for node in nodes:
        for name, folder in node.folders.items():
            by_name.setdefault(_common_name(name, nodes), []).append(folder)
    folders = {name: merged(by_name[name]) for name in sorted(by_name, key=one_form)}
    return Node(nodes[0].place, tuple(picture for node in nodes for picture in node.loose), folders)


def few(folders: Iterable[Node]) -> str:
    """The names of the first few."""
    names = list(map(str, folders))
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more


def _common_name(name: str, nodes: Sequence[Node]) -> str:
    """The first name in `nodes` that differs from `name` in its case at most; `name` if one node has two such."""
    alike = [[other for other in node.folders if other.casefold() == name.casefold()] for node in nodes]
    return name if any(len(each) > 1 for each in alike) else next(each[0] for each in alike if each)


def unwrapped(node: Node) -> tuple[Node, PassedOver]:
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
    """Whether a part was unpacked into a folder of its name: "seg_train/seg_train/", "pets_train/train/"."""
    return part_in(outer.place.name) == part_named(inner.place.name)


def collapsed(folder: Node) -> Node:
    """The folder in `folder` if that is the only one and named as it, or as pictures are: "images/images/"."""
    while len(folder.folders) == 1 and not folder.loose:
        (inner,) = folder.folders.values()
        is_of_one_name = one_form(inner.place.name).casefold() == one_form(folder.place.name).casefold()
        if not (is_of_one_name or is_idle(inner.place.name)):
            break
        folder = inner
    return folder


def share_names(folders: Collection[Node]) -> bool:
    """Whether these folders, two or more, are divided, and names that come again are half of all names in them."""
    names = [{one_form(name).casefold() for name in folder.folders} for folder in folders if folder.is_divided]
    if len(names) < max(2, len(folders)):
        return False
    number = Counter(name for each in names for name in each)
    again = [times for times in number.values() if times > 1]
    return len(again) > 1 and sum(again) >= _SAME_CLASSES * number.total()


def holds_parts(folder: Node) -> bool:
    """Whether a folder, or the only one in it, has a part to train on that is divided."""
    inside, _ = unwrapped(folder)
    return any(part_named(name) == "train" and each.is_divided for name, each in inside.folders.items())


def has_classes(node: Node) -> bool:
    """Whether the pictures lie in folders, and not in a single one that is named "images" or as the part is."""
    names = list(node.folders)
    return node.is_divided and (len(names) > 1 or not (is_idle(names[0]) or part_in(names[0])))


def joined(each: Iterable[PassedOver]) -> PassedOver:
    """All that is skipped, a reason without places left out."""
    found: dict[str, tuple[Place, ...]] = {}
    for passed in each:
        for reason, places in passed.items():
            if places:
                found[reason] = (*found.get(reason, ()), *places)
    return found
