"""Copies of a picture are found, and other pictures are not."""

import io
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base.notes import LOOK_LIKE_TRAINING, MAY_LEAK
from gan_study.trainables.data.look_alikes import (
    Look,
    _correlations,
    equal_rows,
    leak_notes,
    look_of,
    similar_pairs,
    similar_rows,
)
from gan_study.trainables.data.pixels import digest


@cache
def photograph(seed: int, side: int = 128) -> Image.Image:
    """Colours of coarse and fine grain, the coarse the stronger, as in photographs."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3))
    for grain, strength in ((4, 1.0), (16, 0.5), (64, 0.2)):
        coarse = Image.fromarray(rng.integers(0, 256, (grain, grain, 3), dtype=np.uint8))
        picture += strength * np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
    return Image.fromarray((picture / 1.7).astype(np.uint8))


def look(picture: Image.Image) -> Look:
    pixels = np.asarray(picture)
    return look_of(pixels, digest=digest(pixels))


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """Without `share` of each side, half of it at either end."""
    width, height = picture.size
    across, down = round(width * share / 2), round(height * share / 2)
    return picture.crop((across, down, width - across, height - down))


COPIES = {
    "itself": lambda picture: picture,
    "a JPEG": lambda picture: jpeg(picture, 50),
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "twice the size": lambda picture: picture.resize((picture.width * 2, picture.height * 2)),
    "grey": lambda picture: picture.convert("L"),
    "darker": lambda picture: picture.point(lambda level: 0.7 * level),
    "cropped": lambda picture: cropped(picture, 0.02),
    "cropped, smaller, a JPEG": lambda picture: jpeg(cropped(picture, 0.02).resize((97, 101)), 75),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_nothing_else(kind: str) -> None:
    pictures = [photograph(seed) for seed in range(12)]
    looks = [look(each) for each in [*pictures, COPIES[kind](pictures[5]), COPIES[kind](pictures[2])]]
    assert similar_rows(looks) == [[2, 13], [5, 12]]


def test_a_mirrored_or_negative_picture_is_another_one() -> None:
    picture = photograph(0)
    others = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), picture.point(lambda level: 255 - level)]
    assert similar_rows([look(each) for each in [picture, *others]]) == []


def test_plain_areas_are_alike_only_if_they_are_equal() -> None:
    plain = [Image.new("L", (80, 80), level) for level in (10, 11, 10)]
    assert similar_rows([look(each) for each in plain]) == [[0, 2]]


def test_small_pictures_have_to_be_more_alike() -> None:
    """Of handwritten digits no two are alike, and a JPEG of one is."""
    from sklearn.datasets import load_digits

    greys = (load_digits().images[:300] * 15).astype(np.uint8)
    digits = [Image.fromarray(each).resize((28, 28), Image.Resampling.BICUBIC) for each in greys]
    assert similar_rows([look(each) for each in [*digits, jpeg(digits[7], 90)]]) == [[7, 300]]


def test_shade_tells_small_pictures_apart_and_large_ones_not() -> None:
    picture = photograph(0)
    darker = picture.point(lambda level: 0.9 * level)
    assert similar_rows([look(picture), look(darker)]) == [[0, 1]]
    assert similar_rows([look(each.resize((32, 32))) for each in (picture, darker)]) == []


def test_what_looks_like_two_others_makes_them_one_set_and_what_is_unreadable_none() -> None:
    picture = photograph(0)
    looks = [look(picture), None, look(jpeg(picture, 60)), look(photograph(1)), look(picture.convert("L")), None]
    assert similar_rows(looks) == [[0, 2, 4]]
    assert similar_rows([None, None]) == []
    assert similar_pairs([look(picture)]).shape == (0, 2)


def test_rows_of_equal_names() -> None:
    assert equal_rows("abcab") == [[0, 3], [1, 4]]


def test_the_correlation_is_that_of_numpy() -> None:
    one, other = np.random.default_rng(0).random((2, 3, 20))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(_correlations(one, other), expected, atol=1e-12)


def test_look_alikes_of_a_given_test_part_are_counted_and_many_are_said_to_be_many() -> None:
    pool = [look(photograph(seed)) for seed in range(4)]
    few = [look(photograph(seed)) for seed in range(10, 109)]
    copies = [look(jpeg(photograph(seed), 70)) for seed in range(2)]
    assert leak_notes(pool, few, has_groups=False) == ()
    assert leak_notes(pool, [*few, copies[0]], has_groups=False) == (f"{LOOK_LIKE_TRAINING}: 1 of 100",)
    many = f"{LOOK_LIKE_TRAINING}: 2 of 101"
    assert leak_notes(pool, [*few, *copies], has_groups=False) == (many + MAY_LEAK,)
    assert leak_notes(pool, [*few, *copies], has_groups=True) == (many,)
    # Two of the test set that look like one another are no leak.
    assert leak_notes(pool, [few[0], few[0]], has_groups=False) == ()


def test_thousands_of_copies_and_near_copies_are_one_set_soon() -> None:
    # Each with each would be four million comparisons, which took minutes.
    picture = look(photograph(3))
    nearly = [replace(picture, greys=picture.greys ^ (seed & 1), digest=str(seed)) for seed in range(1500)]
    began = time.process_time()
    assert similar_rows([*[picture] * 3000, look(photograph(4)), *nearly]) == [[*range(3000), *range(3001, 4501)]]
    assert time.process_time() - began < 20
