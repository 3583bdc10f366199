from functools import reduce

import pytest

from gan_study.trainables.base.settings import ConfigError, parse
from gan_study.trainables.data.difficulty import Difficulty, Shift
from gan_study.trainables.data.images import pyramid
from gan_study.trainables.data.source import DataConfig


@pytest.mark.parametrize(
    ("size", "start", "num_doublings"),
    [(8, 4, 1), (28, 7, 2), (32, 4, 3), (48, 6, 3), (56, 7, 3), (64, 4, 4), (80, 5, 4), (96, 6, 4), (128, 4, 5)],
)
def test_pyramid(size: int, start: int, num_doublings: int) -> None:
    assert pyramid(size) == (start, num_doublings)
    assert size == start * 2**num_doublings


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        *((30, "28 and 32"), (100, "96 and 112"), (33, "32 and 40"), (7, "8"), (0, "8"), (-5, "8")),
        # At once: looking for it number by number takes minutes.
        (10**9, "939524096 and 1073741824"),
    ],
)
def test_pyramid_names_the_nearest_sizes(size: int, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"^{size} pixels do not halve .*: {nearest}$"):
        pyramid(size)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("image_size", 30, "28 and 32"),
        ("channels", 2, "1 or 3"),
        ("train_size", 0, "greater than or equal to 1"),
        ("test_fraction", 0.0, "greater than 0"),
        ("test_fraction", 1.0, "less than 1"),
        ("validation_fraction", 1.0, "less than 1"),
        ("drop_duplicate", True, "did you mean 'drop_duplicates'"),
        ("difficulty.label_nois", 0.2, "did you mean 'label_noise'"),
        ("difficulty.label_noise", 1.0, "less than 1"),
        ("difficulty.label_noise", -0.1, "greater than or equal to 0"),
        ("difficulty.class_overlap", 0.5, "less than 0.5"),
        ("difficulty.borderline_share", 1.1, "less than or equal to 1"),
        ("difficulty.shift.brightnes", 20, "did you mean 'brightness'"),
        ("difficulty.shift.contrast", 0.0, "greater than 0"),
        ("difficulty.shift.rotation_degrees", 181.0, "less than or equal to 180"),
        ("difficulty.shift.noise_deviation", float("nan"), "finite"),
    ],
)
def test_values_that_cannot_be_used(key: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^data.{key}.*{said}"):
        parse(DataConfig, nested(key, value), where="data")


def test_difficulty_is_off_unless_asked_for() -> None:
    assert parse(DataConfig, {}, where="data").difficulty == Difficulty(
        label_noise=0.0, class_overlap=0.0, borderline_share=0.0, shift=None
    )
    asked = parse(DataConfig, nested("difficulty.shift.brightness", 20), where="data").difficulty
    assert asked == Difficulty(
        shift=Shift(brightness=20.0, contrast=1.0, rotation_degrees=0.0, noise_deviation=0.0)
    )


def nested(key: str, value: object) -> object:
    """`{"a": {"b": value}}` for the key "a.b"."""
    return reduce(lambda inner, name: {name: inner}, reversed(key.split(".")), value)
