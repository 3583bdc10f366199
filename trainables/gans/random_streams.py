"""The source of the random numbers of a training's steps."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class RandomStream(Protocol):
    """A stream of random numbers for one GAN; the numbers are on the images' device."""

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Numbers from U(0, 1)."""
        ...

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """Whole numbers from `low` to `high`, both included."""
        ...


@dataclass(frozen=True, eq=False)
class GeneratorStream:
    """The random numbers of `generator`, on its device."""

    generator: torch.Generator

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Numbers from U(0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.generator.device, dtype=dtype)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """Whole numbers from `low` to `high`, both included."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self.generator.device)
