"""A decoded picture, what its file says of it, and what the files of a part say in sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.settings import DataError

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint16]
Numbers: TypeAlias = npt.NDArray[np.uint16] | npt.NDArray[np.int32] | npt.NDArray[np.float32]
Pixel = TypeVar("Pixel", bound=np.generic)
# Modes of 16 bits, with and without a sign.
LEAST_LEVEL, MOST_LEVEL = -32768, 65535
# How a picture that is not square becomes square.
Fit: TypeAlias = Literal["squash", "pad", "crop"]
# How a file's levels become 8 bits: as they are; by the range of its set; by the window that a DICOM file has; or
# by the upper 8 bits of a channel, where Pillow gives no others.
Values: TypeAlias = Literal["bytes", "range", "window", "upper bits"]


@dataclass(frozen=True, kw_only=True)
class Range:
    """The levels that become 0 and 255; what lies beyond them becomes these too."""

    black: float
    white: float


FULL_RANGE = Range(black=0, white=MOST_LEVEL)


def range_of(used: Sequence[Range], declared: Sequence[Range | None], *, has_fractions: bool = False) -> Range:
    """The range of pictures whose lowest and highest levels are `used`, and whose files `declared` one or None.

    As all files declare it, else white is the least of 255, 511, 1023, ... that no level exceeds, and black is 0
    or, where there are negative levels, the highest of -1, -2, -4, ... that none falls below. Levels with
    fractions have no depth, which is said by `has_fractions`: black is the lowest or 0, and white the highest.
    """
    known = set(declared)
    if len(known) == 1 and (only := known.pop()) is not None:
        return only
    all_ranges = [*used, *(each for each in declared if each is not None)]
    lowest, highest = min(each.black for each in all_ranges), max(each.white for each in all_ranges)
    lowest, highest = min(lowest, 0), max(highest, 0)
    if has_fractions and lowest < highest:
        return Range(black=lowest, white=highest)
    return Range(
        black=-(2 ** int(-lowest - 1).bit_length()) if lowest < 0 else 0,
        white=2 ** max(8, int(highest).bit_length()) - 1,
    )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts about one image file."""

    kind: str
    """Its format, as Pillow names it."""
    width: int
    height: int
    bits: int
    """A channel's, in the file."""
    num_colours: int
    """1 for grey, whatever the file has; else 3."""
    num_pages: int = 1
    values: Values = "bytes"
    """How its levels become 8 bits."""
    used_bits: int | None = None
    """How many bits its own range takes, 8 at least; None for fractions, and where `values` is not "range"."""
    is_turned: bool = False
    """Whether 0 stands for white in the file."""
    has_missing: bool = False
    """Whether some pixels are marked as missing, and are black."""
    is_generated: bool = False
    """Whether the file says that a trained model made it, as those of `balance` and `sample` do."""

    @property
    def depth(self) -> str:
        """Its bits in words, those that it uses first."""
        bits = "1 bit" if self.bits == 1 else f"{self.bits} bits"
        if self.values == "window":
            return f"{bits} through a window"
        used = self.used_bits
        return bits if used is None or used >= self.bits else f"{used} of {bits}"


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded file: `pixels` [H, W] or [H, W, 3], uint8, or numbers that become bytes by the range of a set."""

    pixels: Bytes | Numbers
    facts: Facts
    declared: Range | None = None
    """The range that the file declares, if it is read by one."""
    opacity: npt.NDArray[np.float32] | None = None
    """[H, W], from 0 to 1, of numbers; what is transparent lies on white."""

    @property
    def used(self) -> Range:
        """Its lowest and its highest level."""
        seen = self.pixels if self.opacity is None else self.pixels[self.opacity > 0]
        return Range(black=seen.min().item(), white=seen.max().item()) if seen.size else Range(black=0, white=0)

    @property
    def own_range(self) -> Range:
        """The range that it would be read by if there were no other picture."""
        return range_of([self.used], [self.declared], has_fractions=self.has_fractions)

    @property
    def has_fractions(self) -> bool:
        """Whether its levels are no whole numbers; `numbers_of` keeps none as floats that are."""
        return self.pixels.dtype.kind == "f"

    @property
    def used_bits(self) -> int | None:
        """Bits of the range that its levels take, whatever its file declares; see `Facts`."""
        if self.facts.values != "range" or self.has_fractions:
            return None
        own = range_of([self.used], [None])
        return int(own.white - own.black).bit_length()

    def to_bytes(self, by: Range) -> Bytes:
        """Its pixels in 8 bits; bytes stay as they are, and numbers are spread over the range `by`."""
        if self.pixels.dtype == np.uint8:
            return self.pixels.astype(np.uint8, copy=False)
        # In place, as pictures can be large.
        levels = self.pixels.astype(np.float32)
        levels -= by.black
        levels *= 255 / (by.white - by.black)
        np.clip(levels, 0, 255, out=levels)
        if self.facts.is_turned:
            np.subtract(255, levels, out=levels)
        if self.opacity is not None:
            opacity = self.opacity[..., None] if levels.ndim == 3 else self.opacity
            levels = 255 - opacity * (255 - levels)
        return np.rint(levels).astype(np.uint8)


def numbers_of(values: npt.NDArray[Any]) -> Numbers:
    """Levels of any type, [H, W] or [H, W, 3], as the smallest type that holds them.

    Raises DataError for values that are not numbers, and for more than 24 bits.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise DataError("its pixels are not all numbers")
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        return values.astype(np.float32)
    if low >= 0 and high <= MOST_LEVEL:
        return values.astype(np.uint16)
    # As many as float32, in which they are spread over a range, holds exactly.
    if max(-low, high) >= 2**24:
        raise DataError("its pixels need more than 24 bits; save it with 8 or 16")
    return values.astype(np.int32)


def colours_of(pixels: npt.NDArray[Pixel]) -> npt.NDArray[Pixel]:
    """Pixels [H, W] or [H, W, 3], those without colour as greys [H, W]."""
    return np.ascontiguousarray(pixels[..., 0]) if colour_is_idle(pixels) else pixels


def colour_is_idle(pixels: npt.NDArray[Any]) -> bool:
    """Whether pixels [H, W, 3] are grey all the same; those [H, W] have no colour to be idle."""
    return pixels.ndim == 3 and all((pixels[..., i] == pixels[..., 0]).all() for i in range(1, pixels.shape[2]))


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Facts about the image files of a part; counters are ordered by frequency."""

    kinds: Mapping[str, int]
    depths: Mapping[str, int]
    """Bits of a channel in words, as `Facts.depth` has them."""
    values: Mapping[Values, int]
    """How levels became 8 bits."""
    num_turned: int
    """Files in which 0 is white."""
    num_missing: int
    """Files in which pixels are missing."""
    colours: Mapping[int, int]
    sizes: Mapping[tuple[int, int], int]
    """Pictures of each width and height."""
    num_paged: int
    """Files with more than one page."""
    num_generated: int
    """Files that say that a trained model made them."""
    num_not_square: int
    lost: float
    """The mean share of a picture that is cut off where it is cropped, or of a square that padding fills."""
    giveaways: tuple[str, ...]
    """Properties of files that tell the classes, in words."""
