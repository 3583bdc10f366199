"""Which search trials continue: asynchronous successive halving."""

import math
from bisect import bisect_left, bisect_right, insort


class Rung:
    """The values that trials had at one rung."""

    def __init__(self) -> None:
        self._values: dict[int, float] = {}
        self._ascending: list[float] = []

    def note(self, number: int, value: float) -> None:
        """Keep the value of trial `number`, in place of an earlier one."""
        if (earlier := self._values.get(number)) is not None:
            del self._ascending[bisect_left(self._ascending, earlier)]
        self._values[number] = value
        insort(self._ascending, value)

    def goes_on(self, number: int, *, reduction_factor: int) -> bool:
        """Whether trial `number`, whose value is known, continues.

        It does if it is among the best 1/`reduction_factor` of all of them, including itself (Li et al. 2020, "A
        System for Massively Parallel Hyperparameter Tuning", algorithm 2, which decides at once without waiting).
        The first `reduction_factor` - 1 continue: there is nothing to compare them with yet.
        """
        num_seen = len(self._values)
        if num_seen < reduction_factor:
            return True
        num_better = num_seen - bisect_right(self._ascending, self._values[number])
        return num_better < math.ceil(num_seen / reduction_factor)
