"""Several tables that name the pictures: which belong together, a part each, and which of them say the classes."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.columns import Columns, class_columns
from gan_study.trainables.data.reading.entries import Entries
from gan_study.trainables.data.reading.folder_names import part_in, words_of
from gan_study.trainables.data.reading.folder_tree import Place
from gan_study.trainables.data.reading.in_words import NAMES_SHOWN, first_names
from gan_study.trainables.data.reading.table import Table
from gan_study.trainables.data.reading.tables_by_part import of_all, part_of_table, parts_by
from gan_study.trainables.data.source import DataConfig

Tables = Mapping[Path, Table]
Classes = Mapping[Place, str]
# Two sources say the same if so many pictures of each class of the one have one class in the other.
_SAME = 0.95


def tables_of_one_set(tables: Tables, entries: Entries, config: DataConfig) -> tuple[Tables, tuple[str, ...]]:
    """Those of the `tables` that say the classes together, a part each or one for all, and what is said of others.

    Tables belong together if their names differ in the part alone. Of several such sets the one that names all
    pictures of the others is meant; of several that say the same, one that says the parts, or names of classes and
    no numbers. Raises DataError where several may be.
    """
    if len(tables) == 1 or _are_of_parts(tables, entries.root):
        return tables, ()
    sets = [each for each in _by_other_words(tables) if _are_of_parts(each, entries.root)]
    odd = {path: cells for path, cells in tables.items() if not any(path in each for each in sets)}
    parts = parts_by(tables, entries, config)
    labels = {path: of_all(each) for path, each in parts.items()}
    classes = [{place: name for path in each for place, name in labels[path].items()} for each in sets]
    named = [set(each) for each in classes]
    chosen = next((i for i, own in enumerate(named) if all(own >= other for other in named)), None)
    if chosen is None or any(labels[path].keys() - named[chosen] for path in odd):
        raise DataError(_several(tables, sets, odd))
    rivals = [i for i, own in enumerate(named) if i != chosen and own == named[chosen]]
    if not all(say_the_same(classes[chosen], classes[i]) for i in rivals):
        raise DataError(_several(tables, sets, odd))
    num_parts = [sum(len(parts[path]) for path in each) for each in sets]
    chosen = min(
        (chosen, *rivals), key=lambda i: (num_parts[i] == 1, all(map(_is_code, set(classes[i].values()))), i)
    )
    left = [cells.name for path, cells in tables.items() if path not in sets[chosen]]
    names = ", ".join(cells.name for cells in sets[chosen].values())
    return sets[chosen], (f"not read, as {names} says the classes: {first_names(left)}",)


def say_the_same(one: Classes, other: Classes) -> bool:
    """Whether the classes of `one` are those of `other`, one to one, by all pictures but a few."""
    both = Counter((name, other[place]) for place, name in one.items())
    largest: dict[str, tuple[int, str]] = {}
    for (name, label), number in both.items():
        largest[name] = max(largest.get(name, (0, "")), (number, label))
    agreeing = sum(number for number, _ in largest.values())
    one_to_one = len({label for _, label in largest.values()}) == len(largest)
    return one_to_one and agreeing >= _SAME * len(one)


def _are_of_parts(tables: Collection[Path], root: Path) -> bool:
    """Whether there is one table, or one for each part, each of another."""
    parts = [part_of_table(path, root) for path in tables]
    return len(parts) == 1 or (None not in parts and len({*parts}) == len(parts))


def _by_other_words(tables: Tables) -> Iterator[Tables]:
    """The tables whose names differ in the word for the part alone, together."""
    found: dict[tuple[str, ...], dict[Path, Table]] = {}
    for path, cells in tables.items():
        is_of_part = part_in(path.stem) is not None
        words = tuple(word for word in words_of(path.stem) if not is_of_part or part_in(word) is None)
        found.setdefault(words, {})[path] = cells
    yield from found.values()


def _several(tables: Tables, sets: Sequence[Tables], odd: Tables) -> str:
    together = [first_names([cells.name for cells in each.values()]) for each in sets if len(each) > 1]
    if together and len(sets) > 1:
        others = [_with_columns(cells) for each in sets if len(each) == 1 for cells in each.values()]
        named = "; ".join([*together, *others, *(cells.name for cells in odd.values())][: 2 * NAMES_SHOWN])
        return f"several sets of tables name the images ({named}); leave out all but one with data.exclude"
    named = "; ".join([*map(_with_columns, tables.values())][: 2 * NAMES_SHOWN])
    return f"several tables name the images ({named}); name one with data.labels"


def _with_columns(cells: Table) -> str:
    called = sorted(class_columns(cells, Columns(), without=set()))
    return f"{cells.name} by {first_names(called)}" if called else cells.name


def _is_code(name: str) -> bool:
    return name.replace(".", "", 1).isdigit()
