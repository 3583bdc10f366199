"""Lists of pictures in texts: a name in each line, alone or with what belongs to it between blanks or tabs."""

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.columns import NUMBERED
from gan_study.trainables.data.reading.entries import Entries
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.known_pictures import MOST_OF, KnownPictures
from gan_study.trainables.data.reading.table import Table, text_of

ENDINGS = frozenset({".txt", ".lst", ".list"})
# Texts beyond so many, or of one name in so many folders, describe single pictures or classes.
_MOST_TEXTS, _MOST_NAMESAKES = 100, 3
_LOOKED_AT = 200
_Rows = Sequence[tuple[str, ...]]


def read_lists(entries: Entries, places: Sequence[Place]) -> Mapping[Path, Table]:
    """Those of the texts at `places` whose lines name pictures, by their files.

    None of those that describe single pictures or classes, as there are very many.
    """
    found: dict[Path, Table] = {}
    texts = [place for place in places if place.suffix.lower() in ENDINGS]
    # One beside a picture of its name says something of that picture.
    stems = {picture.stem for picture in entries.pictures} if texts else set()
    texts = [place for place in texts if place.stem not in stems]
    if not 0 < len(texts) <= _MOST_TEXTS:
        return found
    namesakes, known = Counter(place.name for place in texts), KnownPictures(entries.pictures)
    for place in texts:
        with contextlib.suppress(DataError):
            cells = as_list(text_of(entries.root / place), str(place), known)
            if cells is not None and namesakes[place.name] <= _MOST_NAMESAKES:
                found[entries.root / place] = cells
    return found


def as_list(text: str, name: str, known: KnownPictures) -> Table | None:
    """The lines of a text as a table, divided in the way in which a column names the most pictures; else None.

    Lines that begin with # are comments, and a first line that names no picture is the header.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    ways = [rows for divide in _WAYS if (rows := [divide(line) for line in lines]) and len({*map(len, rows)}) == 1]
    rows = max(ways, key=lambda each: _num_named(each, known), default=[])
    if _num_named(rows, known) <= MOST_OF * min(len(rows), _LOOKED_AT):
        return None
    if not any(map(known.has, rows[0])) and len({*rows[0]}) == len(rows[0]):
        return Table(name=name, header=rows[0], rows=tuple(rows[1:]))
    header = tuple(f"{NUMBERED}{number}" for number in range(1, len(rows[0]) + 1))
    return Table(name=name, header=header, rows=tuple(rows))


def _num_named(rows: _Rows, known: KnownPictures) -> int:
    """How many of the first rows name a picture in the column that names the most."""
    first = [*islice(rows, _LOOKED_AT)]
    return max((sum(map(known.has, column)) for column in zip(*first, strict=True)), default=0)


def _whole(line: str) -> tuple[str, ...]:
    return (line,)


def _between(mark: str | None) -> Callable[[str], tuple[str, ...]]:
    return lambda line: tuple(each.strip() for each in line.split(mark))


def _first_and_rest(line: str) -> tuple[str, ...]:
    return tuple(line.split(None, 1))


def _rest_and_last(line: str) -> tuple[str, ...]:
    return tuple(line.rsplit(None, 1))


# "a.jpg", tabs and commas, "a.jpg cat 1", "1025794 Boeing 737-200", "my cat.jpg cat".
_WAYS = (_whole, _between("\t"), _between(","), _between(None), _first_and_rest, _rest_and_last)
