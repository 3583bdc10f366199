"""Which rows of a table are to train on, to validate and to test, by columns of whatever name."""

import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.part_columns import find_splits, unread_splits
from gan_study.trainables.data.reading.table import Table

PARTS = ("train", "train", "test", "test")


def table(**columns: str) -> Table:
    """A table of four rows; the cells of each column stand between blanks, `-` for an empty one."""
    cells = [["" if cell == "-" else cell for cell in text.split()] for text in columns.values()]
    return Table(name="labels.csv", header=tuple(columns), rows=tuple(zip(*cells, strict=True)))


@pytest.mark.parametrize(
    ("name", "cells", "parts"),
    [
        ("split", "train Training TEST test", PARTS),
        ("phase", "train train test test", PARTS),
        ("whatever", "train train test test", PARTS),
        ("Usage", "Training Training PublicTest PrivateTest", PARTS),
        ("dataset", "train train val test", ("train", "train", "validation", "test")),
        ("is_test", "0 0 1 1", PARTS),
        ("test", "False False True True", PARTS),
        ("holdout", "n n y y", PARTS),
        ("in_test_set", "no no yes yes", PARTS),
        ("used_for_training", "1.0 1.0 0.0 0.0", PARTS),
        ("is_valid", "f t f f", ("train", "validation", "train", "train")),
    ],
)
def test_a_column_says_the_parts_whatever_it_is_called(name: str, cells: str, parts: tuple[str, ...]) -> None:
    found = find_splits(table(file="a b c d", **{name: cells}), None, without={"file"})
    assert (found.names, found.parts) == ((name,), parts)
    assert find_splits(table(file="a b c d", **{name: cells}), name, without=()).parts == parts


def test_how_a_yes_is_read_is_said() -> None:
    found = find_splits(table(is_test="0 0 1 1"), None, without=())
    assert found.note == "rows of labels.csv with yes in is_test to the test set, others to the train set"


def test_a_column_for_each_part() -> None:
    found = find_splits(table(is_train="1 0 0 1", is_val="0 1 0 0", is_test="0 0 1 0"), None, without=())
    assert found.parts == ("train", "validation", "test", "train")
    assert found.names == ("is_train", "is_val", "is_test")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"split": "train train test test", "phase": "train test test test"},
            "split and phase give different parts",
        ),
        ({"is_train": "1 1 0 0", "is_test": "1 0 1 0"}, "row 2 is in 2 sets by is_train, is_test"),
        ({"is_train": "1 1 0 0", "is_test": "0 0 1 0", "is_val": "0 0 0 0"}, "row 5 is in 0 sets"),
        ({"is_train": "1 1 0 0", "training": "1 1 0 0"}, "is_train and training both ask for the train set"),
        ({"split": "train test extra test"}, "split names parts and something else .'extra'."),
        ({"mode": "train test - test"}, "mode names parts and something else"),
    ],
)
def test_what_says_two_things_is_refused(columns: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        find_splits(table(**columns), None, without=())


@pytest.mark.parametrize(
    ("name", "cells", "is_said"),
    [
        ("fold", "1 2 3 1", True),
        ("split", "0 1 2 0", True),
        ("phase", "arterial venous venous arterial", True),
        ("is_test", "0 1 2 0", True),
        ("mode", "train - - train", True),
        ("body_part", "hand hand wrist hand", False),
        ("caption", "a b c d", False),
    ],
)
def test_what_may_say_parts_and_is_not_read_is_said(name: str, cells: str, is_said: bool) -> None:
    found = find_splits(table(**{name: cells}), None, without=())
    assert found.names == () and set(found.parts) == {"train"}
    notes = list(unread_splits(table(**{name: cells}), ()))
    assert [note.startswith(f"the column {name} of labels.csv") for note in notes] == [True] * is_said
