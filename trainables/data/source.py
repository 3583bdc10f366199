"""What a data set is asked for, and the interface of every place it may come from."""

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.difficulty import Difficulty
from gan_study.trainables.data.image_size import ImageSize
from gan_study.trainables.data.images import LabeledImages

# Names the folder where data sets are looked for when `DataConfig.root` is None.
DATA_ENVIRONMENT_VARIABLE = "GAN_STUDY_DATA"


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
