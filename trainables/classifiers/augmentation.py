"""Random changes of every batch that a classifier is trained on, for every way of balancing alike."""

import math

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.base.settings import settings

# Of an image in [-1, 1]: what lies around a digit, and what LDAM's code pads photographs with.
BLACK = -1.0


@settings
class Augmentation:
    """How an image may be changed whenever it is trained on; nothing by default.

    It is rotated by up to `rotation_degrees` either way, scaled by 1 - `zoom` to 1 + `zoom`, and shifted by up to
    `shift` of its size along each axis, its edges continued; mirrored left to right with `flip_probability`; and
    cut at a random place from itself with `crop_padding` black pixels around it.
    """

    rotation_degrees: float = Field(default=0.0, ge=0, le=180)
    zoom: float = Field(default=0.0, ge=0, lt=1)
    shift: float = Field(default=0.0, ge=0, le=1)
    flip_probability: float = Field(default=0.0, ge=0, le=1)
    crop_padding: int = Field(default=0, ge=0)


def augmented(images: Tensor, augmentation: Augmentation, random: torch.Generator) -> Tensor:
    """`images` [N, C, H, W], each with changes of its own, drawn from `random`, which is on their device."""
    if augmentation.rotation_degrees or augmentation.zoom or augmentation.shift:
        images = moved(images, augmentation, random)
    if augmentation.flip_probability:
        mirrored = _uniform(len(images), 0, 1, random) < augmentation.flip_probability
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    if augmentation.crop_padding:
        images = cropped(images, augmentation.crop_padding, random)
    return images


def moved(images: Tensor, augmentation: Augmentation, random: torch.Generator) -> Tensor:
    """Each image rotated, scaled and shifted about its centre, between pixels linearly, its edges continued."""
    number = len(images)
    angles = _uniform(number, -1, 1, random) * math.radians(augmentation.rotation_degrees)
    scales = 1 + _uniform(number, -1, 1, random) * augmentation.zoom
    # In affine_grid's units an image is 2 wide.
    across, down = (2 * augmentation.shift * _uniform(number, -1, 1, random) for _ in range(2))
    cosine, sine = angles.cos() / scales, angles.sin() / scales
    where_from = torch.stack(
        [torch.stack([cosine, sine, across], dim=1), torch.stack([-sine, cosine, down], dim=1)], dim=1
    )
    grid = functional.affine_grid(where_from, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def cropped(images: Tensor, padding: int, random: torch.Generator) -> Tensor:
    """Each image cut at a random place, of whole pixels, from itself with `padding` black pixels around it."""
    number, _, size, _ = images.shape
    padded = functional.pad(images, (padding,) * 4, value=BLACK)
    starts = torch.randint(0, 2 * padding + 1, (2, number, 1), generator=random, device=random.device)
    rows, columns = starts + torch.arange(size, device=images.device)
    batch = torch.arange(number, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _uniform(number: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(number, generator=random, device=random.device)
