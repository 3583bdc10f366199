"""Transformed copies of minority images."""

import math
from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.balancing.copies import with_copies
from gan_study.trainables.base.seeding import derive_seed, torch_generator
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.data.images import TrainingSet

# Images transformed at a time: bounds the memory, and nothing else depends on it but the order of the draws.
_BATCH = 1024


@settings
class ImageTransforms(FillsClasses):
    """Fills each minority class with randomly transformed copies of its images, as in the thesis.

    New borders are -1, the background of a digit.

    The defaults are mild, so that a 6 does not become a 9 or leave the frame. Nothing is mirrored by default: a
    mirrored digit is not a digit, and a marker in a radiograph changes sides.
    """

    rotation_degrees: float = Field(default=10.0, ge=0, le=180)
    """Maximum rotation of a copy, in either direction."""
    shift: float = Field(default=0.1, ge=0, le=1)
    """Maximum shift along each axis, as a share of the image size."""
    shear_degrees: float = Field(default=10.0, ge=0, lt=90)
    """Maximum shear."""
    zoom: float = Field(default=0.1, ge=0, lt=1)
    """The scale is between 1 - zoom and 1 + zoom."""
    flip_probability: float = Field(default=0.0, ge=0, le=1)
    """Probability of a horizontal flip."""
    brightness: float = Field(default=0.1, ge=0, le=1)
    """The brightness factor is between 1 - brightness and 1 + brightness."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by the copies, once; raises DataError if a minority class has no image."""
        seed = derive_seed(seed, "transforms")
        filled = with_copies(training, self.additions(training), seed=seed, change=self._transform)
        yield BalancedSet(training=filled)

    def _transform(self, images: Images, seed: int) -> Iterator[Tensor]:
        # Drawn on the CPU, so that a GPU transforms as the CPU does.
        random = torch_generator(seed)
        return (self._batch(batch, random) for batch in images.split(_BATCH))

    def _batch(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Images [N, C, H, W], each with its own numbers."""
        draws = torch.rand(7, len(images), generator=random).to(images)
        either_way = 2 * draws[:5] - 1
        mirrored = torch.where(draws[5] < self.flip_probability, -1.0, 1.0)
        moved = affine(
            (images + 1) / 2,
            radians=either_way[0] * math.radians(self.rotation_degrees),
            shear_radians=either_way[1] * math.radians(self.shear_degrees),
            scale=1 + either_way[2] * self.zoom,
            shift=either_way[3:5] * self.shift,
            mirrored=mirrored,
        )
        factor = 1 + (2 * draws[6] - 1) * self.brightness
        return (moved * factor[:, None, None, None]).clamp(0, 1) * 2 - 1


def affine(
    images: Tensor, *, radians: Tensor, shear_radians: Tensor, scale: Tensor, shift: Tensor, mirrored: Tensor
) -> Tensor:
    """Square images [N, C, H, H], each sheared along its rows, rotated clockwise, scaled, shifted and mirrored.

    All [N], but `shift` [2, N]: to the right and down, as shares of the size. `mirrored` is -1 or 1. Bilinear; new
    borders are 0. The same as torchvision's `affine` for one image, except for shifts in whole pixels.
    """
    cos, sin, tan = radians.cos(), radians.sin(), shear_radians.tan()
    # From where in the output to where in the input, in units of half the size around the centre: the inverse of
    # shift(rotation(shear(.))) * scale, whose determinant is scale squared.
    inverse = torch.stack([cos - tan * sin, sin + tan * cos, -sin, cos]).reshape(2, 2, -1).permute(2, 0, 1)
    inverse = inverse / scale[:, None, None]
    offset = -inverse @ (2 * shift.T[:, :, None])
    theta = torch.cat([inverse * torch.stack([mirrored, torch.ones_like(mirrored)], 1)[:, None, :], offset], dim=2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


IMAGE_TRANSFORMS = BalancerEntry(
    name="image_transforms",
    settings=ImageTransforms,
    summary="adds rotated, shifted, scaled, sheared copies of rare images",
    adds_images=True,
)
