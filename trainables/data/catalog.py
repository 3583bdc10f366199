"""The data sets by name."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.data.class_selection import SelectedClasses
from gan_study.trainables.data.digits import CLASS_NAMES, Digits
from gan_study.trainables.data.gtsrb import GTSRB_SET
from gan_study.trainables.data.image_folder import ImageFolder
from gan_study.trainables.data.prepared import PreparedSource
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig, ImageSource
from gan_study.trainables.data.torchvision_sets import (
    CIFAR10_SET,
    FASHION_MNIST_SET,
    MNIST_SET,
    PublishedSet,
    PublishedSource,
)


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set on offer.

    `class_names` is None where they are known only once its files are listed. `takes_folder`: whether it reads
    files below `data.root`; `is_looked_for`: whether, without one, the usual places are tried. `has_a_file_each`:
    whether the origin of an image is a file below `data.root` that holds it and nothing else.
    """

    name: str
    summary: str
    source: Callable[[DataConfig], ImageSource]
    class_names: tuple[str, ...] | None = None
    takes_folder: bool = True
    is_looked_for: bool = False
    has_a_file_each: bool = False


def _published(published: PublishedSet, summary: str) -> DataSet:
    return DataSet(
        name=published.name,
        summary=summary,
        source=partial(PublishedSource, published),
        class_names=published.class_names,
        is_looked_for=True,
    )


_ALL = (
    DataSet(
        name="digits",
        summary="1,797 handwritten digits, 8x8, grey; comes with scikit-learn",
        source=Digits,
        class_names=CLASS_NAMES,
        takes_folder=False,
    ),
    _published(MNIST_SET, "60,000 + 10,000 handwritten digits, 28x28, grey"),
    _published(FASHION_MNIST_SET, "60,000 + 10,000 pieces of clothing, 28x28, grey"),
    _published(CIFAR10_SET, "50,000 + 10,000 photographs of animals and vehicles, 32x32, colour"),
    _published(
        GTSRB_SET, "26,640 (or 39,209) + 12,630 photographs of German traffic signs, 43 uneven classes, colour"
    ),
    DataSet(
        name="imagefolder",
        summary="your own images: a folder for each class, or train/ and test/ with these",
        source=ImageFolder,
        has_a_file_each=True,
    ),
)

DATA_SETS: Mapping[str, DataSet] = {data_set.name: data_set for data_set in _ALL}


def data_set(config: DataConfig) -> DataSet:
    """The data set that `config` names. Raises ConfigError, with the nearest name, where there is none."""
    if config.name not in DATA_SETS:
        raise ConfigError(f"data.name: {config.name!r} is unknown; {nearest(config.name, DATA_SETS)}")
    return DATA_SETS[config.name]


def image_source(config: DataConfig) -> ImageSource:
    """The images that `config` asks for; nothing is read yet.

    Equal configurations share what was read, in this process, for the last two that were asked for.
    """
    return _prepared(config, os.environ.get(DATA_ENVIRONMENT_VARIABLE))


@lru_cache(maxsize=2)
def _prepared(config: DataConfig, _data_folder: str | None) -> ImageSource:
    source = data_set(config).source(config)
    if config.classes is not None:
        source = SelectedClasses(source, config.classes)
    return PreparedSource(source, config)
