"""Tests, effect sizes and intervals: arrays in, numbers out. docs/statistics.md says which is used for what."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from gan_study.analysis.aggregate import CONFIDENCE

LEVEL = 1 - CONFIDENCE
# Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), p. 56.
POWER = 0.8
# More seeds than anybody trains: an effect that needs them is none.
MOST_SEEDS = 1000
# Differences of scores in [0, 1] that are equal but for rounding.
NO_SPREAD = 1e-12
# As many as Agarwal et al. draw for a plot; more of them move the ends of an interval by about a hundredth of it.
RESAMPLES = 2000
RESAMPLING_SEED = 0
# The smallest p value is one over one more: small enough for Holm's correction of two hundred comparisons.
SWAPS = 4999
# At a time, so that those of ten thousand images take 20 MB.
_SWAPS_AT_ONCE = 500

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
# One row of values a stratum; the rows may differ in length.
Strata: TypeAlias = Sequence[Sequence[float]]


class Interval(NamedTuple):
    """An estimate and the two ends of its 95 % interval."""

    estimate: float
    low: float
    high: float


def effect_size(differences: Sequence[float]) -> float | None:
    """The mean of paired differences in units of their spread: d_z = mean / s, s with n − 1 in its denominator.

    None where one difference, or equal ones, have no spread. Lakens (2013), equation 6.
    """
    spread = _spread(differences)
    return float(np.mean(differences)) / spread if spread > 0 else None


def _spread(differences: Sequence[float]) -> float:
    spread = float(np.std(differences, ddof=1)) if len(differences) > 1 else 0.0
    return spread if spread > NO_SPREAD else 0.0


def paired_p_value(differences: Sequence[float]) -> float:
    """Two-sided p value of a mean difference of 0, by the paired t test: t = d_z √n with n − 1 degrees of freedom.

    Equal differences have no spread to measure their mean by; theirs is the p value of the sign test, 2^(1 − n),
    or 1 where they are all 0.
    """
    number, effect = len(differences), effect_size(differences)
    if effect is not None:
        return float(2 * stats.t.sf(abs(effect) * number**0.5, number - 1))
    return float(2.0 ** (1 - number)) if abs(np.mean(differences)) > NO_SPREAD else 1.0


class HolmStep(NamedTuple):
    """What Holm's procedure made of one p value, and the level it was held against in the end.

    An interval at that level holds 0 exactly where `p_value` is not below LEVEL.
    """

    p_value: float
    level: float


def holm(p_values: Sequence[float]) -> tuple[HolmStep, ...]:
    """Each p value corrected for all of them, in their order, by Holm's step-down procedure (Holm 1979).

    The j-th smallest of m is held against LEVEL / (m − j + 1); the first that is not below ends the procedure, and
    none of the larger ones is below either. Corrected: the largest of (m − i + 1) p_i over i ≤ j, at most 1.
    """
    number = len(p_values)
    order = np.argsort(p_values, kind="stable")
    factors = number - np.arange(number)
    corrected = np.minimum(1.0, np.maximum.accumulate(factors * np.asarray(p_values, dtype=float)[order]))
    rejected = int(np.sum(corrected < LEVEL))
    steps = np.minimum(np.arange(number), rejected)
    found = [HolmStep(1.0, LEVEL)] * number
    for place, p_value, step in zip(order, corrected, steps, strict=True):
        found[place] = HolmStep(p_value=float(p_value), level=LEVEL / int(number - step))
    return tuple(found)


def seeds_needed(effect: float, *, level: float = LEVEL) -> int | None:
    """The fewest seeds with which the paired t test finds a true effect d_z with probability POWER.

    The power of n seeds is P(|T| > t(1 − level / 2, n − 1)) for a non-central t with noncentrality d_z √n
    (Cohen 1988). None above MOST_SEEDS.
    """
    sizes = np.arange(2, MOST_SEEDS + 1)
    critical = stats.t.ppf(1 - level / 2, sizes - 1)
    centre = abs(effect) * np.sqrt(sizes)
    power = stats.nct.sf(critical, sizes - 1, centre) + stats.nct.cdf(-critical, sizes - 1, centre)
    enough = np.flatnonzero(power >= POWER)
    return int(sizes[enough[0]]) if enough.size else None


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Two-sided exact p value of two classifiers that are right on the same images equally often.

    Of the images that one of them alone gets right, `only_first` and `only_second`, each falls to either with
    probability 1/2 (McNemar 1947; Dietterich 1998).
    """
    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def swap_p_value(labels: Integers, first: Integers, second: Integers, classes: Sequence[int]) -> float:
    """Two-sided p value of two methods that predict a test image equally well, whichever images are tested.

    `labels` [N], and the predictions of the methods [S, N] by S classifiers each, a seed in a row. Compared is the
    mean over seeds of macro F1 over those of `classes` that have test images. If the methods are alike, each
    image's predictions may as well be the other's: they are swapped, in all seeds together, with probability 1/2,
    SWAPS times (Noreen 1989, "Computer-intensive methods for testing hypotheses"; for F1, Yeh 2000). So however
    many the seeds, an image counts once.
    """
    tested = [index for index in classes if index in labels]
    differ = np.flatnonzero((first != second).any(axis=0))
    if not differ.size or not tested:
        return 1.0
    of_first, of_second = (_hits_and_taken(labels, predicted, tested) for predicted in (first, second))
    middle = (of_first + of_second).sum(axis=0) / 2
    halves = ((of_first - of_second)[differ] / 2).reshape(differ.size, -1).astype(np.float32)
    num_true = np.array([np.sum(labels == index) for index in tested])

    def difference(shift: Floats) -> Floats:
        return _macro_f1(middle + shift, num_true) - _macro_f1(middle - shift, num_true)

    seen = abs(difference(halves.sum(axis=0, dtype=float).reshape(middle.shape)))
    rng = np.random.default_rng(RESAMPLING_SEED)
    as_large = 0
    for begin in range(0, SWAPS, _SWAPS_AT_ONCE):
        number = min(_SWAPS_AT_ONCE, SWAPS - begin)
        signs = rng.integers(0, 2, (number, differ.size), dtype=np.int8).astype(np.float32) * 2 - 1
        shifts = (signs @ halves).astype(float).reshape(number, *middle.shape)
        as_large += int(np.sum(abs(difference(shifts)) >= seen - NO_SPREAD))
    return (1 + as_large) / (1 + SWAPS)


