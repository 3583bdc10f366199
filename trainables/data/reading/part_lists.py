"""Lists that may say which pictures are to test and are not read: "testlist01.txt", "train_test_split.txt"."""

import contextlib
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.names import shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.by_table import pictures_named
from gan_study.trainables.data.reading.entries import NO_PICTURE, Entries
from gan_study.trainables.data.reading.folder_names import part_in, words_of
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.known_pictures import KnownPictures
from gan_study.trainables.data.reading.layout import Arrangement
from gan_study.trainables.data.reading.table import LINES_OF_JSON, read_table
from gan_study.trainables.data.reading.text_lists import ENDINGS as _LISTS

_TABLES = frozenset({".csv", ".tsv", LINES_OF_JSON})
_UNREADABLE = frozenset({".json", ".mat", ".npy", ".parquet", ".pkl", ".xls", ".xlsx", ".xml", ".yaml", ".yml"})
_SPLIT_WORDS = frozenset({"split", "splits", "partition", "partitions", "fold", "folds", "trainval", "traintest"})
# What a word for a part is written together with: "testlist01".
_LIST_WORD = re.compile(r"(?<=.)(lists?|files?|names|ids?|images|splits?)$")
# Lists of packages: "requirements-test.txt".
_OTHER_WORDS = frozenset({"requirements"})
_MOST_SHOWN = 3


def note_on_part_lists(found: Arrangement, entries: Entries) -> str | None:
    """What is said of lists of parts where no test set was found, so that one is drawn; None without any."""
    if "test" in found.parts:
        return None
    pictures = [*found.parts["train"]]
    stems = {picture.stem for picture in entries.pictures}
    lists = [
        (place, number)
        for place in entries.passed_over.get(NO_PICTURE, ())
        if _speaks_of_parts(place) and place.stem not in stems and entries.root / place not in found.tables
        if (number := _num_named(entries.root / place, pictures, entries.pictures)) is not None
    ]
    if not lists:
        return None
    lists.sort(key=lambda each: part_in(each[0].stem) != "test")
    said = ", ".join(
        f"{shown(str(place))}{f' ({number:,} of {len(pictures):,} images)' if number else ''}"
        for place, number in lists[:_MOST_SHOWN]
    )
    more = ", ..." if len(lists) > _MOST_SHOWN else ""
    return (
        f"lists that may define the splits are not read, and the test set is drawn: {said}{more}; a table of "
        "the images with a column split (train, test), or data.test, defines the splits"
    )


def _speaks_of_parts(place: Place) -> bool:
    """Whether a file that may be a list is named after a part or a split, or lies in a folder of splits."""
    words = words_of(place.stem)
    return (
        place.suffix.lower() in _TABLES | _LISTS | _UNREADABLE
        and not _OTHER_WORDS & {*words}
        and (any(map(_is_part_word, words)) or place.parent.name.lower() in _SPLIT_WORDS)
    )


def _is_part_word(word: str) -> bool:
    return any(part_in(each) or each in _SPLIT_WORDS for each in (word, _LIST_WORD.sub("", word)))


def _num_named(path: Path, pictures: Sequence[Place], every: Collection[Place]) -> int | None:
    """How many of the `pictures` that are read a list names; None if it divides none of them.

    `every` are all that lie there.
    """
    names: set[Place] = set()
    if path.suffix.lower() in _TABLES | _LISTS:
        with contextlib.suppress(DataError):
            names = {*(_named_in_table if path.suffix.lower() in _TABLES else _named_in_lines)(path, [*every])}
    number = len(names.intersection(pictures))
    # A table of all that is to train on divides nothing.
    is_whole = number == len(pictures) and part_in(path.stem) == "train"
    return None if is_whole or (names and not number) else number


def _named_in_table(path: Path, pictures: Sequence[Place]) -> Iterator[Place]:
    return pictures_named(read_table(path), pictures)


def _named_in_lines(path: Path, pictures: Sequence[Place]) -> Iterator[Place]:
    """The pictures that the lines of a text, or their first words, name."""
    known = KnownPictures(pictures)
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        for cell in dict.fromkeys([line.strip(), *line.split()[:1]]):
            if (picture := known.find(cell) if cell else None) is not None:
                yield picture
                break
