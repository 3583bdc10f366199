"""Transformed copies of minority images."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor
from torchvision.transforms import v2

from trainables.balancing.balancer import BalancedSet, deficits
from trainables.batches import index_batches
from trainables.data.images import TrainingSet
from trainables.seeding import derive_seed, seeded_global_state, torch_generator
from trainables.settings import settings

# In [0, 1], where the brightness is changed: -1 of a training image, which is what lies around a digit.
_BACKGROUND = 0.0


@settings
class ImageTransforms:
    """Fills each minority class with randomly transformed copies of its images, as the study's document 003 does.

    Each copy is rotated by up to `rotation_degrees` either way, shifted by up to `shift` of its size along each
    axis, scaled by 1 - `zoom` to 1 + `zoom`, sheared by up to `shear_degrees`, mirrored left to right with
    `flip_probability`, and its brightness multiplied by 1 - `brightness` to 1 + `brightness`.

    The defaults are mild, so that a 6 does not become a 9 nor leave the frame. Nothing is mirrored by default: a
    mirrored digit is no digit, and a marker in a radiograph changes sides.
    """

    balance_to: float = Field(default=1.0, gt=0)
    rotation_degrees: float = Field(default=10.0, ge=0, le=180)
    shift: float = Field(default=0.1, ge=0, le=1)
    shear_degrees: float = Field(default=10.0, ge=0, lt=90)
    zoom: float = Field(default=0.1, ge=0, lt=1)
    flip_probability: float = Field(default=0.0, ge=0, le=1)
    brightness: float = Field(default=0.1, ge=0, le=1)

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` with the copies after it, once; raises DataError where a minority class has no image."""
        balanced = training
        for label, number in deficits(training, balance_to=self.balance_to).items():
            images = self._copies(training.of_class(label), number, seed=derive_seed(seed, "transforms", label))
            balanced = balanced.extended(images, torch.full((number,), label, device=training.labels.device))
        yield BalancedSet(training=balanced)

    def _copies(self, originals: Tensor, number: int, *, seed: int) -> Tensor:
        """`number` transformed copies of `originals` [n, C, H, W], each taken equally often to within one."""
        rows = next(index_batches(len(originals), number, torch_generator(seed, "rows")))
        transform = self._transform()
        # One by one on the CPU: the transforms draw one set of numbers a call, from the CPU's global random state.
        with seeded_global_state(derive_seed(seed, "numbers")):
            copies = [transform(image) for image in (originals.cpu()[rows] + 1) / 2]
        return (torch.stack(copies) * 2 - 1).to(originals.device)

    def _transform(self) -> v2.Compose:
        return v2.Compose(
            [
                v2.RandomAffine(
                    degrees=self.rotation_degrees,
                    translate=(self.shift, self.shift),
                    scale=(1 - self.zoom, 1 + self.zoom),
                    shear=self.shear_degrees,
                    interpolation=v2.InterpolationMode.BILINEAR,
                    fill=_BACKGROUND,
                ),
                v2.RandomHorizontalFlip(self.flip_probability),
                v2.ColorJitter(brightness=self.brightness),
            ]
        )
