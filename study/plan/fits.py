"""How many classifiers every confirmed trial fits to its balanced set, from the costs and variances of fits and
sets.

Two-stage sampling: splits are drawn, each with its balanced set, and fits within a split. For a given total cost
the variance of a mean is smallest for the number of fits that `optimal_fits` computes (Cochran 1977, "Sampling
Techniques", chapter 10).
"""

import math
from collections.abc import Collection, Iterable
from statistics import fmean

from gan_study.trainables.records.record import TrialRecord

# Beyond it a fit adds little: on the quickstart five fits a split leave a quarter of the variance to fits.
MOST_FITS = 5
# The fewest that show a spread and not only a range; baselines are the cheapest trials.
BASELINE_FITS = 3
# Standard deviation of minority F1 between splits beyond that between fits. It cannot be known before the
# confirmation; this was measured on the quickstart without balancing and with dcgan (five splits, five fits each).
SPLIT_SPREAD = 0.016
# The time of a GAN's balanced set over that of a fit, as measured on the quickstart (5.9 s and 0.46 s).
FITS_A_GAN = 12


def optimal_fits(*, fit_spread: float, split_spread: float, set_seconds: float, fit_seconds: float) -> int:
    """The number of fits a balanced set, from 1 to MOST_FITS.

    The spreads are standard deviations of the score, between fits to one set and between splits.
    """
    best = fit_spread / split_spread * math.sqrt(set_seconds / fit_seconds)
    return min(MOST_FITS, max(1, round(best)))


def decide_fits(baselines: Iterable[TrialRecord], searched: Iterable[TrialRecord], gans: Collection[str]) -> int:
    """The number of fits for a study with these records of baselines and of search trials, and with these GANs.

    1 if no baseline with several fits has completed, since nothing was measured then.
    """
    complete = [record for record in baselines if record.status == "complete"]
    variances = [record.fit_spread**2 for record in complete if record.fit_spread is not None]
    if not variances:
        return 1
    # Every arm takes as many steps, so that baselines tell what a fit costs anywhere.
    fit_seconds = fmean(record.seconds["classifier"] / record.num_fits for record in complete)
    # Ratios all have the same arms: a GAN counts once for each time that a simple method does.
    num_ratios = len({record.imbalance_ratio for record in complete})
    gan_sets = num_ratios * _gan_set_seconds(searched, gans, untried=FITS_A_GAN * fit_seconds)
    return optimal_fits(
        fit_spread=fmean(variances) ** 0.5,
        split_spread=SPLIT_SPREAD,
        set_seconds=fmean([*map(_set_seconds, complete), *gan_sets]),
        fit_seconds=fit_seconds,
    )


def _gan_set_seconds(searched: Iterable[TrialRecord], gans: Collection[str], *, untried: float) -> list[float]:
    """The mean seconds of a set for each GAN, over its complete trials; `untried` if it has none."""
    trained: dict[str, list[float]] = {name: [] for name in gans}
    for record in searched:
        if record.status == "complete" and record.balancer in trained:
            trained[record.balancer].append(_set_seconds(record))
    return [fmean(seconds or [untried]) for seconds in trained.values()]


def _set_seconds(record: TrialRecord) -> float:
    return record.seconds["data"] + record.seconds["balancing"]
