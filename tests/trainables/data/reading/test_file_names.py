"""Classes in the names of files."""

from collections import Counter
from pathlib import PurePosixPath

import pytest

from gan_study.trainables.data.reading.file_names import arrange_by_file_names


def named(folder: str, *patterns: str, number: int = 4) -> list[PurePosixPath]:
    return [PurePosixPath(folder, pattern.format(i)) for pattern in patterns for i in range(number)]


def counts(pictures: list[PurePosixPath]) -> dict[str, dict[str, int]] | None:
    found = arrange_by_file_names(pictures)
    return None if found is None else {part: dict(Counter(of.values())) for part, of in found.parts.items()}


BOTH = {"cat": 4, "dog": 4}


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        (named("train", "cat.{}.jpg", "dog.{}.jpg") + named("test1", "{}.jpg"), {"train": BOTH}),
        (named("images", "cat_{}.jpg", "dog_{}.jpg"), {"train": BOTH}),
        (named(".", "cat{}.jpg", "dog ({}).jpg"), {"train": BOTH}),
        (named("x", "great_dane_{}.jpg", "pug-{}.jpg"), {"train": {"great_dane": 4, "pug": 4}}),
        (
            named("train", "cat.{}.jpg", "dog.{}.jpg") + named("test", "dog.{}.jpg", "cat.{}.jpg"),
            {"train": BOTH, "test": BOTH},
        ),
        (named("x", "Cat{}.jpg", "cat{}.png", "dog{}.jpg"), {"train": {"Cat": 8, "dog": 4}}),
    ],
)
def test_names_that_say_classes(pictures: list[PurePosixPath], expected: dict[str, dict[str, int]]) -> None:
    assert counts(pictures) == expected
    found = arrange_by_file_names(pictures)
    assert found is not None and "the beginning of each file name is its class: " in found.notes[0]
    read = [place for of in found.parts.values() for place in of]
    passed = [place for of in found.passed_over.values() for place in of]
    assert sorted([*read, *passed]) == sorted(pictures)


@pytest.mark.parametrize(
    "pictures",
    [
        named("x", "IMG_{}.jpg", "DSC_{}.jpg"),
        named("x", "cat.{}.jpg"),
        [*named("x", "cat.{}.jpg", "dog.{}.jpg"), PurePosixPath("x/else.jpg")],
        named("x", "cat.{}.jpg") + named("x", "dog.{}.jpg", number=2),
        named("x", "train_{}.jpg", "test_{}.jpg"),
        named("x", "patient_{}.jpg", "case_{}.jpg"),
        named("x", "a{}.jpg", "b{}.jpg"),
        named("x", "P1_{}.jpg", "P2_{}.jpg"),
        named("x/y", "cat.{}.jpg", "dog.{}.jpg") + named("x/z", "{}.jpg"),
    ],
)
def test_names_that_say_none(pictures: list[PurePosixPath]) -> None:
    assert arrange_by_file_names(pictures) is None
