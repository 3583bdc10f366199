"""A decoded picture, what its file says of it, and what the files of a part say in sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint16]
MOST_LEVEL = 65535
# How a picture that is not square becomes square.
Fit: TypeAlias = Literal["squash", "pad", "crop"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Of one picture file."""

    kind: str
    """Its format, as Pillow names it."""
    width: int
    height: int
    bits: int
    """A channel's, in the file."""
    num_colours: int
    """1 for grey, whatever the file has; else 3."""
    num_pages: int = 1


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded file: `pixels` [H, W] or [H, W, 3], uint8, or uint16 if it is grey and has more than 8 bits."""

    pixels: Bytes | Words
    white: int | None
    """The level that stands for white as the file declares it; None where one of more than 8 bits does not."""
    facts: Facts

    def to_bytes(self, white: int) -> Bytes:
        """Its pixels in 8 bits; of more, 0 becomes 0 and the level `white`, and what lies above it, 255."""
        if self.pixels.dtype == np.uint8:
            return self.pixels.astype(np.uint8, copy=False)
        return np.round(np.minimum(self.pixels, white) * (255 / white)).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Of the picture files of a part; counters in the order of their frequency."""

    kinds: Mapping[str, int]
    bits: Mapping[int, int]
    colours: Mapping[int, int]
    widths: tuple[int, int, int]
    """The smallest, the median, the largest."""
    heights: tuple[int, int, int]
    num_paged: int
    """Files with more than one page."""
    num_not_square: int
    lost: float
    """The mean share of a picture that is cut off where it is cropped, or of a square that padding fills."""
    giveaways: tuple[str, ...]
    """Properties of files that tell the classes, in words."""
