"""Augmentation: random changes of every batch that a classifier is trained on, the same for every balancer."""

import math

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.base.settings import settings

# In [-1, 1]. It surrounds a digit, and LDAM's code pads photographs with it.
BLACK = -1.0


@settings
class Augmentation:
    """Random changes of an image each time it is used for training; none by default."""

    rotation_degrees: float = Field(default=0.0, ge=0, le=180)
    """Maximum rotation in either direction."""
    zoom: float = Field(default=0.0, ge=0, lt=1)
    """The scale is between 1 - `zoom` and 1 + `zoom`."""
    shift: float = Field(default=0.0, ge=0, le=1)
    """Maximum shift along each axis, as a share of the size; edges are repeated."""
    flip_probability: float = Field(default=0.0, ge=0, le=1)
    """Probability of a horizontal flip."""
    crop_padding: int = Field(default=0, ge=0)
    """Pad with this many black pixels on every side, and crop at a random position to the old size."""


def augment(images: Tensor, augmentation: Augmentation, random: torch.Generator) -> Tensor:
    """`images` [N, C, H, W], each with random changes of its own; `random` is on their device."""
    if augmentation.rotation_degrees or augmentation.zoom or augmentation.shift:
        images = move(images, augmentation, random)
    if augmentation.flip_probability:
        draws = torch.rand(len(images), generator=random, device=random.device)
        mirrored = (draws < augmentation.flip_probability)[:, None, None, None]
        images = torch.where(mirrored, images.flip(-1), images)
    if augmentation.crop_padding:
        images = crop(images, augmentation.crop_padding, random)
    return images


def move(images: Tensor, augmentation: Augmentation, random: torch.Generator) -> Tensor:
    """Each image rotated, scaled and shifted about its centre; bilinear, edges repeated."""

    def either_way() -> Tensor:
        return -1 + 2 * torch.rand(len(images), generator=random, device=random.device)

    angles = either_way() * math.radians(augmentation.rotation_degrees)
    scales = 1 + either_way() * augmentation.zoom
    # In affine_grid's units an image is 2 wide.
    across, down = (2 * augmentation.shift * either_way() for _ in range(2))
    cosine, sine = angles.cos() / scales, angles.sin() / scales
    theta = torch.stack(
        [torch.stack([cosine, sine, across], dim=1), torch.stack([-sine, cosine, down], dim=1)], dim=1
    )
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def crop(images: Tensor, padding: int, random: torch.Generator) -> Tensor:
    """Each image padded with `padding` black pixels, and cropped to its size at a random position in whole
    pixels.
    """
    number, _, size, _ = images.shape
    padded = functional.pad(images, (padding,) * 4, value=BLACK)
    starts = torch.randint(0, 2 * padding + 1, (2, number, 1), generator=random, device=random.device)
    rows, columns = starts + torch.arange(size, device=images.device)
    batch = torch.arange(number, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
