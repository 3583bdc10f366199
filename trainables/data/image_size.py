"""Which sizes of image every network can be built for."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from gan_study.trainables.base.settings import ConfigError

# Networks go up and down by factors of two between the image and a coarsest map of 4 to 7 pixels a side:
# 4 as in DCGAN (Radford 2016), 7 because 28 pixels halve no further.
_COARSEST = range(4, 8)


def pyramid(size: int) -> tuple[int, int]:
    """`(start, num_doublings)` with `size == start * 2**num_doublings`, start in 4..7, at least one doubling.

    28 is (7, 2) and 32 is (4, 3). Raises ConfigError, which names the nearest sizes that work, for all others.
    """
    found = _factors(size)
    if found is None:
        below = next((n for n in range(size - 1, 0, -1) if _factors(n)), None)
        above = next(n for n in range(max(size, 0) + 1, 2 * max(size, 4) + 1) if _factors(n))
        sizes = f"{below} and {above}" if below else f"{above}"
        raise ConfigError(f"{size} pixels do not halve to 4, 5, 6 or 7; nearest sizes that do: {sizes}")
    return found


def _factors(size: int) -> tuple[int, int] | None:
    start, num_doublings = size, 0
    while start > _COARSEST[-1] and start % 2 == 0:
        start, num_doublings = start // 2, num_doublings + 1
    return (start, num_doublings) if start in _COARSEST and num_doublings else None


def _checked_size(size: int) -> int:
    try:
        pyramid(size)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return size


# Pixels a side that every network can be built for.
ImageSize: TypeAlias = Annotated[int, AfterValidator(_checked_size)]
