"""The items of a `Dataset` of torch's, or of torchvision's: their pictures, labels and looks."""

import reprlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Labels
from gan_study.trainables.data.look_alikes import Look, look_of
from gan_study.trainables.data.pixels import Tile, decoded, picture_digest, tile
from gan_study.trainables.data.reading.picture import FULL_RANGE, Facts, Picture, Range, numbers_of
from gan_study.trainables.data.source import DataConfig

# Labels are numbers of classes, and rarely of images or of days.
LARGEST_LABEL = 1_000_000


class MapDataset(Protocol):
    """What is asked of a `Dataset`: its length, and an image with its label at each index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item as it was looked at once: its tile, or None and its range where that of all decides."""

    tile: Tile | None
    used: Range | None
    """The levels that it uses, where it is read by the range of its set."""
    declared: Range | None
    facts: Facts
    look: Look | None
    """None if look-alikes are not looked for."""


@dataclass(frozen=True, kw_only=True)
class Items:
    """A part whose items were looked at: [N] of them, with their labels [N] of `class_names`."""

    dataset: MapDataset
    name: str
    items: Sequence[Item]
    labels: Labels
    class_names: tuple[str, ...]

    def tile_at(self, row: int, levels: Range, config: DataConfig, channels: int | None) -> Tile:
        """An item's tile; one of more than 8 bits is asked for again, and read by `levels`."""
        return self.items[row].tile or _tile(_picture(self.dataset[row][0]), levels, config, channels)


def look_at(
    dataset: MapDataset,
    name: str,
    config: DataConfig,
    channels: int | None,
    *,
    names: tuple[str, ...] | None,
    train: Items | None = None,
) -> Items:
    """Every item of a part, brought to size where it has 8 bits.

    Labels are of the classes `names`, else of those of the part `train`, else the numbers that occur. Raises
    DataError where one is of no class, and where a class has no item.
    """
    found: list[Item] = []
    labels: list[Any] = []
    for index, (image, label) in enumerate(images_and_labels(dataset, name)):
        try:
            picture = _picture(image)
        except DataError as error:
            raise DataError(f"{name}/{index}: {error}") from error
        found.append(_item(picture, config, channels))
        labels.append(label)
    numbers = _numbers(labels, name, names)
    known = tuple(map(int, np.unique(numbers))) if names is None else tuple(range(len(names)))
    class_names = names or (tuple(map(str, known)) if train is None else train.class_names)
    if names is None and train is not None:
        known = tuple(map(int, train.class_names))
    _refuse_other_classes(set(numbers.tolist()), known, class_names, name)
    return Items(
        dataset=dataset,
        name=name,
        items=found,
        labels=np.searchsorted(np.array(known), numbers).astype(np.int64),
        class_names=class_names,
    )


def _item(picture: Picture, config: DataConfig, channels: int | None) -> Item:
    is_deep = picture.facts.values == "range"
    look = None
    if config.look_alikes == "together":
        look = look_of(picture.to_bytes(picture.own_range), digest=picture_digest(picture))
    return Item(
        # Bytes need no range.
        tile=None if is_deep else _tile(picture, FULL_RANGE, config, channels),
        used=picture.used if is_deep else None,
        declared=picture.declared,
        facts=replace(picture.facts, used_bits=picture.used_bits),
        look=look,
    )


def _refuse_other_classes(found: set[int], known: Sequence[int], names: Sequence[str], part: str) -> None:
    """Raise DataError if labels of a part are none of those `known`, or if one of these has no image."""
    if odd := sorted(found - {*known}):
        raise DataError(f"{part}: the label {odd[0]} does not occur in the training images ({', '.join(names)})")
    missing = [name for name, label in zip(names, known, strict=True) if label not in found]
    if missing:
        raise DataError(f"{part}: no image is of class {missing[0]!r}; each class needs some in every part")


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
        raise DataError(
            f"{part}: a Dataset with a length and items is needed; {type(dataset).__name__} is not one"
        )
    if not len(dataset):
        raise DataError(f"{part}: the Dataset is empty")
    for index in range(len(dataset)):
        item = dataset[index]
        if not isinstance(item, Sequence | tuple) or len(item) < 2:
            raise DataError(f"{part}/{index}: an item must be an image and its label, not {type(item).__name__}")
        if index == 0 and len(item) > 2:
            what = f"{part}: items have {len(item)} values; image and label are used, and the others are not"
            warnings.warn(what, stacklevel=2)
        yield item[0], item[1]


def _numbers(labels: Sequence[Any], part: str, names: tuple[str, ...] | None) -> Labels:
    found = [_whole(label, part) for label in labels]
    if names is not None and not 0 <= min(found) <= max(found) < len(names):
        raise DataError(f"{part}: labels {min(found)} to {max(found)}, but {len(names)} classes are named")
    if min(found) < 0 or max(found) > LARGEST_LABEL:
        raise DataError(f"{part}: labels {min(found)} to {max(found)}; they count from 0 to {LARGEST_LABEL:,}")
    return np.array(found, dtype=np.int64)


def _whole(label: Any, part: str) -> int:
    try:
        whole = int(label)
        if float(label) == whole:
            return whole
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(f"{part}: labels must be whole numbers; {' '.join(reprlib.repr(label).split())} is not")


def array_of(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """A tensor as an array, outside any computation of gradients; NumPy has no bfloat16.

    Raises DataError if its values cannot be an array: on no device, sparse, quantised, nested.
    """
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        array: npt.NDArray[Any] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    # torch has an error of another kind for each kind of tensor.
    except Exception as error:
        raise DataError(f"a tensor that cannot become an array ({' '.join(str(error).split())})") from None
    return array


def _picture(image: Any) -> Picture:
    """An item's image."""
    if isinstance(image, Image.Image):
        picture = decoded(image)
        return replace(picture, facts=replace(picture.facts, kind=image.format or "images in memory"))
    array = array_of(image) if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise DataError(f"an image {list(array.shape)}; [H, W], [H, W, 3] and [3, H, W] can be read")
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and 0 <= array.min() <= array.max() <= 1):
            raise DataError(
                f"values from {array.min():g} to {array.max():g}; floats in [0, 1] are supported, "
                "as ToTensor makes them, before Normalize"
            )
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype.kind not in "iu":
        raise DataError(f"values of {array.dtype}; whole numbers and floats in [0, 1] are supported")
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
