"""Checks of the arrays and numbers that a sampler gets; each error is a ValueError or TypeError in one line."""

import math
import numbers
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

from gan_study.trainables.base.memory import refuse_beyond_memory
from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.torch_items import array_of

Array: TypeAlias = npt.NDArray[Any]

# Grey, RGB, and RGB with transparency.
_CHANNELS = frozenset({1, 3, 4})
# From so many pixels a side, an array of squares [N, H, H, C] is taken for one.
_LEAST_SIDE = 8


def plain_array(name: str, value: Any) -> Any:
    """`value` without what scikit-learn cannot read: a tensor, a list of some, and pandas' own types of numbers.

    Raises ValueError for a mask, and TypeError for a tensor that has no numbers that NumPy knows.
    """
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} is a masked array, and methods know no mask; {name}.filled(value) gives one without"
        )
    try:
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return np.stack([array_of(each) for each in value])
        if isinstance(value, Tensor):
            return array_of(value)
    except DataError as error:
        raise TypeError(f"{name}: {error}") from None
    numpy_dtype = getattr(getattr(value, "dtype", None), "numpy_dtype", None)
    # A Series is given back as one.
    return value if numpy_dtype is None or hasattr(value, "index") else value.to_numpy(dtype=numpy_dtype)


def check_labels(y: Any) -> None:
    """Raise ValueError for objects of several types, or of one that no class has, as labels."""
    labels = np.asarray(y)
    if labels.dtype != object or labels.ndim != 1:
        return
    kinds = {type(label).__name__: label for label in labels}
    texts, numbers_ = (all(isinstance(label, kind) for label in labels) for kind in (str, numbers.Real))
    if not texts and not numbers_:
        held = ", ".join(f"{name} ({label!r:.40})" for name, label in list(kinds.items())[:2])
        raise ValueError(f"y holds {held}; it must be all text or all whole numbers")


def check_strategy(strategy: Any, y: Array) -> None:
    """Raise ValueError for numbers of images that imbalanced-learn would take, or fail on without a word."""
    if isinstance(strategy, bool):
        raise ValueError(f"sampling_strategy: {strategy!r} is not a number")
    wanted = strategy(y) if callable(strategy) else strategy
    if isinstance(wanted, str | numbers.Real):
        return
    if not isinstance(wanted, dict):
        given = "the function gives " if callable(strategy) else ""
        raise ValueError(f"sampling_strategy: {given}{wanted!r}; a dict of classes and numbers is needed")
    if odd := [number for number in wanted.values() if not isinstance(number, numbers.Real)]:
        raise ValueError(f"sampling_strategy: {odd[0]!r} is not a number of images")


def check_memory(num_bytes: float, what: str) -> None:
    """Raise ValueError, which names `what`, for more than fits into the free memory."""
    try:
        refuse_beyond_memory(num_bytes, what)
    except UserError as error:
        raise ValueError(str(error)) from None


def has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the shape is rather that of images [N, H, W, C]: squares, or 1, 3 or 4 channels there alone."""
    _, first, second, last = shape
    return (last in _CHANNELS and first not in _CHANNELS) or _LEAST_SIDE <= first == second > last


def check_numbers(added: Mapping[int, float], X: Array, *, strategy: Any) -> None:
    """Raise ValueError for half an image or no number, and for more than fit into memory."""
    if not all(math.isfinite(number) and number == int(number) for number in added.values()):
        raise ValueError(f"sampling_strategy: {strategy!r}; numbers of images must be whole")
    # As floats to learn from, and as the images that are made.
    num_bytes = int(len(X) + sum(added.values())) * math.prod(X.shape[1:]) * (4 + X.itemsize)
    check_memory(num_bytes, f"sampling_strategy: {sum(added.values()):,} new images")
