"""The handwritten digits that come with scikit-learn: 1,797 images, 8x8, grey. Needs no file."""

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.pixels import images_of_arrays
from gan_study.trainables.data.source import DataConfig, DataFiles, DataSet
from gan_study.trainables.data.split import TEST_SEED, Indices, carve, per_class_sizes

CLASS_NAMES = tuple("0123456789")
# Ink is counted in 4x4 cells of a bitmap (Alpaydin and Kaynak 1998), hence 0 to 16.
_FULL_INK = 16


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits; `test_fraction` of each class is the test set."""

    config: DataConfig

    def pool(self) -> Loaded:
        """All but the test set."""
        rest, _ = self._parts
        return Loaded(images=self._images.subset(rest))

    def test(self) -> Loaded:
        """The test set."""
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


def list_files(config: DataConfig) -> DataFiles:
    """The one file in scikit-learn that both parts are taken from."""
    # Found without an import of scikit-learn, which takes a second.
    package = importlib.util.find_spec("sklearn")
    assert package is not None and package.origin is not None, "scikit-learn is required"
    file = {"digits.csv.gz": Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"}
    return DataFiles(pool=file, test=file)


DIGITS = DataSet(
    name="digits",
    summary="1,797 handwritten digits, 8x8, grey; comes with scikit-learn",
    source=Digits,
    files=list_files,
    class_names=CLASS_NAMES,
    takes_folder=False,
)
