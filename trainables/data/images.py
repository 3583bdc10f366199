"""Images with labels: as loaded (bytes), and as used for training (floats, weights, origin)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import AfterValidator
from torch import Tensor

from gan_study.trainables.base.settings import ConfigError, find_name, nearest
from gan_study.trainables.data.byte_images import Images, Pictures, hold, join, picture_rows, take
from gan_study.trainables.data.reading.picture import Range, Summary

Labels: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ImageShape:
    """The input of the networks: square images of `size` pixels with `channels` colours."""

    size: int
    channels: int

    @property
    def num_values(self) -> int:
        """Pixels times channels."""
        return self.channels * self.size * self.size


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The class names in label order, and which labels are the minority."""

    names: tuple[str, ...]
    minority: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LabeledImages:
    """Images as they were read: `images` uint8 [N, C, H, W] in [0, 255], `labels` int64 [N].

    `digests` [N] identifies the pixels of each image before it was resized, so that exact duplicates are found;
    `origins` [N] says where each came from (a file, or the position in the source).
    """

    images: Pictures
    labels: Labels
    class_names: tuple[str, ...]
    digests: tuple[str, ...]
    origins: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    """The patient, video or visit of each, [N]; None if the data have none."""
    weights: npt.NDArray[np.float64] | None = None
    """[N]: weight in the classifier's loss, on any scale; None: all alike."""
    units: npt.NDArray[np.int64] | None = None
    """[N]: images with the same number are on one side of every split: those of a group, and look-alikes; None:
    each image has its own."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> ImageShape:
        """Size and channels of every image."""
        return ImageShape(size=self.images.shape[-1], channels=self.images.shape[1])

    def subset(self, indices: npt.NDArray[np.int64]) -> "LabeledImages":
        """The images at `indices`, in that order; many are not copied."""
        return replace(
            self,
            images=picture_rows(self.images, indices),
            labels=self.labels[indices],
            digests=tuple(self.digests[i] for i in indices),
            origins=tuple(self.origins[i] for i in indices),
            groups=None if self.groups is None else tuple(self.groups[i] for i in indices),
            weights=None if self.weights is None else self.weights[indices],
            units=None if self.units is None else self.units[indices],
        )

    def weighing_one(self, indices: npt.NDArray[np.int64]) -> "LabeledImages":
        """The same images, with weights scaled so that those at `indices` have the mean 1."""
        if self.weights is None:
            return self
        return replace(self, weights=self.weights / self.weights[indices].mean())

    def class_counts(self) -> tuple[int, ...]:
        """Images of each class, in label order."""
        return class_counts(self.labels, len(self.class_names))

    def num_groups(self) -> int | None:
        """Groups that have an image here; None if the data have none."""
        return None if self.groups is None else len(set(self.groups))


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Images, and one line for each note: what was skipped, degraded or found twice."""

    images: LabeledImages
    notes: tuple[str, ...] = ()
    summary: Summary | None = None
    """Facts about the files, if each image has one."""
    levels: Range | None = None
    """The range that became 0 to 255 in files of more than 8 bits; None if there are none."""
    reading: tuple[str, ...] = ()
    """How the paths of the images were understood, and which files were skipped: one sentence each."""
    num_read: int | None = None
    """For a pool: how many images of both splits those sentences count as read; None if they count none."""


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """The data that a classifier is fitted to.

    `images` float32 [N, C, H, W] in [-1, 1]; `labels` int64 [N]; `weights` float32 [N], 1 unless a table or a
    balancer weights them; `synthetic` bool [N], True for generated images. Few images are a tensor; many are
    `ByteImages`, whose rows are tensors.
    """

    images: Images
    labels: Tensor
    weights: Tensor
    synthetic: Tensor
    classes: Classes

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> ImageShape:
        """Size and channels of every image."""
        return ImageShape(size=self.images.shape[-1], channels=self.images.shape[1])

    def class_counts(self) -> tuple[int, ...]:
        """Images of each class, in label order."""
        return class_counts(self.labels.cpu().numpy(), len(self.classes.names))

    def weighted_class_counts(self) -> tuple[float, ...]:
        """The sum of the weights of each class's images, in label order."""
        labels, weights = self.labels.cpu().numpy(), self.weights.double().cpu().numpy()
        return tuple(np.bincount(labels, weights, minlength=len(self.classes.names)).tolist())

    def of_class(self, label: int) -> Images:
        """The images [n, C, H, W] of one class."""
        return take(self.images, self.labels == label)

    def take(self, indices: Tensor) -> "TrainingSet":
        """The rows at `indices`, in that order, repeats allowed."""
        labels, weights, synthetic = (column[indices] for column in (self.labels, self.weights, self.synthetic))
        images = take(self.images, indices)
        return replace(self, images=images, labels=labels, weights=weights, synthetic=synthetic)

    def unweighted(self) -> "TrainingSet":
        """The same images, each with weight 1."""
        return replace(self, weights=torch.ones_like(self.weights))

    def weighted(self, by_class: Sequence[float]) -> "TrainingSet":
        """The same images, with each weight multiplied by the value of its class in `by_class` [K]."""
        return replace(self, weights=self.weights * self.weights.new_tensor(by_class)[self.labels])

    def extended(
        self, images: Images, labels: Tensor, *, synthetic: bool = True, weights: Tensor | None = None
    ) -> "TrainingSet":
        """This set with more `images` [M, C, H, W], their `labels` [M] and `weights` [M] at its end.

        Without `weights` each has the average weight of the real images of its class, so a class that is filled to
        n images weighs as much as n of its real ones.
        """
        if weights is None:
            weights = self._mean_weights_of_real()[labels.cpu()].to(self.weights)
        return replace(
            self,
            images=join(self.images, images),
            labels=torch.cat([self.labels, labels]),
            weights=torch.cat([self.weights, weights]),
            synthetic=torch.cat([self.synthetic, torch.full_like(labels, synthetic, dtype=torch.bool)]),
        )

    def weighing_as_real(self) -> "TrainingSet":
        """The same images, each synthetic one with the mean weight of the real ones of its class."""
        means = self._mean_weights_of_real()[self.labels.cpu()].to(self.weights)
        return replace(self, weights=torch.where(self.synthetic, means, self.weights))

    def _mean_weights_of_real(self) -> Tensor:
        is_real = ~self.synthetic
        return mean_weights(self.labels[is_real], self.weights[is_real], num_classes=len(self.classes.names))


