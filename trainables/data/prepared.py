"""Common steps for every data set, whatever its source: chosen classes, no duplicates, a smaller pool, one
reading.

Duplicates are images whose decoded pixels are equal at the original resolution. Only digests are compared, so
nothing here reads a test label except the note that counts contradictions, and `data.drop_contradictions`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from gan_study.trainables.base.settings import ConfigError, DataError
from gan_study.trainables.data.byte_images import Pictures, blocks_of
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.difficulty import Difficulty, harder_pool, harder_test
from gan_study.trainables.data.images import LabeledImages, Loaded, class_label
from gan_study.trainables.data.source import DATA_ENVIRONMENT_VARIABLE, DataConfig, ImageSource
from gan_study.trainables.data.split import subsample


def image_source(config: DataConfig) -> ImageSource:
    """The images for `config`; nothing is read yet. Raises ConfigError for an unknown data set.

    In one process, equal configurations share what was read, for the last two requests, until `forget_images`.
    """
    return _prepared(config, os.environ.get(DATA_ENVIRONMENT_VARIABLE))


def forget_images() -> None:
    """Let images be read again: their files may have changed since."""
    _prepared.cache_clear()


@lru_cache(maxsize=2)
def _prepared(config: DataConfig, _data_folder: str | None) -> ImageSource:
    source = DATA_SETS.find(config.name, where="data.name").source(config)
    if config.classes is not None:
        source = SelectedClasses(source, config.classes)
    if config.drop_contradictions:
        source = WithoutContradictions(source)
    return PreparedSource(source, config)


@dataclass(frozen=True)
class SelectedClasses:
    """The images of the classes `names` of `source`, with labels 0, 1, ... in the source's order.

    Raises ConfigError if the source has no class of such a name.
    """

    source: ImageSource
    names: tuple[str | int, ...]

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return replace(self._pool, images=select_classes(self._pool.images, self._labels))

    def test(self) -> Loaded:
        """The test set."""
        test = self.source.test()
        return replace(test, images=select_classes(test.images, self._labels))

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each selected class, in label order."""
        counts = self.source.test_class_counts()
        return tuple(counts[label] for label in self._labels)

    @cached_property
    def _pool(self) -> Loaded:
        return self.source.pool()

    @cached_property
    def _labels(self) -> tuple[int, ...]:
        return select_labels(self.names, self._pool.images.class_names)


def select_labels(names: Sequence[str | int], class_names: Sequence[str]) -> tuple[int, ...]:
    """The labels of `names`, ascending; raises ConfigError for an unknown name, or for fewer than two classes."""
    labels = tuple(sorted({class_label(name, class_names) for name in names}))
    if len(labels) < 2:
        raise ConfigError(f"data.classes: {list(names)} cannot be used; at least two classes are needed")
    return labels


def select_classes(images: LabeledImages, labels: Sequence[int]) -> LabeledImages:
    """The `images` of the classes `labels`, ascending, which become 0, 1, ..."""
    selected = images.subset(np.flatnonzero(np.isin(images.labels, labels)))
    return replace(
        selected,
        labels=np.searchsorted(labels, selected.labels).astype(np.int64),
        class_names=tuple(images.class_names[label] for label in labels),
    )


@dataclass(frozen=True)
class WithoutContradictions:
    """The images of `source` without all copies of those that have two classes, in one part or in both.

    Raises DataError if a class loses all its images.
    """

    source: ImageSource

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return self._parts[0]

    def test(self) -> Loaded:
        """The test set."""
        return self._parts[1]

    def test_class_counts(self) -> tuple[int, ...]:
        """Remaining test images of each class, in label order."""
        return self._parts[1].images.class_counts()

    @cached_property
    def _parts(self) -> tuple[Loaded, Loaded]:
        pool, test = self.source.pool(), self.source.test()
        odd = contradicted(pool.images, test.images)

        def cleaned(part: Loaded, name: str) -> Loaded:
            images = part.images
            rows = np.array([i for i, each in enumerate(images.digests) if each not in odd], dtype=np.int64)
            left = images.subset(rows)
            for class_name, count in zip(left.class_names, left.class_counts(), strict=True):
                if count == 0:
                    raise DataError(
                        f"data.drop_contradictions: every {name} image of class {class_name!r} is in another "
                        "class too"
                    )
            number = len(images) - len(left)
            note = f"{name} images left out as duplicates, pixel by pixel, are in another class: {number}"
            return replace(part, images=left, notes=(*part.notes, *((note,) if number else ())))

        return cleaned(pool, "training"), cleaned(test, "test")


