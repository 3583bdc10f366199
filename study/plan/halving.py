"""Which search trials continue: asynchronous successive halving, as a pure function."""

import math
from collections.abc import Collection


def goes_on(value: float, others: Collection[float], *, reduction_factor: int) -> bool:
    """Whether a trial with `value` at a rung continues, given the values `others` of earlier trials there.

    It does if it is among the best 1/`reduction_factor` of all of them, including itself (Li et al. 2020, "A
    System for Massively Parallel Hyperparameter Tuning", algorithm 2, which decides at once without waiting). The
    first `reduction_factor` - 1 continue: there is nothing to compare them with yet.
    """
    num_seen = len(others) + 1
    if num_seen < reduction_factor:
        return True
    num_better = sum(other > value for other in others)
    return num_better < math.ceil(num_seen / reduction_factor)
