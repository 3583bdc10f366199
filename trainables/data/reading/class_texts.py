"""Texts in a column of classes that may be read in two ways: refused where that is certain, else said."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.table import EMPTY, Table

# A whole number as a program writes it that has numbers with fractions: "1.0".
_WHOLE = re.compile(r"([+-]?\d+)\.0*")


def texts_for_no_value(table: Table, labels: Sequence[str]) -> Iterator[str]:
    """A note for each class whose name also stands for an empty cell somewhere: "None", "NA"."""
    for label, times in Counter(each for each in labels if each.lower() in EMPTY).items():
        yield (
            f"{label!r} in {table.name} is read as the name of a class ({times:,} images); if it means that "
            "an image has no class, leave the cell empty"
        )


def refuse_alike(table: Table, labels: Sequence[str]) -> None:
    """Raise DataError if two classes differ in case alone, "Cat" and "cat", or as 0 and 0.0 do.

    A letter alone has two cases, as classes of characters are.
    """
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(_plain_form(label), label)
        if other != label:
            how = "upper and lower case" if other.casefold() == label.casefold() else "how a number is written"
            raise DataError(
                f"{table.name}: the classes {other!r} and {label!r} differ only in {how}; write one name for both"
            )


def refuse_invisible_differences(classes: Iterable[str]) -> None:
    """Raise DataError if two classes differ in blanks and invisible characters alone, "cat" and "cat "."""
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(visible_form(name), name)
        if other != name:
            raise DataError(
                f"the classes {other!a} and {name!a} differ only in spaces or invisible characters; "
                "give both the same name"
            )


def visible_form(name: str) -> str:
    """`name` as it looks: without invisible characters, and with single blanks inside alone."""
    visible = (char for char in unicodedata.normalize("NFC", name) if unicodedata.category(char) != "Cf")
    return " ".join("".join(visible).split())


def group_name(cell: str) -> str:
    """The name of a group in a cell: 7.0, which programs write where a column has empty cells, is 7."""
    whole = _WHOLE.fullmatch(cell)
    return whole[1] if whole is not None else visible_form(cell)


def _plain_form(label: str) -> str:
    whole = _WHOLE.fullmatch(label)
    if whole is not None:
        return whole[1]
    return label.casefold() if len(label) > 1 else label
