"""Classes that stand in the names of files, as in "cat.0.jpg", where neither folders nor tables say any."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.data.reading.companions import UNLABELLED, without_companions
from gan_study.trainables.data.reading.division import what_validation_is, with_one_test
from gan_study.trainables.data.reading.folder_names import Part, is_nothing_of_its_own, parts_among
from gan_study.trainables.data.reading.folder_tree import NOT_READ, Node, Place, joined, tree, unwrapped
from gan_study.trainables.data.reading.layout import Arrangement

# A word or several without a digit, then a number: "cat.0", "american_bulldog_12", "rain7", "benign (3)".
_NUMBERED = re.compile(r"([^\W\d_](?:[^\d]*[^\W\d_])?)[\s._-]*\(?\d+\)?")
# A number, or a word and a number ("P1" may be a patient), then more with a number in it: "0_100", "obj1__0".
_BY_NUMBER = re.compile(r"((?:[^\W\d_]{2,})?\d{1,3})[\s._-]+.*\d.*")
_MOST_NUMBERED = 20
# What a camera or a person who saves pictures begins their names with.
_OF_CAMERAS = frozenset(
    {"dsc", "dscn", "dscf", "dscim", "pxl", "vid", "mov", "wa", "screenshot", "screen", "shot"}
)
_OF_CAMERAS |= {"frame", "file", "im", "copy", "untitled"}
_LEAST_PICTURES = 3


def arrange_by_file_names(pictures: Sequence[Place]) -> Arrangement | None:
    """The classes by what the names of all files in a folder begin with; None if that says no classes.

    The folder is the only one, or that of the part to train on; other parts are read if their files say the same.
    """
    main, companions = without_companions(pictures)
    top, left = unwrapped(tree(main))
    nodes = _flat_parts(top)
    classes = _classes_in(nodes["train"]) if "train" in nodes else None
    if classes is None:
        return None
    found: dict[Part, Mapping[Place, str]] = {"train": classes}
    for part, node in nodes.items():
        of_part = _classes_in(node, least=1)
        if of_part is not None and set(of_part.values()) == set(classes.values()):
            found[part] = of_part
    parts, spare = with_one_test(found)
    passed = {NOT_READ: tuple(spare or ())}
    read = {place for each in found.values() for place in each}
    beside = {UNLABELLED: tuple(place for place in top.pictures if place not in read)}
    first, name = next(iter(classes.items()))
    notes = [
        f"the beginning of each file name is its class: {shown(first.name)} is {name}; if it is not, "
        "name a table of classes with data.labels"
    ]
    if "validation" in found:
        notes.append(what_validation_is("the validation set", is_read=spare is None))
    return Arrangement(parts=parts, passed_over=joined([companions, left, passed, beside]), notes=tuple(notes))


def _flat_parts(top: Node) -> Mapping[Part, Node]:
    """The folder of each part, or the only folder, if no folders are in them."""
    if len(top.folders) == 1 and not top.loose:
        (only,) = top.folders.values()
        nodes: dict[Part, Node] = {"train": only}
    elif not top.folders:
        nodes = {"train": top}
    else:
        part_of = parts_among(top.folders)
        nodes = {part: top.folders[name] for name, part in part_of.items()}
        if len(nodes) < len(part_of):
            return {}
    inner = {part: unwrapped(node)[0] for part, node in nodes.items()}
    flat = {part: next(iter(n.folders.values())) if len(n.folders) == 1 else n for part, n in inner.items()}
    return {part: node for part, node in flat.items() if not node.folders}


def _classes_in(node: Node, *, least: int = _LEAST_PICTURES) -> Mapping[Place, str] | None:
    """What the name of each file begins with; None unless all do, with two words or more that say something.

    Each has `least` files or more.
    """
    begins = {place: _NUMBERED.fullmatch(place.stem) for place in node.loose}
    is_by_number = None in begins.values()
    if is_by_number:
        begins = {place: _BY_NUMBER.fullmatch(place.stem) for place in node.loose}
    names = {place: one_form(match[1]) for place, match in begins.items() if match is not None}
    counts = Counter(map(str.casefold, names.values()))
    if len(names) < len(begins) or len(counts) < 2 or min(counts.values()) < least:
        return None
    if is_by_number and len(counts) > _MOST_NUMBERED:
        return None
    words = [name for name in counts if not (is_by_number and name.isdigit())]
    if any(len(name) < 2 or is_nothing_of_its_own(name, _OF_CAMERAS) for name in words):
        return None
    spelt: dict[str, str] = {}
    return {place: spelt.setdefault(name.casefold(), name) for place, name in names.items()}
