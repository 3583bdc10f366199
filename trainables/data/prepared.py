"""What every data set gets, whatever it comes from: difficulty, duplicates, the draw of the pool, one reading."""

from functools import cached_property

import numpy as np

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.difficulty import harder_pool, harder_test
from gan_study.trainables.data.duplicates import (
    duplicate_notes,
    repetition_notes,
    twin_indices,
    without_duplicates,
)
from gan_study.trainables.data.images import Loaded
from gan_study.trainables.data.source import DataConfig, ImageSource
from gan_study.trainables.data.split import subsample

# One for all trials, so that trials with different seeds draw from the same pool.
_POOL_SEED = 0


class PreparedSource:
    """An ImageSource as `config` asks for it; each part is read once and shared, so nobody may write to it.

    Duplicates are looked for in the whole pool, before `train_size` is drawn, so that the test part is the same
    for every `train_size`. Difficulty is added to the whole pool too, so that an image and its label are the same
    for every `train_size`. Duplicates and class counts of the test part are those of the original images.
    """

    def __init__(self, raw: ImageSource, config: DataConfig) -> None:
        self._raw = raw
        self._config = config

    def pool(self) -> Loaded:
        """Everything that may be used for training and validation."""
        return self._pool

    def test(self) -> Loaded:
        """The test part."""
        return self._test

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order.

        With `drop_duplicates` the test pixels, but no test label, are looked at: a test image that is left out
        is taken off the class that its twin in the pool has.
        """
        counts = self._raw.test_class_counts()
        if not self._config.drop_duplicates:
            return counts
        pool = self._raw_pool.images
        twins = twin_indices(pool, self._raw_test.images).values()
        dropped = np.bincount(pool.labels[list(twins)], minlength=len(counts))
        return tuple(max(n - int(k), 0) for n, k in zip(counts, dropped, strict=True))

    @cached_property
    def _raw_pool(self) -> Loaded:
        return self._raw.pool()

    @cached_property
    def _raw_test(self) -> Loaded:
        return self._raw.test()

    @cached_property
    def _pool(self) -> Loaded:
        hard = harder_pool(self._raw_pool.images, self._config.difficulty)
        images, size = hard.images, self._config.train_size
        if size is not None:
            images = images.subset(subsample(images.labels, size, seed=_POOL_SEED, class_names=images.class_names))
        return Loaded(images=images, notes=(*self._raw_pool.notes, *repetition_notes(images), *hard.notes))

    @cached_property
    def _test(self) -> Loaded:
        pool, test, drop = self._raw_pool.images, self._raw_test.images, self._config.drop_duplicates
        kept = without_duplicates(pool, test) if drop else test
        for name, count in zip(kept.class_names, kept.class_counts(), strict=True):
            if count == 0:
                raise DataError(
                    f"every test image of class {name!r} is in the pool too; nothing is left to test it"
                )
        hard = harder_test(kept, self._config.difficulty)
        notes = (*self._raw_test.notes, *duplicate_notes(pool, test, dropped=drop), *hard.notes)
        return Loaded(images=hard.images, notes=notes)
