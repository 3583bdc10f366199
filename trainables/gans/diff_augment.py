"""Differentiable augmentation: random changes that the discriminator sees on real and fake images alike.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 4 and appendix: colour,
translation and cut-out together, the paper's choice for the smallest data sets.
"""

import torch
from torch import Tensor

from gan_study.trainables.gans.random_streams import RandomStream

# Shares of the image's size (section 4): the furthest shift either way, and the side of the square cut out.
TRANSLATION = 1 / 8
CUTOUT = 1 / 2


def diff_augment(images: Tensor, random: RandomStream) -> Tensor:
    """`images` [N, C, H, W], each with its own random colours, shift and hole; gradients flow through.

    New borders and holes are 0: mid-grey in [-1, 1], as in the authors' code.
    """
    return cut_out(translate(recolour(images, random), random), random)


def recolour(images: Tensor, random: RandomStream) -> Tensor:
    """Each image with brightness + U(-0.5, 0.5), then saturation x U(0, 2), then contrast x U(0.5, 1.5)."""
    brightness, saturation, contrast = random.uniform((3, len(images), 1, 1, 1), torch.float32)
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * 2 * saturation
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    recoloured: Tensor = mean + (images - mean) * (contrast + 0.5)
    return recoloured


def translate(images: Tensor, random: RandomStream) -> Tensor:
    """Each image shifted by whole pixels, up to an eighth of its size along each axis, with 0 at new borders."""
    size = images.shape[-1]
    limit = int(size * TRANSLATION + 0.5)
    down, right = random.integers(-limit, limit, (2, len(images), 1))
    positions = torch.arange(size, device=images.device)
    rows, columns = positions - down, positions - right
    inside = _inside(rows, size)[:, :, None] & _inside(columns, size)[:, None, :]
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[
        batch, rows.clamp(0, size - 1)[:, :, None], columns.clamp(0, size - 1)[:, None, :]
    ]
    return moved.permute(0, 3, 1, 2) * inside[:, None]


def cut_out(images: Tensor, random: RandomStream) -> Tensor:
    """Each image with a square of half its size set to 0, its centre anywhere in the image."""
    size = images.shape[-1]
    side = int(size * CUTOUT + 0.5)
    top, left = random.integers(0, size - 1 + (1 - side % 2), (2, len(images), 1)) - side // 2
    positions = torch.arange(size, device=images.device)
    rows, columns = _inside(positions - top, side), _inside(positions - left, side)
    return images * ~(rows[:, :, None] & columns[:, None, :])[:, None]


def _inside(positions: Tensor, size: int) -> Tensor:
    return (positions >= 0) & (positions < size)