def _hits_and_taken(labels: Integers, predicted: Integers, classes: Sequence[int]) -> Floats:
    """For each image, seed and class, 1 or 0: a hit, and taken for the class, [N, S, 2, K]."""
    taken = predicted.T[:, :, None] == np.asarray(classes)
    hits = taken & (labels[:, None] == np.asarray(classes))[:, None]
    return np.stack([hits, taken], axis=2).astype(float)


def _macro_f1(counts: Floats, num_true: Integers) -> Floats:
    """Macro F1, the mean over seeds, from hits and taken [..., S, 2, K]: 2 hits / (taken + true) of each class."""
    f1 = 2 * counts[..., 0, :] / (counts[..., 1, :] + num_true)
    return np.asarray(f1.mean(axis=(-2, -1)))


def interquartile_mean(tasks: Strata) -> float:
    """The mean of the middle half of all values (Agarwal et al. 2021, section 4.3).

    Of n values the ⌊n / 4⌋ smallest and the ⌊n / 4⌋ largest are cut off.
    """
    return float(_pooled_trimmed_mean(*map(np.asarray, tasks)))


def _pooled_trimmed_mean(*tasks: Floats, axis: int = -1) -> Floats:
    return np.asarray(stats.trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis))


def interquartile_interval(tasks: Strata) -> Interval:
    """The interquartile mean with its percentile interval by a stratified bootstrap.

    The values of each task (its seeds) are drawn anew with replacement, and the tasks stay (Agarwal et al. 2021,
    section 4.1).
    """
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
    """The share of runs that score above each threshold, a task counting as much as any other: [len(thresholds)].

    Agarwal et al. 2021, equation 1: the mean over tasks of the share of a task's runs.
    """
    shares = [np.mean(np.asarray(values)[:, None] > np.asarray(thresholds), axis=0) for values in tasks]
    return np.asarray(np.mean(shares, axis=0))


def resampled_means(strata: Strata) -> Floats:
    """The means of every stratum, its values drawn anew with replacement, RESAMPLES times: [RESAMPLES, strata]."""
    rng = np.random.default_rng(RESAMPLING_SEED)
    draws = [rng.choice(np.asarray(values, dtype=float), (RESAMPLES, len(values))) for values in strata]
    return np.stack([drawn.mean(axis=1) for drawn in draws], axis=1)
