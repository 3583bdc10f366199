"""Pixels that hold no level but a mark that there is none, as programs of maps and of measurements write them."""

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt

# GDAL's TIFF tag for the value of missing pixels, in letters.
NO_DATA_TAG = 42113
# Where no file declares one: what lies beyond this, 3.4e38 mostly, and numbers that are usual marks, where they
# lie farther below all other levels than these are apart.
_MOST_NUMBER = 1e30
_USUAL_MARKS = (-999, -9999, -32767, -32768, -99999)


def with_missing_black(
    values: npt.NDArray[Any], declared: object = None, *, is_turned: bool = False
) -> tuple[npt.NDArray[Any], bool]:
    """Levels [H, W] in which missing pixels are black without widening the range, and whether there are any.

    `declared` is the value of missing pixels as a file says it; `is_turned`: 0 stands for white. Pixels that are
    all missing stay as they are.
    """
    missing = _is_missing(values, declared)
    if not missing.any() or missing.all():
        return values, False
    seen = values[~missing]
    return np.where(missing, seen.max() if is_turned else min(seen.min(), 0), values).astype(values.dtype), True


def _is_missing(values: npt.NDArray[Any], declared: object) -> npt.NDArray[np.bool_]:
    """Where pixels hold a mark, [H, W]."""
    missing: npt.NDArray[np.bool_] = ~np.isfinite(values) | (np.abs(values.astype(np.float64)) > _MOST_NUMBER)
    with contextlib.suppress(ValueError, OverflowError):
        missing |= values == values.dtype.type(float(str(declared).strip("\0 ")))
    if missing.any() or not values.size or values.min() not in _USUAL_MARKS:
        return missing
    is_mark: npt.NDArray[np.bool_] = values == values.min()
    others = values[~is_mark]
    if others.size and float(others.min()) - float(values.min()) > float(others.max()) - float(others.min()):
        return is_mark
    return missing