def contradicted(*parts: LabeledImages) -> frozenset[str]:
    """The digests of images with two classes, in these parts."""
    labels: dict[str, set[int]] = {}
    for part in parts:
        for digest, label in zip(part.digests, part.labels.tolist(), strict=True):
            labels.setdefault(digest, set()).add(label)
    return frozenset(digest for digest, of in labels.items() if len(of) > 1)


def contradiction_notes(images: LabeledImages, name: str) -> tuple[str, ...]:
    """A note on the images of a part that are in two classes; none without any."""
    odd = contradicted(images)
    if not odd:
        return ()
    first = images.digests.index(next(each for each in images.digests if each in odd))
    label = images.labels[first]
    other = next(
        row
        for row, each in enumerate(images.digests)
        if each == images.digests[first] and images.labels[row] != label
    )
    copies = sum(each in odd for each in images.digests)
    return (
        f"{name} images that are in two classes or more, pixel by pixel: {len(odd)}, {copies} images "
        f"({images.origins[first]} = {images.origins[other]} among them); drop_contradictions leaves them out",
    )


def group_notes(pool: LabeledImages, test: LabeledImages) -> tuple[str, ...]:
    """A note on the groups that are in both parts; none without any."""
    common = sorted(set(pool.groups or ()) & set(test.groups or ()))
    if not common:
        return ()
    names = ", ".join(common[:_NAMES_SHOWN]) + (", ..." if len(common) > _NAMES_SHOWN else "")
    return (
        f"groups that are in both the test set and the training set: {len(common)} of {test.num_groups()} "
        f"({names}); the parts were given and are not changed, so test scores may be too high",
    )


def twin_indices(pool: LabeledImages, test: LabeledImages) -> dict[int, int]:
    """The index of each test image that is also in the pool, in test order, to that of its first duplicate
    there.
    """
    first: dict[str, int] = {}
    for i, digest in enumerate(pool.digests):
        first.setdefault(digest, i)
    return {j: first[digest] for j, digest in enumerate(test.digests) if digest in first}


def without_duplicates(pool: LabeledImages, test: LabeledImages) -> LabeledImages:
    """`test` without the images that are also in the pool."""
    twins = twin_indices(pool, test)
    return test.subset(np.array([j for j in range(len(test)) if j not in twins], dtype=np.int64))


def duplicate_notes(pool: LabeledImages, test: LabeledImages, *, dropped: bool) -> tuple[str, ...]:
    """A note on the test images that are also in the pool, and one if their labels differ; else none."""
    twins = twin_indices(pool, test)
    if not twins:
        return ()
    j, i = next(iter(twins.items()))
    fate = "left out" if dropped else "kept; drop_duplicates leaves them out"
    equal = f"test images equal to a training image, pixel by pixel: {len(twins)} ({fate})"
    num_contradictions = sum(int(test.labels[j] != pool.labels[i]) for j, i in twins.items())
    contradictions = f"of these, with another label in test: {num_contradictions}"
    first = f"{equal}, {test.origins[j]} = {pool.origins[i]} among them"
    return (first, contradictions) if num_contradictions else (first,)


def repetition_notes(pool: LabeledImages) -> tuple[str, ...]:
    """A note on the images that the pool has more than once; none without any."""
    num_repeats = len(pool) - len(set(pool.digests))
    if not num_repeats:
        return ()
    return (f"training images that repeat an earlier one, pixel by pixel: {num_repeats} (kept for training)",)


