"""Names of classes that differ from part to part."""

from collections.abc import Collection, Mapping

from gan_study.trainables.data.reading.folder_names import Part
from gan_study.trainables.data.reading.folder_tree import Place


def with_names_of_train(
    parts: Mapping[Part, Mapping[Place, str]],
) -> tuple[Mapping[Part, Mapping[Place, str]], tuple[str, ...]]:
    """The parts, the classes of each named as those to train on, and a note where more than the case differs.

    "carcinoma" to test is "carcinoma_T2_N0" to train on if each class is the beginning of one other alone.
    """
    known = tuple(dict.fromkeys(parts["train"].values()))
    found: dict[Part, Mapping[Place, str]] = {}
    notes: dict[str, None] = {}
    for part, of in parts.items():
        names = tuple(dict.fromkeys(of.values()))
        as_train = _by_case(names, known)
        longer = _by_beginning({as_train[name] for name in names}, known)
        found[part] = {place: longer.get(as_train[name], as_train[name]) for place, name in of.items()}
        for name, of_train in longer.items():
            if name != of_train:
                notes.setdefault(f"{name} of the {part} set is {of_train} of the part to train on")
    return found, tuple(notes)


def _by_case(names: Collection[str], known: Collection[str]) -> Mapping[str, str]:
    """The known name of each that differs from one alone, in its case at most; else its own."""
    plain: dict[str, list[str]] = {}
    for name in known:
        plain.setdefault(name.casefold(), []).append(name)
    alike = {name: plain.get(name.casefold(), []) for name in names}
    return {name: each[0] if name not in known and len(each) == 1 else name for name, each in alike.items()}


def _by_beginning(names: Collection[str], known: Collection[str]) -> Mapping[str, str]:
    """The known name that each name begins, or that begins it, one to one; nothing if that leaves some over."""
    found = {}
    for name in names:
        if name in known:
            found[name] = name
            continue
        matches = [each for each in known if each.startswith(name) or name.startswith(each)]
        if len(matches) != 1:
            return {}
        found[name] = matches[0]
    return found if sorted(found.values()) == sorted(known) else {}
