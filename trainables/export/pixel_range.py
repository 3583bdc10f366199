"""Which values of an array become -1 and 1: those of its images, for each channel separately if they differ."""

import numbers
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

_BYTES = (0.0, 255.0)
# A channel that spans no more than half of what all channels together do has a range of its own.
_OWN_SHARE = 0.5
# Values beyond a gap of ten times what the others span are no more pixels: NoData is written as -9999 or 1e20. If
# they are more than a thousandth of all pixels they are taken to be meant.
_GAP_SHARE, _OUTLIER_SHARE = 10 / 11, 0.001
# So many values outside of the range that was given are clipped; with more, the range is a mistake.
_CLIPPED_SHARE = 0.05
_BINS, _SAMPLE = 256, 10_000
# Values that differ by less are equal: there are no floats between them by which to scale.
_LEAST_SPAN = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelRange:
    """The values of each channel, `lowest` and `highest` [C], that become -1 and 1."""

    lowest: Floats
    highest: Floats
    notes: tuple[str, ...] = ()
    """Notes about it."""

    def to_unit(self, images: Array) -> npt.NDArray[np.float32]:
        """`images` [N, C, H, W] in [-1, 1], values outside of the range clipped to it; 0 in constant channels."""
        lowest, highest = _by_channel(self.lowest), _by_channel(self.highest)
        span = highest - lowest
        scale = np.divide(2, span, out=np.zeros_like(span), where=span > _LEAST_SPAN)
        scaled = (images.astype(np.float64) - lowest) * scale - (span > _LEAST_SPAN)
        return scaled.clip(-1, 1).astype(np.float32)

    def from_unit(self, images: npt.NDArray[np.floating], dtype: np.dtype[Any]) -> Array:
        """Images [N, C, H, W] in [-1, 1] as values of the range; the inverse of `to_unit`."""
        lowest, highest = _by_channel(self.lowest), _by_channel(self.highest)
        values = ((images.astype(np.float64) + 1) * ((highest - lowest) / 2) + lowest).clip(lowest, highest)
        is_whole = np.issubdtype(dtype, np.integer) or dtype == np.bool_
        return (np.rint(values) if is_whole else values).astype(dtype)


def find_range(images: Array, given: tuple[float, float] | None = None) -> PixelRange:
    """The range of `images` [N, C, H, W]: the `given` one, or their own.

    Their own range is the same for all channels that span more than half of the common range (0 to 255 for bytes);
    other channels have their own. Single values far from all others are ignored. Raises ValueError for a range
    with only one value, and if more than a twentieth of the values are outside of the given range.
    """
    if given is not None:
        # No text is a number, nor is a boolean.
        is_number = all(isinstance(end, numbers.Real) and not isinstance(end, bool) for end in given)
        try:
            ends = np.array(given if is_number else np.nan, dtype=np.float64)
        except (ValueError, OverflowError):
            ends = np.array(np.nan)
        if ends.shape != (2,) or not np.isfinite(ends).all():
            raise ValueError(
                f"value_range: {reprlib.repr(given)} cannot be used; the smallest and the largest value are needed"
            )
        return _given_range(images, *map(float, ends))
    found = [_own_range(images[:, channel]) for channel in range(images.shape[1])]
    own = np.array([(each.lowest, each.highest) for each in found])
    whole = np.array(_BYTES if images.dtype == np.uint8 else (own[:, 0].min(), own[:, 1].max()))
    spans = own[:, 1] - own[:, 0]
    if spans.max() <= _LEAST_SPAN:
        raise ValueError(
            f"value_range: {own[:, 0].min():g} to {own[:, 1].max():g} has only one value; name a wider range"
        )
    uses_whole = spans > _OWN_SHARE * (whole[1] - whole[0])
    taken = np.where(uses_whole[:, None], whole, own)
    return PixelRange(
        lowest=taken[:, 0], highest=taken[:, 1], notes=tuple(_notes(images.dtype, found, taken, uses_whole))
    )


