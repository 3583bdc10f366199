"""What files say in sum, and whether that tells the classes."""

from collections.abc import Hashable, Sequence

import numpy as np
import pytest

from gan_study.trainables.data.reading.facts import association, shape_note, size_range, summarise
from gan_study.trainables.data.reading.picture import Facts, Summary

LABELS = np.repeat([0, 1], 20)


def facts(**changes: object) -> Facts:
    values = {"kind": "PNG", "width": 64, "height": 64, "bits": 8, "num_colours": 3, "num_pages": 1, **changes}
    return Facts(**values)  # type: ignore[arg-type]


def summary(*groups: Facts) -> Summary:
    """Of twenty pictures of each class."""
    return summarise([each for each in groups for _ in range(40 // len(groups))], LABELS, ("cat", "dog"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "JPEG"}, r"classes differ in file type (cat: PNG 100%, dog: JPEG 100%)"),
        ({"bits": 12}, "classes differ in depth (cat: 8 bits 100%, dog: 12 bits 100%)"),
        (
            {"bits": 16, "used_bits": 10, "values": "range"},
            "classes differ in depth (cat: 8 bits 100%, dog: 10 of 16 bits 100%)",
        ),
        ({"num_colours": 1}, "classes differ in colour (cat: colour 100%, dog: grey 100%)"),
        (
            {"width": 640, "height": 640},
            "classes differ in size (cat: about 64 pixels 100%, dog: about 724 pixels 100%)",
        ),
    ],
)
def test_what_tells_the_classes_is_named(change: dict[str, object], said: str) -> None:
    assert summary(facts(), facts(**change)).giveaways == (said,)


def test_tall_pictures_of_one_class_are_named() -> None:
    assert summary(facts(width=128), facts(height=128)).giveaways == (
        "classes differ in shape (wide against tall)",
    )


def test_photographs_of_all_sizes_are_no_giveaway() -> None:
    rng = np.random.default_rng(0)
    many = [facts(width=int(w), height=int(h)) for w, h in rng.integers(200, 800, (40, 2))]
    assert summarise(many, LABELS, ("cat", "dog")).giveaways == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a"] * 20 + ["b"] * 20, 1.0),
        (["a", "b"] * 20, 0.0),
        (["a"] * 40, 0.0),
        # Each value once tells nothing, and without the correction would tell all.
        (list(range(40)), 0.0),
    ],
)
def test_association_at_its_ends(values: Sequence[Hashable], expected: float) -> None:
    assert association(values, LABELS) == pytest.approx(expected, abs=0.03)


def test_what_is_lost_of_the_shape() -> None:
    wide = summary(facts(width=128), facts(width=128, height=128))
    assert wide.num_not_square == 20 and wide.lost == pytest.approx(0.25)
    assert (
        shape_note(wide, "crop")
        == "20 of 40 images are not square: they are cropped along the longer side, by 25% on average"
    )
    assert shape_note(summary(facts()), "squash") is None


def test_sizes_and_pages() -> None:
    found = summary(facts(), facts(width=10, height=20, num_pages=3))
    assert (found.sizes, found.num_paged) == ({(64, 64): 20, (10, 20): 20}, 20)


def test_sizes_that_are_said_are_those_of_pictures() -> None:
    """By area; means of the sides would be 125 x 125, which none has."""
    assert size_range({(200, 50): 3, (50, 200): 3}) == ((50, 200), (50, 200), (200, 50))
    assert size_range({(9, 9): 1, (100, 100): 1, (8, 8): 5}) == ((8, 8), (8, 8), (100, 100))
