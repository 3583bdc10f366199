"""A `Dataset` of torch's, or of torchvision's, as a data set of a study."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.names import one_form
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import LabeledImages, Labels, Loaded
from gan_study.trainables.data.pixels import decoded, labeled_images, tile
from gan_study.trainables.data.reading.picture import FULL_RANGE, Bytes
from gan_study.trainables.data.source import DataConfig, DataSet
from gan_study.trainables.data.split import TEST_SEED, carve


class MapDataset(Protocol):
    """What is asked of a `Dataset`: its length, and an image with its label at each index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@checked_arguments
def torch_data_set(
    name: str,
    train: Callable[[], MapDataset],
    test: Callable[[], MapDataset] | None = None,
    *,
    class_names: Sequence[str] | None = None,
    summary: str = "a Dataset of torch's",
) -> DataSet:
    """A data set of a study from torch's map-style `Dataset`s.

    Transforms that draw at random make another data set each time, and normalised values are refused.

    Parameters
    ----------
    name : str
        What the data set is called.
    train : callable
        Returns the `Dataset` of the training pool; called when images are first needed. An item is an image and
        its label, a whole number from 0 on. An image is a Pillow image, bytes [H, W], [H, W, 3] or [3, H, W], or
        floats in [0, 1] [C, H, W] as torchvision's `ToTensor` makes them.
    test : callable, optional
        Returns the `Dataset` of the test part. Without it a part of each class is set aside for the test.
    class_names : sequence of str, optional
        The names by label; by default the `classes` of `train()`, else the numbers.
    summary : str
        A line on the data set.

    Returns
    -------
    DataSet
        The data set, which `data.name: module:attribute` or an entry point names (`docs/plugins.md`).

    Raises
    ------
    DataError
        For items of another kind, when they are read.

    Examples
    --------
    >>> import numpy as np
    >>> from gan_study import torch_data_set
    >>> squares = [(np.full((8, 8), label * 80, dtype=np.uint8), label) for label in (0, 1, 2)]
    >>> torch_data_set("squares", lambda: squares, class_names=("dark", "grey", "light")).name
    'squares'
    """
    return DataSet(
        name=name,
        summary=summary,
        source=lambda config: TorchSource(
            config=config, train=train, test_part=test, names=tuple(class_names) if class_names else None
        ),
        takes_folder=False,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchSource:
    """An ImageSource of two such functions."""

    config: DataConfig
    train: Callable[[], MapDataset]
    test_part: Callable[[], MapDataset] | None
    names: tuple[str, ...] | None

    def pool(self) -> Loaded:
        """All of `train()`, or what is left of it."""
        images = self._train
        return Loaded(images=images if self.test_part is not None else images.subset(self._carved[0]))

    def test(self) -> Loaded:
        """All of `test()`, or what was carved off, with the channels of the pool."""
        if self.test_part is None:
            return Loaded(images=self._train.subset(self._carved[1]))
        return Loaded(images=_read(self.test_part(), "test", self.config, self._train.shape.channels, self._names))

    def test_class_counts(self) -> tuple[int, ...]:
        """Images of each class; read once."""
        return self._test_counts

    @cached_property
    def _test_counts(self) -> tuple[int, ...]:
        return self.test().images.class_counts()

    @cached_property
    def _dataset(self) -> MapDataset:
        return self.train()

    @cached_property
    def _names(self) -> tuple[str, ...] | None:
        names = self.names or getattr(self._dataset, "classes", None)
        return None if names is None else tuple(one_form(str(name)) for name in names)

    @cached_property
    def _train(self) -> LabeledImages:
        return _read(self._dataset, "train", self.config, self.config.channels, self._names)

    @cached_property
    def _carved(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        images = self._train
        return carve(images.labels, self.config.test_fraction, seed=TEST_SEED, class_names=images.class_names)


def _read(
    dataset: MapDataset, part: str, config: DataConfig, channels: int | None, names: tuple[str, ...] | None
) -> LabeledImages:
    """Every item of a part, brought to size."""
    tiles, labels = [], []
    for index, (image, label) in enumerate(images_and_labels(dataset, part)):
        try:
            pixels = _pixels(image)
        except DataError as error:
            raise DataError(f"{part}/{index}: {error}") from error
        tiles.append(tile(pixels, size=config.image_size, channels=channels, fit=config.fit))
        labels.append(label)
    found = _labels(labels, part, names)
    names = names or tuple(map(str, range(int(found.max()) + 1)))
    return labeled_images(
        tiles,
        found,
        channels=channels,
        class_names=names,
        origins=tuple(f"{part}/{index}" for index in range(len(tiles))),
    )


def images_and_labels(dataset: MapDataset, part: str) -> Iterator[tuple[Any, Any]]:
    """The first two values of each item of a Dataset; raises DataError, which names `part`, where it has none."""
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(f"{part}: a Dataset with a length and items is needed; {type(dataset).__name__} is none")
    if not len(dataset):
        raise DataError(f"{part}: the Dataset is empty")
    for index in range(len(dataset)):
        item = dataset[index]
        if not isinstance(item, Sequence | tuple) or len(item) < 2:
            raise DataError(f"{part}/{index}: an item must be an image and its label, not {type(item).__name__}")
        yield item[0], item[1]


def _labels(labels: Sequence[Any], part: str, names: tuple[str, ...] | None) -> Labels:
    try:
        found = np.array([int(label) if float(label) == int(label) else None for label in labels], dtype=np.int64)
    except (TypeError, ValueError):
        raise DataError(f"{part}: labels are whole numbers; {labels[0]!r} is among them") from None
    most = len(names) if names is not None else None
    if found.min() < 0 or (most is not None and found.max() >= most):
        raise DataError(f"{part}: labels {found.min()} to {found.max()}, where {most or 'any'} classes are named")
    return found


def _pixels(image: Any) -> Bytes:
    """An item's image as bytes [H, W] or [H, W, 3]."""
    if isinstance(image, Image.Image):
        picture = decoded(image)
        return picture.to_bytes(picture.declared or FULL_RANGE)
    array = image.detach().cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise DataError(f"an image {list(array.shape)}; [H, W], [H, W, 3] and [3, H, W] are read")
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and 0 <= array.min() <= array.max() <= 1):
            raise DataError(
                f"values from {array.min():g} to {array.max():g}; floats in [0, 1] are read, as ToTensor makes "
                "them and before Normalize"
            )
        array = np.round(array * 255)
    elif array.dtype != np.uint8:
        raise DataError(f"values of {array.dtype}; bytes and floats in [0, 1] are read")
    return array.astype(np.uint8)