def mean_weights(labels: Tensor, weights: Tensor, *, num_classes: int) -> Tensor:
    """The mean of the `weights` [N] of each of the `labels` [N], float64 [K] on the CPU; 1 for an absent class."""
    # On the CPU, where sums have one order.
    labels, weights = labels.cpu(), weights.double().cpu()
    sums, counts = (labels.bincount(each, minlength=num_classes) for each in (weights, None))
    return torch.where(counts > 0, sums / counts, 1.0)


def training_set(images: LabeledImages, classes: Classes, device: torch.device) -> TrainingSet:
    """`images` as floats in [-1, 1] on `device`: all real, with their weights."""
    held = real_set(hold(images.images, device), torch.as_tensor(images.labels, device=device), classes)
    if images.weights is None:
        return held
    return replace(held, weights=torch.as_tensor(images.weights, dtype=torch.float32, device=device))


def real_set(images: Images, labels: Tensor, classes: Classes) -> TrainingSet:
    """Float images [N, C, H, W] in [-1, 1] and their `labels` [N]: all real, with weight 1."""
    return TrainingSet(
        images=images,
        labels=labels,
        weights=torch.ones(len(images), device=images.device),
        synthetic=torch.zeros(len(images), dtype=torch.bool, device=images.device),
        classes=classes,
    )


# So many images are compared at a time with those before.
_DISTINCT_BLOCK = 256


def first_rows(images: Images) -> list[int]:
    """For each of `images` [N, C, H, W] the row of the first one that equals it."""
    first: dict[bytes, int] = {}
    found: list[int] = []
    for block in images.split(_DISTINCT_BLOCK):
        for image in block.cpu().numpy():
            found.append(first.setdefault(hashlib.blake2b(image.tobytes()).digest(), len(found)))
    return found


def distinct_rows(images: Images) -> list[int]:
    """The rows of `images` [N, C, H, W] that repeat no earlier one, ascending."""
    return sorted(set(first_rows(images)))


def class_counts(labels: Labels, num_classes: int) -> tuple[int, ...]:
    """How many of `labels` each class has."""
    return tuple(int(n) for n in np.bincount(labels, minlength=num_classes))


def class_label(choice: str | int, class_names: Sequence[str]) -> int:
    """The label of the class with that name or label. Raises ConfigError, with a hint, if there is none.

    A number that is the name of a class means this class, whatever its label; the name may be in any Unicode form.
    """
    if isinstance(choice, int):
        if str(choice) in class_names:
            return list(class_names).index(str(choice))
        if not 0 <= choice < len(class_names):
            raise ConfigError(f"no class has label {choice}; labels are 0 to {len(class_names) - 1}")
        return choice
    found = find_name(class_names, choice)
    if found is None:
        raise ConfigError(f"no class is named {choice!r}; {nearest(choice, class_names)}")
    return list(class_names).index(found)


# Networks go up and down by factors of two between the image and a coarsest map of 4 to 7 pixels a side:
# 4 as in DCGAN (Radford 2016), 7 because 28 pixels halve no further.
_COARSEST = range(4, 8)


def pyramid(size: int) -> tuple[int, int]:
    """`(start, num_doublings)` with `size == start * 2**num_doublings`, start in 4..7, at least one doubling.

    28 is (7, 2) and 32 is (4, 3). Raises ConfigError, which names the nearest valid sizes, for all others.
    """
    start, num_doublings = size, 0
    while start > _COARSEST[-1] and start % 2 == 0:
        start, num_doublings = start // 2, num_doublings + 1
    if start in _COARSEST and num_doublings:
        return start, num_doublings
    # As many doublings as come near to it, and one more or fewer: it may be any number a person types.
    nearby = max(1, size.bit_length() - 3)
    sizes = sorted(n << k for n in _COARSEST for k in range(max(1, nearby - 1), nearby + 2))
    near = [*[each for each in sizes if each < size][-1:], next(each for each in sizes if each > size)]
    raise ConfigError(
        f"{size} pixels do not halve to 4, 5, 6 or 7; nearest sizes that do: {' and '.join(map(str, near))}"
    )


# The largest that GANs have been trained on (Karras et al. 2019, "A style-based generator", have 1024), and room.
MOST_PIXELS_A_SIDE = 4096


def _checked_size(size: int) -> int:
    if size > MOST_PIXELS_A_SIDE:
        raise ValueError(f"{size} pixels a side are more than {MOST_PIXELS_A_SIDE}")
    try:
        pyramid(size)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return size


# Pixels a side that every network can be built for.
ImageSize: TypeAlias = Annotated[int, AfterValidator(_checked_size)]