@dataclass(frozen=True, kw_only=True)
class _OwnRange:
    lowest: float
    highest: float
    outliers: tuple[float, ...] = ()
    """The excluded values farthest from the others, at most one on each side."""
    num_outliers: int = 0
    gap: tuple[float, float] | None = None
    """Most of the range, if it contains no value."""


def _own_range(values: Array) -> _OwnRange:
    lowest, highest, outliers, total = float(values.min()), float(values.max()), list[float](), values.size
    # A mask has two values and nothing between them.
    if len(np.unique(values.reshape(-1)[:: max(1, total // _SAMPLE)])) <= 2:
        return _OwnRange(lowest=lowest, highest=highest)
    num_outliers = 0
    while gap := _largest_gap(values, lowest, highest):
        below = int(((values >= lowest) & (values <= gap[0])).sum())
        above = int(((values >= gap[1]) & (values <= highest)).sum())
        if num_outliers + min(below, above) > max(1, _OUTLIER_SHARE * total):
            break
        num_outliers += min(below, above)
        outliers.append(lowest if below < above else highest)
        lowest, highest = (gap[1], highest) if below < above else (lowest, gap[0])
    return _OwnRange(lowest=lowest, highest=highest, outliers=tuple(outliers), num_outliers=num_outliers, gap=gap)


def _largest_gap(values: Array, lowest: float, highest: float) -> tuple[float, float] | None:
    """The values below and above a gap that is more than _GAP_SHARE of the range; None if there is none."""
    if not lowest < highest:
        return None
    # From 0 on: between large numbers that differ by little lie no 256 others.
    span = highest - lowest
    counts, edges = np.histogram(values.astype(np.float64) - lowest, bins=_BINS, range=(0, span))
    filled = np.flatnonzero(counts)
    widest = int(np.diff(filled).argmax())
    below = float(values[values.astype(np.float64) - lowest <= edges[filled[widest] + 1]].max(initial=lowest))
    above = float(values[values > below].min())
    return (below, above) if above - below > _GAP_SHARE * span else None


def _given_range(images: Array, lowest: float, highest: float) -> PixelRange:
    if lowest > highest:
        raise ValueError(f"value_range: {lowest:g} is above {highest:g}; the smallest value comes first")
    if highest - lowest <= _LEAST_SPAN:
        raise ValueError(f"value_range: {lowest:g} to {highest:g} has only one value; name a wider range")
    num_outside = int(((images < lowest) | (images > highest)).sum())
    said = f"X has values of {images.min():g} to {images.max():g}, outside of it"
    if num_outside > _CLIPPED_SHARE * images.size:
        raise ValueError(f"value_range: {said}")
    notes = (f"value_range: {said}; {num_outside} values are clipped for training",) if num_outside else ()
    channels = images.shape[1]
    return PixelRange(lowest=np.full(channels, lowest), highest=np.full(channels, highest), notes=notes)


def _notes(
    dtype: np.dtype[Any], found: list[_OwnRange], taken: Floats, uses_whole: npt.NDArray[np.bool_]
) -> Iterator[str]:
    for channel, each in enumerate(found):
        where = f"channel {channel}: " if len(found) > 1 else ""
        if each.num_outliers:
            count = "1 value" if each.num_outliers == 1 else f"{each.num_outliers} values"
            values = " and ".join(f"{value:g}" for value in each.outliers)
            yield (
                f"{where}{count} up to {values} are far from all others, which are "
                f"{each.lowest:g} to {each.highest:g}; left out of the range"
            )
        if each.gap is not None:
            yield f"{where}no value lies between {each.gap[0]:g} and {each.gap[1]:g}, most of the range"
        if not uses_whole[channel] and (dtype == np.uint8 or len(found) > 1):
            lowest, highest = taken[channel]
            yield f"{where}generated images have values of {lowest:g} to {highest:g}, like the real ones"


def _by_channel(values: Floats) -> Floats:
    return values[None, :, None, None]
