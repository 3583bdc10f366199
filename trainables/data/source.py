"""The request for a data set, and the interface of every source of images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import Field, StrictInt

from gan_study.trainables.base.files import Place
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.difficulty import Difficulty
from gan_study.trainables.data.images import ImageSize, Loaded
from gan_study.trainables.data.reading.columns import Columns
from gan_study.trainables.data.reading.picture import Fit

# "apart": each picture is drawn for itself, whatever it looks like.
LookAlikes: TypeAlias = Literal["together", "apart"]
# What `DataConfig.group` says where groups are folders.
FOLDER = "folder"
# Names the folder where data sets are looked for when `DataConfig.root` is None.
DATA_ENVIRONMENT_VARIABLE = "GAN_STUDY_DATA"


@settings
class DataConfig:
    """Which images, at which size, and how they are split."""

    name: str = "digits"
    """A key of `catalog.DATA_SETS`."""
    root: Place | None = None
    """The folder of its files; None: the usual places."""
    image_size: ImageSize = 28
    """Pixels a side."""
    channels: Literal[1, 3] | None = None
    """None keeps the colours of the data set; an image folder has 3 if any image of its pool has colour."""
    classes: tuple[str | StrictInt, ...] | None = None
    """The classes to use, by name or label; None: all."""
    train_size: Annotated[int, Field(ge=1)] | None = None
    """Number of images to draw from the training pool, stratified, before it is made imbalanced; None: all."""
    fit: Fit = "squash"
    """How an image that is not square is made square: squeezed, padded with black, or cropped around its
    middle."""
    test_fraction: float = Field(default=0.25, gt=0, lt=1)
    """Share of each class for the test set, if the data set has no official one."""
    validation_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Share of each class of the imbalanced pool for the validation set."""
    group: str | None = None
    """Groups that are never split, such as the images of a patient or a video, in an image folder: a column of
    the table of labels, or "folder", the first folder below that of the class, or above it if no class has
    folders."""
    look_alikes: LookAlikes = "together"
    """Whether identical and nearly identical images of folders, arrays and Datasets are kept on one side of
    every split."""
    drop_duplicates: bool = False
    """Leave out test images whose pixels are also in the pool."""
    drop_contradictions: bool = False
    """Leave out all copies, pixel by pixel, of images that have two classes, from the pool and the test set."""
    skip_unreadable: bool = False
    """Leave out image files that cannot be decoded, instead of rejecting the folder."""
    train: tuple[str, ...] = ()
    """The training folders of an image folder, below `root`, if they cannot be detected automatically."""
    test: tuple[str, ...] = ()
    """The folders of the test set; without any it is split off from the training images."""
    exclude: tuple[str, ...] = ()
    """Files to skip: shell patterns of names or of paths below `root`."""
    class_level: Annotated[int, Field(ge=1)] | None = None
    """The level of folders, from 1 on below a part, whose names are the classes; a folder that contains all is not
    a level, nor is one that is alone in a folder and named "images" or like that folder; None: the first."""
    labels: Place | None = None
    """A table of the images and their classes; None: folders give the classes, or the only table that does."""
    columns: Columns = Columns()
    """The columns of that table."""
    difficulty: Difficulty = Difficulty()
    """Makes the data harder before any other step, in the same way for all trials."""


class ImageSource(Protocol):
    """A data set in two fixed parts: neither depends on a trial or its seed.

    A search trial calls only `pool` and `test_class_counts`. Neither depends on the label of any test image,
    so no search can learn from the test set; Only `drop_contradictions` compares these labels, before any trial.
    """

    def pool(self) -> Loaded:
        """All images for training and validation."""
        ...

    def test(self) -> Loaded:
        """The test set, at the size and with the channels of the pool."""
        ...

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order, known without opening the test labels."""
        ...


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """The files of a data set, each with a name that does not change when the whole folder is moved.

    A file with images of both parts, or with labels, or one that affects the parts of others, is in both.
    """

    pool: Mapping[str, Path]
    """The source of training and validation sets."""
    test: Mapping[str, Path]
    """The test set."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set as it can be chosen."""

    name: str
    summary: str
    source: Callable[[DataConfig], ImageSource]
    files: Callable[[DataConfig], DataFiles] | None = None
    """The files that `source` reads; raises DataError if there are none, and downloads nothing. None: a study
    recognises the images by their pixels."""
    class_names: tuple[str, ...] | None = None
    """None if they are known only after the files are listed."""
    takes_folder: bool = True
    """Whether it reads files below `data.root`."""
    is_looked_for: bool = False
    """Whether the usual places are tried if `data.root` is None."""
    has_a_file_each: bool = False
    """Whether the origin of an image is a file below `data.root` that contains only this image."""
