"""The handwritten digits that come with scikit-learn: 1,797 images, 8x8, grey. Needs no file."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.pixels import images_of_arrays
from gan_study.trainables.data.source import DataConfig, DataSet
from gan_study.trainables.data.split import TEST_SEED, Indices, carve, per_class_sizes

CLASS_NAMES = tuple("0123456789")
# Ink is counted in 4x4 cells of a bitmap (Alpaydin and Kaynak 1998), hence 0 to 16.
_FULL_INK = 16


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits; `test_fraction` of each class is the test part."""

    config: DataConfig

    def pool(self) -> Loaded:
        """All but the test part."""
        rest, _ = self._parts
        return Loaded(images=self._images.subset(rest))

    def test(self) -> Loaded:
        """The test part."""
        _, carved = self._parts
        return Loaded(images=self._images.subset(carved))

    def test_class_counts(self) -> tuple[int, ...]:
        """Arithmetic on the sizes of the whole classes."""
        return per_class_sizes(self._images.class_counts(), self.config.test_fraction)

    @cached_property
    def _parts(self) -> tuple[Indices, Indices]:
        return carve(self._images.labels, self.config.test_fraction, seed=TEST_SEED)

    @cached_property
    def _images(self) -> LabeledImages:
        from sklearn.datasets import load_digits  # late: it takes a second

        bunch = load_digits()
        greys = np.round(bunch.images * (255 / _FULL_INK)).astype(np.uint8)
        return images_of_arrays(
            greys,
            bunch.target.astype(np.int64),
            size=self.config.image_size,
            channels=self.config.channels or 1,
            class_names=CLASS_NAMES,
            origin="digits",
        )


DIGITS = DataSet(
    name="digits",
    summary="1,797 handwritten digits, 8x8, grey; comes with scikit-learn",
    source=Digits,
    class_names=CLASS_NAMES,
    takes_folder=False,
)