_NAMES_SHOWN = 3
_HALF_OF_ALL_LEVELS = 127
# One for all trials, so that trials with different seeds draw from the same pool.
_POOL_SEED = 0


def range_notes(images: Pictures) -> tuple[str, ...]:
    """A note on images that use at most half of the 256 levels, such as masks of 0 and 1; none otherwise."""
    ranges = [(int(block.min()), int(block.max())) for block in blocks_of(images)]
    lowest, highest = min(each for each, _ in ranges), max(each for _, each in ranges)
    if highest - lowest > _HALF_OF_ALL_LEVELS:
        return ()
    return (
        f"the images use the levels {lowest} to {highest} of 0 to 255 only, but generated ones can "
        "use all; stretch the levels of the files if needed",
    )


class PreparedSource:
    """An ImageSource for `config`; each part is read once and shared, so its arrays must not be changed.

    Duplicates are searched for in the whole pool, before `train_size` is drawn, so the test set is the same for
    every `train_size`. Difficulty is also added to the whole pool, so an image and its label are the same for
    every `train_size`. Duplicates and class counts of the test set are those of the original images.
    """

    def __init__(self, raw: ImageSource, config: DataConfig) -> None:
        self._raw = raw
        self._config = config

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return self._pool

    def test(self) -> Loaded:
        """The test set."""
        return self._test

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order.

        With `drop_duplicates` the test pixels, but no test label, are used: an image that is left out is
        subtracted from the class of its duplicate in the pool.
        """
        counts = self._raw.test_class_counts()
        if not self._config.drop_duplicates:
            return counts
        pool = self._raw_pool.images
        twins = twin_indices(pool, self._raw_test.images).values()
        dropped = np.bincount(pool.labels[list(twins)], minlength=len(counts))
        return tuple(max(n - int(k), 0) for n, k in zip(counts, dropped, strict=True))

    # The interface has methods, and functools caches properties, hence both. The parts before they are prepared
    # are cached too: the test set needs the pool's digests, and a source may read its files each time.

    @cached_property
    def _raw_pool(self) -> Loaded:
        pool, group = self._raw.pool(), self._config.group
        if group is not None and pool.images.groups is None:
            raise ConfigError(f"data.group: {group!r}: only image folders have groups")
        return pool

    @cached_property
    def _raw_test(self) -> Loaded:
        return self._raw.test()

    @cached_property
    def _pool(self) -> Loaded:
        hard, size = Loaded(images=self._raw_pool.images), self._config.train_size
        if self._config.difficulty != Difficulty():
            hard = harder_pool(hard.images, self._config.difficulty)
        images = hard.images
        if size is not None:
            rows = subsample(
                images.labels, size, seed=_POOL_SEED, class_names=images.class_names, units=images.units
            )
            images = images.subset(rows)
        odd = contradiction_notes(self._raw_pool.images, "training")
        levels = range_notes(self._raw_pool.images.images)
        notes = (*self._raw_pool.notes, *levels, *repetition_notes(images), *odd, *hard.notes)
        return replace(self._raw_pool, images=images, notes=notes)

    @cached_property
    def _test(self) -> Loaded:
        pool, test, drop = self._raw_pool.images, self._raw_test.images, self._config.drop_duplicates
        hard = Loaded(images=without_duplicates(pool, test) if drop else test)
        counts = zip(test.class_names, test.class_counts(), hard.images.class_counts(), strict=True)
        for name, count, left in counts:
            if count == 0:
                raise DataError(f"the test set has no image of class {name!r}")
            if left == 0:
                raise DataError(
                    f"every test image of class {name!r} is also in the pool; nothing is left to test it"
                )
        if self._config.difficulty != Difficulty():
            hard = harder_test(hard.images, self._config.difficulty)
        notes = (
            *self._raw_test.notes,
            *group_notes(pool, test),
            *duplicate_notes(pool, test, dropped=drop),
            *contradiction_notes(test, "test"),
            *hard.notes,
        )
        return replace(self._raw_test, images=hard.images, notes=notes)
