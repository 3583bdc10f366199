"""Cells that name several classes, as tags do: refused if that is certain, and noted if it is possible."""

import re
from collections.abc import Collection, Iterator, Sequence

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.in_words import first_names
from gan_study.trainables.data.reading.table import Table

_BETWEEN = re.compile(r"\s*[|;,]\s*")
# Columns that are called so have what belongs to a picture, one or more, between blanks.
_PLURALS = frozenset({"tags", "tag", "labels", "classes", "attributes", "keywords", "categories", "findings"})


def several_classes(table: Table, columns: Sequence[str], labels: Collection[str]) -> Iterator[str]:
    """A doubt where cells may name several classes between blanks: "primary" and "clear primary".

    Raises DataError if they do: "Effusion|Mass" beside "Mass", or with blanks in a column called "tags".
    """
    for label in sorted(labels):
        words = _BETWEEN.split(label)
        if len(words) > 1 and any(word in labels for word in words):
            raise _refusal(table, label)
    shared = _sharing_words(labels)
    if not shared:
        return
    if any(column.strip().lower() in _PLURALS for column in columns):
        raise _refusal(table, shared[0])
    yield (
        f"classes of {table.name} share words ({first_names(shared)}); each is read as one class; if each word "
        "is a class, give one class per image"
    )


def _sharing_words(labels: Collection[str]) -> list[str]:
    """The labels of several words among which are all words of another label."""
    words = {label: frozenset(label.split()) for label in labels}
    return sorted(label for label, own in words.items() if any(other < own for other in words.values()))


def _refusal(table: Table, label: str) -> DataError:
    return DataError(
        f"{table.name}: {label!r} are several classes; here an image has one, so leave the other images "
        "out of the table"
    )
