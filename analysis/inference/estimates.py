"""Means with Student-t intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_study.analysis.inference.looks import MINIMUM_SEEDS

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `n` seeds and its two-sided interval (95 % unless stated); fewer than three have none."""

    n: int
    mean: float
    low: float | None
    high: float | None


def t_interval(values: Sequence[float], *, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Estimate:
    """The mean of `values` (at least one) with its two-sided 95 % Student-t interval, clipped to `bounds`.

    mean ± t(0.975, n − 1) s / √n, s with n − 1 in its denominator. Values beyond the range of a score are
    impossible, so cutting the interval there does not reduce its coverage.
    """
    assert len(values) > 0, "an estimate needs a value"
    n, mean = len(values), float(np.mean(values))
    if n < MINIMUM_SEEDS:
        return Estimate(n=n, mean=mean, low=None, high=None)
    half_width = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return Estimate(n=n, mean=mean, low=max(bounds[0], mean - half_width), high=min(bounds[1], mean + half_width))
