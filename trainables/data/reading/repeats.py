"""Folders that repeat others: copies of what lies beside them, and versions of it by their names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gan_study.trainables.base.files import same_bytes
from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.companions import without_companions
from gan_study.trainables.data.reading.entries import Entries
from gan_study.trainables.data.reading.folder_names import is_version, without_version
from gan_study.trainables.data.reading.folder_tree import (
    COPIES,
    MOST_LEFT_OVER,
    VERSIONS,
    Node,
    PassedOver,
    Place,
    collapsed,
    few,
    joined,
    share_names,
    tree,
    unwrapped,
)
from gan_study.trainables.data.reading.in_words import first_names


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """A folder without what repeats others in it, what was skipped, and notes on it."""

    node: Node
    passed_over: PassedOver
    notes: tuple[str, ...] = ()


def trimmed(node: Node, *, keeps_versions: bool = False) -> Trimmed:
    """The folder below `node` in which the pictures are divided, without copies of folders and without versions.

    A version is named after a folder beside it, as "cats_augmented" beside "cats", or holds the classes of the
    only other folder, as "AugmentedDataset" beside "OriginalDataset".
    """
    top, left = unwrapped(node)
    whole, copies = without_copies(top)
    versions = {} if keeps_versions else _versions(whole.folders)
    if not copies and not versions:
        return Trimmed(node=top, passed_over=left)
    kept = {name: folder for name, folder in whole.folders.items() if name not in versions}
    passed = joined([left, copies, _pictures_in(top, VERSIONS, versions)])
    rest = trimmed(Node(top.place, top.loose, kept), keeps_versions=keeps_versions)
    said = (
        (
            "by their names these are versions of other folders and are skipped: "
            f"{few(top.folders[name] for name in versions)}; data.train or data.class_level=1 reads them",
        )
        if versions
        else ()
    )
    return Trimmed(node=rest.node, passed_over=joined([passed, rest.passed_over]), notes=(*said, *rest.notes))


def without_copies(node: Node) -> tuple[Node, PassedOver]:
    """A folder without those in it that repeat others beside them, and these."""
    copies = [name for name in node.folders if _is_copy_of_siblings(node, name) or _is_copy_in_case(node, name)]
    if not copies:
        return node, {}
    kept = {name: folder for name, folder in node.folders.items() if name not in copies}
    return Node(node.place, node.loose, kept), _pictures_in(node, COPIES, copies)


def note_on_copies(passed_over: PassedOver, entries: Entries) -> str | None:
    """A note on those images that were taken for copies by name and are none by their bytes; None if all are.

    Raises DataError if these are more than a few: then the folders repeat names alone.
    """
    root, copies = entries.root, passed_over.get(COPIES, ())
    by_name: dict[str, list[Place]] = {}
    for place in set(entries.pictures).difference(copies) if copies else ():
        by_name.setdefault(one_form(place.name), []).append(place)
    other = [
        copy
        for copy in copies
        if not any(same_bytes(root / copy, root / each) for each in by_name.get(one_form(copy.name), ()))
    ]
    if not other:
        return None
    names = first_names([str(place) for place in other])
    if len(other) > MOST_LEFT_OVER * len(copies):
        raise DataError(
            f"folders have the same file names as others, but different images: {len(other):,} of {len(copies):,} "
            f"differ ({names}); leave one of the folders out with data.exclude, or put all images "
            "of a class into one folder"
        )
    return f"images in skipped copies of folders that differ from the originals: {len(other):,} ({names})"


def _pictures_in(node: Node, reason: str, names: Collection[str]) -> PassedOver:
    return {reason: tuple(picture for name in names for picture in node.folders[name].pictures)}


def _is_copy_of_siblings(node: Node, name: str) -> bool:
    """Whether a folder in `node`, or one that alone is in it, repeats the folders beside it.

    data/cat, data/dog, data/data/cat, ...; set/cat, set/dog, copy/set/cat, ...
    """
    folder = node.folders[name]
    siblings = node.folders.keys() - {name}
    while folder.folders:
        if folder.folders.keys() <= siblings:
            beside = {
                picture.relative_to(node.place) for each in siblings for picture in node.folders[each].pictures
            }
            return len(folder.tails() & beside) > (1 - MOST_LEFT_OVER) * len(folder.pictures)
        if len(folder.folders) > 1 or not folder.is_divided:
            return False
        (folder,) = folder.folders.values()
    return False


def _is_copy_in_case(node: Node, name: str) -> bool:
    """Whether a divided folder repeats one before it whose name differs in its case alone: "Set A/", "set a/"."""
    folder = node.folders[name]
    before = [*node.folders][: [*node.folders].index(name)]
    alike = [node.folders[each] for each in before if one_form(each).casefold() == one_form(name).casefold()]
    return folder.is_divided and any(
        len(folder.tails() & each.tails()) > (1 - MOST_LEFT_OVER) * len(folder.pictures) for each in alike
    )


def originals(pictures: Sequence[Place]) -> tuple[Place, ...]:
    """The pictures without masks, thumbnails and versions of others, by the names of their folders."""
    main, _ = without_companions(pictures)
    versions = {*trimmed(tree(main)).passed_over.get(VERSIONS, ())}
    return tuple(picture for picture in main if picture not in versions)


def _versions(folders: Mapping[str, Node]) -> Mapping[str, str]:
    """The folders that are versions of others by their names, and of which."""
    originals = [name for name in folders if not is_version(name)]
    found: dict[str, str] = {}
    for name in folders.keys() - originals:
        words = sorted(without_version(name))
        of = next((each for each in originals if words and sorted(without_version(each)) == words), None)
        if of is None and len(originals) == 1:
            both = [collapsed(folders[each]) for each in (originals[0], name)]
            of = originals[0] if share_names(both) else None
        if of is not None:
            found[name] = of
    return {name: found[name] for name in folders if name in found}
