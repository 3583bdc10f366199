"""The contract of every data set."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gan_study.trainables.contracts.contract import Promises, require
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.look_alikes import MANY_LOOK_ALIKES
from gan_study.trainables.data.prepared import twin_indices
from gan_study.trainables.data.source import DataConfig, DataSet, ImageSource


@dataclass(frozen=True, eq=False)
class DataSetSubject:
    """A data set, and the request for it."""

    data_set: DataSet
    config: DataConfig

    @cached_property
    def source(self) -> ImageSource:
        """The data set's own source, before anything is done to its images."""
        return self.data_set.source(self.config)

    @cached_property
    def parts(self) -> dict[str, LabeledImages]:
        """Pool and test set, by name."""
        return {"pool": self.source.pool().images, "test": self.source.test().images}


def _has_described_arrays(subject: DataSetSubject) -> None:
    size, channels = subject.config.image_size, subject.config.channels
    for name, part in subject.parts.items():
        shape = part.images.shape[1:]
        require(shape in {(each, size, size) for each in (1, 3)}, f"{name}: images of shape {list(shape)}")
        require(channels in (None, shape[0]), f"{name}: {shape[0]} channels, but {channels} were requested")
        types = (str(part.images.dtype), str(part.labels.dtype))
        require(types == ("uint8", "int64"), f"{name}: images of {types[0]} and labels of {types[1]}")
        weights = np.ones(len(part)) if part.weights is None else part.weights
        lengths = {len(part.images), len(part.labels), len(part.digests), len(part.origins), len(weights)}
        require(len(lengths) == 1, f"{name}: columns of lengths {sorted(lengths)}")
        require(
            bool((np.isfinite(weights) & (weights > 0)).all()), f"{name}: weights that are not numbers above 0"
        )
        require(len(set(part.origins)) == len(part), f"{name}: two images with the same origin")
        is_known = set(part.labels.tolist()) == set(range(len(part.class_names)))
        require(is_known, f"{name}: labels that are not those of the {len(part.class_names)} classes")


def _has_parts_that_belong_together(subject: DataSetSubject) -> None:
    pool, test = subject.parts["pool"], subject.parts["test"]
    require(pool.shape == test.shape, "pool and test set have images of different shapes")
    require(pool.class_names == test.class_names, "pool and test set have different classes")
    require(not set(pool.origins) & set(test.origins), "an image is in the pool and in the test set")
    twins = len(twin_indices(pool, test))
    require(
        twins <= MANY_LOOK_ALIKES * len(test),
        f"{twins} of {len(test)} test images are in the pool too, pixel by pixel",
    )
    require(subject.data_set.class_names in (None, pool.class_names), "class_names are not those of the images")


def _counts_its_test_part(subject: DataSetSubject) -> None:
    counts, found = subject.source.test_class_counts(), subject.parts["test"].class_counts()
    require(counts == found, f"test_class_counts are {list(counts)}, not {list(found)}")


def _reads_the_same_twice(subject: DataSetSubject) -> None:
    again = subject.data_set.source(subject.config)
    for name, part in subject.parts.items():
        second = getattr(again, name)().images
        is_same = np.array_equal(part.images, second.images) and np.array_equal(part.labels, second.labels)
        require(is_same and part.digests == second.digests, f"{name}: a second reading gives different images")


def _takes_size_and_channels(subject: DataSetSubject) -> None:
    for channels in (1, 3):
        asked = subject.data_set.source(replace(subject.config, image_size=28, channels=channels))
        pool = asked.pool().images
        require(pool.images.shape[1:] == (channels, 28, 28), f"images of shape {list(pool.images.shape[1:])}")
        require(pool.digests == subject.parts["pool"].digests, "digests depend on size or channels")


DATA_SET_PROMISES: Promises[DataSetSubject] = {
    "its images and labels are as described, with every class present": _has_described_arrays,
    "its parts have the same classes and share no image": _has_parts_that_belong_together,
    "it knows how many test images each class has": _counts_its_test_part,
    "reading it twice gives the same result": _reads_the_same_twice,
    "size and channels are as requested, and digests depend on neither": _takes_size_and_channels,
}
