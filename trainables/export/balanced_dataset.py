"""A torch data set of real images and the images that a sampler adds to them."""

import operator
import reprlib
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import Dataset

from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.torch_items import MapDataset, images_and_labels
from gan_study.trainables.export.over_sampler import ImageOverSampler
from gan_study.trainables.export.sampler_arguments import plain_array


class BalancedDataset(Dataset[tuple[Tensor, int]]):
    """A torch `Dataset` of real images, and after them the images that a sampler adds.

    A real image is read from `real` on each access. All are read once beforehand, so that the sampler can learn
    from them. Added images have the dtype of the real ones.

    Parameters
    ----------
    real : torch.utils.data.Dataset
        Images [C, H, W] and labels, which are whole numbers.
    sampler : ImageOverSampler
        What adds images.

    Raises
    ------
    ValueError
        For items that are no image and label, images of several shapes, and labels that are not whole.

    Examples
    --------
    >>> import torch
    >>> from gan_study import BalancedDataset, ImageOverSampler
    >>> real = torch.utils.data.TensorDataset(torch.rand(12, 1, 8, 8), torch.tensor([0] * 8 + [1] * 4))
    >>> balanced = BalancedDataset(real, ImageOverSampler("duplicates", random_state=0))
    >>> len(balanced), balanced[-1][1]
    (16, 1)
    """

    @checked_arguments
    def __init__(self, real: MapDataset, sampler: ImageOverSampler) -> None:
        try:
            items = list(images_and_labels(real, "real"))
        except DataError as error:
            raise ValueError(str(error)) from None
        if isinstance(items[0][0], Image):
            raise ValueError(
                "real: its items are Pillow images; [C, H, W] is needed, as torchvision's ToTensor makes them"
            )
        arrays = [np.asarray(plain_array("real", image)) for image, _ in items]
        if len(shapes := {array.shape for array in arrays}) > 1:
            raise ValueError(
                f"real: images of one shape are needed; their shapes include {min(shapes)} and others"
            )
        images, labels = np.stack(arrays), np.array([_whole(label) for _, label in items])
        all_images, all_labels = sampler.fit_resample(images, labels)
        self.real = real
        self.made = torch.as_tensor(all_images[len(items) :])
        self.made_labels: list[int] = all_labels[len(items) :].tolist()
        self.num_real = len(items)

    def __len__(self) -> int:
        return self.num_real + len(self.made)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range; there are {len(self)} images")
        place %= len(self)
        if place >= self.num_real:
            # A copy, which a transform may change in place.
            return self.made[place - self.num_real].clone(), self.made_labels[place - self.num_real]
        image, label, *_ = self.real[place]
        return torch.as_tensor(image), _whole(label)


def _whole(label: Any) -> int:
    """A label as an int, which cuts nothing off; raises ValueError if it would."""
    try:
        whole = int(label)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != label:
        raise ValueError(f"label {' '.join(reprlib.repr(label).split())} is not a whole number")
    return whole
