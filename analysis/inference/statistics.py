"""Tests, effect sizes and intervals: arrays in, numbers out. docs/statistics.md says where each is used."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from gan_study.analysis.inference.estimates import CONFIDENCE

LEVEL = 1 - CONFIDENCE
# As many as Agarwal et al. draw for a plot; more of them move the ends of an interval by about a hundredth of it.
RESAMPLES = 2000
RESAMPLING_SEED = 0

Floats: TypeAlias = npt.NDArray[np.float64]
# One row of values a stratum; the rows may differ in length.
Strata: TypeAlias = Sequence[Sequence[float]]


class Interval(NamedTuple):
    """An estimate and the two ends of its 95 % interval, None if the values have no spread."""

    estimate: float
    low: float | None
    high: float | None


class HolmResult(NamedTuple):
    """The result of Holm's procedure for one p value, and the final level it was compared with.

    An interval at that level contains 0 exactly if `p_value` is not below LEVEL.
    """

    p_value: float
    level: float


def holm(p_values: Sequence[float], *, number: int | None = None) -> tuple[HolmResult, ...]:
    """Each p value corrected for `number` comparisons (by default the given ones), by Holm's procedure (Holm
    1979).

    The j-th smallest of m is compared with LEVEL / (m − j + 1); the first that is not below ends the procedure,
    and all larger ones are not below either. Corrected: the largest of (m − i + 1) p_i over i ≤ j, at most 1.
    """
    count = len(p_values)
    total = count if number is None else max(number, count)
    order = np.argsort(p_values, kind="stable")
    factors = total - np.arange(count)
    corrected = np.minimum(1.0, np.maximum.accumulate(factors * np.asarray(p_values, dtype=float)[order]))
    rejected = int(np.sum(corrected < LEVEL))
    steps = np.minimum(np.arange(count), rejected)
    found = [HolmResult(1.0, LEVEL)] * count
    for place, p_value, step in zip(order, corrected, steps, strict=True):
        found[place] = HolmResult(p_value=float(p_value), level=LEVEL / int(total - step))
    return tuple(found)


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Two-sided exact p value for two classifiers with equal numbers of correct predictions on the same images.

    Of the images that only one of them classifies correctly, `only_first` and `only_second`, each belongs to
    either with probability 1/2 (McNemar 1947; Dietterich 1998).
    """
    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def interquartile_mean(tasks: Strata) -> float:
    """The mean of the middle half of all values (Agarwal et al. 2021, section 4.3).

    The ⌊n / 4⌋ smallest and the ⌊n / 4⌋ largest of n values are cut off.
    """
    return float(_pooled_trimmed_mean(*map(np.asarray, tasks)))


def _pooled_trimmed_mean(*tasks: Floats, axis: int = -1) -> Floats:
    return np.asarray(stats.trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis))


def interquartile_interval(tasks: Strata) -> Interval:
    """The interquartile mean with its percentile interval by a stratified bootstrap.

    The values of each task (its seeds) are resampled with replacement, and the tasks are kept (Agarwal et al.
    2021, section 4.1). No ends if a task has a single value, since its variation is unknown.
    """
    if min(map(len, tasks)) < 2:
        return Interval(interquartile_mean(tasks), None, None)
    found = stats.bootstrap(
        [np.asarray(values, dtype=float) for values in tasks],
        _pooled_trimmed_mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(RESAMPLING_SEED),
    ).confidence_interval
    return Interval(interquartile_mean(tasks), float(found.low), float(found.high))


def performance_profile(tasks: Strata, thresholds: Sequence[float]) -> Floats:
    """The share of runs that score above each threshold, with equal weight for each task: [len(thresholds)].

    Agarwal et al. 2021, equation 1: the mean over tasks of the share of a task's runs.
    """
    shares = [np.mean(np.asarray(values)[:, None] > np.asarray(thresholds), axis=0) for values in tasks]
    return np.asarray(np.mean(shares, axis=0))


def resampled_means(strata: Strata) -> Floats:
    """The means of every stratum, with its values resampled with replacement, RESAMPLES times: [RESAMPLES,
    strata].
    """
    rng = np.random.default_rng(RESAMPLING_SEED)
    draws = [rng.choice(np.asarray(values, dtype=float), (RESAMPLES, len(values))) for values in strata]
    return np.stack([drawn.mean(axis=1) for drawn in draws], axis=1)
