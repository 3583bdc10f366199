"""A `Dataset` of torch's, or of torchvision's, as a data set of a study."""

import reprlib
from collections import Counter
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
from gan_study.trainables.data.images import Labels, Loaded
from gan_study.trainables.data.pixels import Tile, decoded, labeled_images, picture_digest, tile
from gan_study.trainables.data.reading.picture import FULL_RANGE, Facts, Picture, Range, numbers_of, range_of
from gan_study.trainables.data.source import DataConfig, DataSet
from gan_study.trainables.data.split import TEST_SEED, Indices, carve


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
        its label, a whole number from 0 on, whatever follows. An image is a Pillow image, whole numbers [H, W],
        [H, W, 3] or [3, H, W], or floats in [0, 1] [C, H, W] as torchvision's `ToTensor` makes them. Those of more
        than 8 bits are read by one range, as in a folder, and are asked for twice.
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
        return self._pool

    def test(self) -> Loaded:
        """All of `test()`, or what was carved off, with the channels and the range of the pool."""
        channels, rows = self._pool.images.shape.channels, self._rows[1]
        if self.test_part is None:
            return self._loaded(self._train, rows, channels, "test pictures")
        # Without names the classes are those to train on.
        names = self._names or self._train.class_names
        part = _look_at(self.test_part(), "test", self.config, channels, names)
        return self._loaded(part, rows, channels, "test pictures")

    def test_class_counts(self) -> tuple[int, ...]:
        """Images of each class; read once."""
        return self._test_counts

    @cached_property
    def _pool(self) -> Loaded:
        return self._loaded(self._train, self._rows[0], self.config.channels, "pictures")

    @cached_property
    def _test_counts(self) -> tuple[int, ...]:
        return self.test().images.class_counts()

    @cached_property
    def _dataset(self) -> MapDataset:
        return self.train()

    @cached_property
    def _names(self) -> tuple[str, ...] | None:
        names = self.names or getattr(self._dataset, "classes", None)
        if names is None:
            return None
        found = tuple(one_form(str(name)) for name in names)
        if odd := [name for name, times in Counter(found).items() if times > 1 or not name]:
            raise DataError(f"class names: {odd[0]!r} is " + ("named twice" if odd[0] else "no name"))
        return found

    @cached_property
    def _train(self) -> "_Part":
        return _look_at(self._dataset, "train", self.config, self.config.channels, self._names)

    @cached_property
    def _rows(self) -> tuple[Indices | None, Indices | None]:
        """The rows of the pool in `train()`, and those of the test part if it is carved off; None: all."""
        if self.test_part is not None:
            return None, None
        labels, names = self._train.labels, self._train.class_names
        return carve(labels, self.config.test_fraction, seed=TEST_SEED, class_names=names)

    @cached_property
    def _levels(self) -> Range | None:
        """The range of the images to train on that have more than 8 bits; None if there are none."""
        rows = range(len(self._train.ranges)) if self._rows[0] is None else self._rows[0].tolist()
        ranges = [each for row in rows if (each := self._train.ranges[row]) is not None]
        return range_of([used for used, _ in ranges], [declared for _, declared in ranges]) if ranges else None

    def _loaded(self, part: "_Part", rows: Indices | None, channels: int | None, called: str) -> Loaded:
        """The images of a part, or those at `rows` of it."""
        levels, config = self._levels or FULL_RANGE, self.config
        tiles = [
            known or _tile(_picture(part.dataset[row][0]), levels, config, channels)
            for row, known in enumerate(part.tiles)
        ]
        images = labeled_images(
            tiles,
            part.labels,
            channels=channels,
            class_names=part.class_names,
            origins=tuple(f"{part.name}/{row}" for row in range(len(tiles))),
        )
        images = images if rows is None else images.subset(rows)
        number = sum(
            part.ranges[row] is not None for row in (range(len(tiles)) if rows is None else rows.tolist())
        )
        note = (
            f"{called} of more than 8 bits: {number:,}, of which level {levels.black:.8g} becomes 0 and "
            f"{levels.white:.8g} becomes 255, the range that those to train on use"
        )
        return Loaded(images=images, notes=(note,) if number else (), levels=self._levels)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A part whose items were looked at once: a tile of each, None and its range where that of all decides."""

    dataset: MapDataset
    name: str
    tiles: list[Tile | None]
    ranges: list[tuple[Range, Range | None] | None]
    """The levels that it uses, and those that its file declares."""
    labels: Labels
    class_names: tuple[str, ...]


def _look_at(
    dataset: MapDataset, name: str, config: DataConfig, channels: int | None, names: tuple[str, ...] | None
) -> _Part:
    """Every item of a part, brought to size where it has 8 bits."""
    tiles: list[Tile | None] = []
    ranges: list[tuple[Range, Range | None] | None] = []
    labels = []
    for index, (image, label) in enumerate(images_and_labels(dataset, name)):
        try:
            picture = _picture(image)
        except DataError as error:
            raise DataError(f"{name}/{index}: {error}") from error
        is_deep = picture.facts.values == "range"
        ranges.append((picture.used, picture.declared) if is_deep else None)
        # Bytes need no range.
        tiles.append(None if is_deep else _tile(picture, FULL_RANGE, config, channels))
        labels.append(label)
    found = _labels(labels, name, names)
    return _Part(
        dataset=dataset,
        name=name,
        tiles=tiles,
        ranges=ranges,
        labels=found,
        class_names=names or tuple(map(str, range(int(found.max()) + 1))),
    )


def _tile(picture: Picture, levels: Range, config: DataConfig, channels: int | None) -> Tile:
    return tile(
        picture.to_bytes(levels),
        size=config.image_size,
        channels=channels,
        fit=config.fit,
        name=picture_digest(picture),
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
    found = [_whole(label, part) for label in labels]
    # Without names each class is one that occurs, so that there are no more of them than images.
    most = len(labels) if names is None else len(names)
    if min(found) < 0 or max(found) >= most:
        known = f"for {most:,} images without class names" if names is None else f"where {most} classes are named"
        raise DataError(f"{part}: labels {min(found)} to {max(found)}, {known}; they count from 0")
    return np.array(found, dtype=np.int64)


def _whole(label: Any, part: str) -> int:
    try:
        whole = int(label)
        if float(label) == whole:
            return whole
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(f"{part}: labels are whole numbers; {' '.join(reprlib.repr(label).split())} is among them")


def array_of(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """A tensor as an array, out of any computation of gradients; NumPy has no bfloat16.

    Raises DataError for one without values that NumPy can have: on no device, sparse, quantised, nested.
    """
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        array: npt.NDArray[Any] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    # torch has an error of another kind for each kind of tensor.
    except Exception as error:
        raise DataError(f"a tensor that no array can be made of ({' '.join(str(error).split())})") from None
    return array


def _picture(image: Any) -> Picture:
    """An item's image."""
    if isinstance(image, Image.Image):
        return decoded(image)
    array = array_of(image) if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise DataError(f"an image {list(array.shape)}; [H, W], [H, W, 3] and [3, H, W] are read")
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and 0 <= array.min() <= array.max() <= 1):
            raise DataError(
                f"values from {array.min():g} to {array.max():g}; floats in [0, 1] are read, as ToTensor makes "
                "them and before Normalize"
            )
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype.kind not in "iu":
        raise DataError(f"values of {array.dtype}; whole numbers and floats in [0, 1] are read")
    is_deep = array.dtype != np.uint8
    facts = Facts(
        kind="array",
        width=array.shape[1],
        height=array.shape[0],
        bits=8 * array.dtype.itemsize,
        num_colours=1 if array.ndim == 2 else 3,
        values="range" if is_deep else "bytes",
    )
    return Picture(pixels=numbers_of(array) if is_deep else array, facts=facts)
