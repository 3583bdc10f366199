"""What a data set is asked for, and the interface of every place it may come from."""

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import AfterValidator, Field

from trainables.data.difficulty import Difficulty
from trainables.data.images import LabeledImages
from trainables.settings import ConfigError, settings

# Names the folder where data sets are looked for when `DataConfig.root` is None.
DATA_ENVIRONMENT_VARIABLE = "GAN_STUDY_DATA"


# Networks go up and down by factors of two between the image and a coarsest map of 4 to 7 pixels a side:
# 4 as in DCGAN (Radford 2016), 7 because 28 pixels halve no further.
_COARSEST = range(4, 8)


def pyramid(size: int) -> tuple[int, int]:
    """`(start, num_doublings)` with `size == start * 2**num_doublings`, start in 4..7, at least one doubling.

    28 is (7, 2) and 32 is (4, 3). Raises ConfigError, which names the nearest sizes that work, for all others.
    """
    found = _factors(size)
    if found is None:
        below = next((n for n in range(size - 1, 0, -1) if _factors(n)), None)
        above = next(n for n in range(max(size, 0) + 1, 2 * max(size, 4) + 1) if _factors(n))
        sizes = f"{below} and {above}" if below else f"{above}"
        raise ConfigError(f"{size} pixels do not halve to 4, 5, 6 or 7; nearest sizes that do: {sizes}")
    return found


def _factors(size: int) -> tuple[int, int] | None:
    start, num_doublings = size, 0
    while start > _COARSEST[-1] and start % 2 == 0:
        start, num_doublings = start // 2, num_doublings + 1
    return (start, num_doublings) if start in _COARSEST and num_doublings else None


def _checked_size(size: int) -> int:
    try:
        pyramid(size)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return size


# Pixels a side that every network can be built for.
ImageSize: TypeAlias = Annotated[int, AfterValidator(_checked_size)]


@settings
class DataConfig:
    """Which images, at which size, and how they are parted.

    `name` is a key of `catalog.DATA_SETS`; `root` is where its files lie (None: the usual places). `channels`
    None keeps the colours that the data set has; an image folder has 3 if an image of its pool has colour.
    `classes` by name or label are kept, and the others left out; None keeps all.
    `train_size` draws that many images of the training pool, stratified, before it is thinned. `test_fraction`
    is carved off only where there is no official test part; `validation_fraction` comes off the thinned pool.
    `drop_duplicates` leaves test images out whose pixels are in the pool too; `skip_unreadable` leaves image
    files out that cannot be decoded, instead of refusing the folder. `difficulty` makes the data harder, by one
    seed for all trials, before anything else is drawn from them.
    """

    name: str = "digits"
    root: str | None = None
    image_size: ImageSize = 28
    channels: Literal[1, 3] | None = None
    classes: tuple[str | int, ...] | None = None
    train_size: Annotated[int, Field(ge=1)] | None = None
    test_fraction: float = Field(default=0.25, gt=0, lt=1)
    validation_fraction: float = Field(default=0.2, gt=0, lt=1)
    drop_duplicates: bool = False
    skip_unreadable: bool = False
    difficulty: Difficulty = Difficulty()


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Images, and one line for each thing worth knowing: what was skipped, degraded or found twice."""

    images: LabeledImages
    notes: tuple[str, ...] = ()


class ImageSource(Protocol):
    """A data set in two parts, which never change places: neither depends on a trial or its seed.

    A search trial calls `pool` and `test_class_counts` alone. Neither depends on the label of any test image,
    so no search can learn from the test part.
    """

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        ...

    def test(self) -> Loaded:
        """The test part, at the size and with the channels of the pool."""
        ...

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order, known without opening the test labels."""
        ...
