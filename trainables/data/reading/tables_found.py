"""The tables that lie beside the pictures: which can be read, which name pictures, and why others do not."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading import by_table, columns, text_lists
from gan_study.trainables.data.reading.entries import NO_PICTURE, Entries
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.in_words import NAMES_SHOWN, first_names
from gan_study.trainables.data.reading.table import LINES_OF_JSON, Table, read_table, text_of

# Tables that are looked for where no folders say the classes.
_TABLE_ENDINGS = frozenset({".csv", ".tsv", LINES_OF_JSON})
# Pictures whose names are looked for in a table that cannot be read.
_MOST_LOOKED_FOR = 1_000
# A table of classes that somebody is to guess, as contests give one to show its form.
_GUESSES = re.compile("submission", re.IGNORECASE)


def read_tables(entries: Entries) -> Mapping[Path, Table]:
    """The tables of text at the level of the pictures' common folder and the next, or above, by their files."""
    found: dict[Path, Table] = {}
    for place in _places_of_tables(entries):
        with contextlib.suppress(DataError):
            found[entries.root / place] = read_table(entries.root / place, name=str(place))
    return found


def read_lists(entries: Entries) -> Mapping[Path, Table]:
    """The lists in texts at the same levels, by their files."""
    return text_lists.read_lists(entries, [*_texts_near(entries)])


def _places_of_tables(entries: Entries) -> Iterator[Place]:
    """Where tables of text lie that may say the classes."""
    for place in _texts_near(entries):
        if place.suffix.lower() in _TABLE_ENDINGS:
            yield place


def _texts_near(entries: Entries) -> Iterator[Place]:
    """What is no picture, at the level of the pictures' common folder and the next, or above."""
    folders = [place.parent for place in entries.pictures] or [PurePosixPath()]
    depth = 1 + len(PurePosixPath(os.path.commonpath(folders)).parts)
    for place in entries.passed_over.get(NO_PICTURE, ()):
        if len(place.parts) <= depth + 1 and not _GUESSES.search(place.stem):
            yield place


def naming_pictures(tables: Iterable[Table], pictures: Sequence[Place]) -> list[Table]:
    """Those of the tables in which a column names some of the pictures."""
    return [cells for cells in tables if by_table.names_pictures(cells, pictures)]


def tables_in_words(tables: Sequence[Table]) -> str:
    """What tables name the pictures, so that a person may say that one has the classes."""
    few = "; ".join(f"{each.name} ({first_names(each.header)})" for each in tables[:NAMES_SHOWN])
    return f"tables that name the images can be read with data.labels and data.columns.label: {few}"


def groups_in(tables: Sequence[Table]) -> Iterator[str]:
    """A note on each column of patients and the like in tables that name pictures and are not read."""
    for cells in tables:
        for name in columns.carriers_in(cells):
            yield (
                f"the column {name} of {cells.name} is not read; data.labels={cells.name} with data.group={name} "
                "keeps what it names on one side of every split"
            )


def why_no_table_fits(entries: Entries) -> list[str]:
    """Why each of the tables that lie there is not read, or names no pictures."""
    found = []
    for place in _places_of_tables(entries):
        try:
            any(by_table.pictures_named(read_table(entries.root / place, name=str(place)), entries.pictures))
        except DataError as error:
            found.append(str(error))
    return found


def broken_tables(entries: Entries, pictures: Sequence[Place]) -> Iterator[str]:
    """A note on each table that cannot be read though the name of one of the `pictures` stands in it."""
    names = {picture.name for picture in pictures[:_MOST_LOOKED_FOR]}
    for place in _places_of_tables(entries):
        try:
            read_table(entries.root / place, name=str(place))
        except DataError as error:
            text = text_of(entries.root / place)
            if any(name in text for name in names):
                yield f"a table that names images is not read: {error}"
