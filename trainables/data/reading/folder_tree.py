"""Folders of pictures as a tree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeAlias

from gan_study.trainables.base.names import one_form, shown

Place: TypeAlias = PurePosixPath

# Beside what was understood: more than so many of all are no leftover.
MOST_LEFT_OVER = 0.1
_MOST_SHOWN = 6
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
