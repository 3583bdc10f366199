"""Repeated tests of a gain while seeds are added, over seeds and test images together.

A gain is measured on a few seeds (splits, imbalances, trainings) and on one set of test images, but a verdict
should hold for other seeds and other images. Its error is the sum of two independent ones: Student's t over seeds,
whose spread is estimated from a few of them, and a normal one over images. The tail of that sum is the
Behrens-Fisher distribution with one known variance, which keeps the level or is conservative. (Welch's
approximation by a single t distribution does not: with three seeds and a level of 0.0005 its error is up to 28
times as large.)

Each look at the data spends a share of the total allowed error, and the shares sum to one, so the error rate holds
whenever the study stops (union bound over looks fixed beforehand; Lan and DeMets 1983 for spending).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

# Two values have an interval, but one that a lucky pair makes as narrow as it likes.
MINIMUM_SEEDS = 3
# The least spread of gains, below one image in a thousand: equal gains of a few seeds are no certainty.
LEAST_SPREAD = 1e-3
# Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), p. 56.
POWER = 0.8
# More seeds than anybody trains.
MOST_SEEDS = 1000
# Up to n of at most N seeds the share (n / N)² of the error is spent: little while there are few seeds to learn a
# spread from. The power family of Kim and DeMets (1987).
SPENDING_EXPONENT = 2
_NODES = 160
_LEAST_TAIL = 1e-13

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Look:
    """An observed gain after a round of seeds."""

    num_seeds: int
    mean: float
    """The mean of the paired differences, in [-1, 1]."""
    spread: float
    """Their standard deviation, n − 1 in its denominator; above 0."""
    image_error: float
    """Standard error of the mean over other test images."""
    share: float = 1.0
    """The share of the total error rate that this look may spend, in (0, 1]."""

    def tail(self, distance: float) -> float:
        """How often the mean differs from the true gain by more than `distance`, on one side: a one-sided p value.

        Given the χ² of the spread, the error is normal; the mean over χ² is a quadrature.
        """
        chi2, weights = _chi2_nodes(self.num_seeds - 1)
        variances = self.spread**2 / self.num_seeds * (self.num_seeds - 1) / chi2 + self.image_error**2
        return float(weights @ special.ndtr(-distance / np.sqrt(variances)))

    def half_width(self, tail: float) -> float:
        """Half of the interval beyond each end of which the true gain lies with probability at most `tail`.

        `tail` in (0, 1/2). At most 2, the width of the range of gains.
        """
        if self.tail(2.0) >= tail:
            return 2.0
        return float(optimize.brentq(lambda distance: self.tail(distance) - tail, 0.0, 2.0, xtol=1e-9))

    def of(self, num_seeds: int) -> "Look":
        """A single look at another number of seeds, if gain and spread are as observed."""
        return replace(self, num_seeds=num_seeds, share=1.0)


def look_at(differences: Sequence[float] | Floats, *, image_error: float, share: float) -> Look:
    """The look from the paired `differences` of two or more seeds; see `Look`."""
    spread = max(float(np.std(differences, ddof=1)), LEAST_SPREAD)
    mean = float(np.mean(differences))
    return Look(num_seeds=len(differences), mean=mean, spread=spread, image_error=image_error, share=share)


@lru_cache(maxsize=256)
def _chi2_nodes(degrees: int) -> tuple[Floats, Floats]:
    """Values of χ² and their weights, which sum to 1: Gauss-Legendre in log χ², far into both tails."""
    low, high = np.log(stats.chi2.ppf(_LEAST_TAIL, degrees)), np.log(stats.chi2.isf(_LEAST_TAIL, degrees))
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    chi2 = np.exp((places + 1) / 2 * (high - low) + low)
    weights = weights * stats.chi2.pdf(chi2, degrees) * chi2
    return chi2, weights / weights.sum()


def spending_shares(numbers: Sequence[int]) -> tuple[float, ...]:
    """The share of the error that a look spends after each of these `numbers` of seeds, which ascend."""
    spent = [0.0, *((number / numbers[-1]) ** SPENDING_EXPONENT for number in numbers)]
    return tuple(float(share) for share in np.diff(spent))


def difference_p(looks: Sequence[Look]) -> float:
    """Two-sided p value of a true gain of 0, valid whenever the looks end: the smallest p / share, at most 1.

    Such sequential p values can be corrected like any others (Liu and Anderson 2008, "On adaptive extensions of
    group sequential trials for clinical investigations").
    """
    return min([1.0, *(2 * look.tail(abs(look.mean)) / look.share for look in looks)])


def equivalence_p(looks: Sequence[Look], margin: float) -> float:
    """P value of a true gain or loss of at least `margin`, by two one-sided tests (Schuirmann 1987).

    Small if the gain is shown to lie within the margin; valid whenever the looks end.
    """
    from_below = min([1.0, *(look.tail(margin + look.mean) / look.share for look in looks)])
    from_above = min([1.0, *(look.tail(margin - look.mean) / look.share for look in looks)])
    return max(from_below, from_above)


def interval(looks: Sequence[Look], level: float) -> tuple[float, float]:
    """The ends of the true gain's interval, which misses it with probability at most `level`, whenever the looks
    end.

    The intersection over all looks so far (repeated confidence intervals, Jennison and Turnbull 1989), within [-1,
    1]. It excludes 0 exactly if `difference_p` is below `level`.
    """
    halves = [look.half_width(level * look.share / 2) for look in looks]
    low = max([-1.0, *(look.mean - half for look, half in zip(looks, halves, strict=True))])
    high = min([1.0, *(look.mean + half for look, half in zip(looks, halves, strict=True))])
    # Looks that contradict one another leave nothing; both ends are shown in their order.
    return min(low, high), max(low, high)


def smallest_decidable(look: Look, level: float) -> float:
    """The smallest gain that these test images can distinguish from none, with any number of seeds."""
    return float(-special.ndtri(level / 2)) * look.image_error


class Levels(NamedTuple):
    """The levels of the tests of no gain, and of a gain as large as the margin."""

    difference: float
    equivalence: float


def seeds_needed(look: Look, levels: Levels, *, margin: float) -> int | None:
    """The smallest number of seeds that decides with probability POWER, if the gain and its spread are as
    observed.

    Either that there is a gain, or that it is smaller than `margin`. None if it takes more than MOST_SEEDS.
    """
    if not _is_likely(look.of(MOST_SEEDS), levels, margin=margin):
        return None
    low, high = MINIMUM_SEEDS - 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        is_enough = _is_likely(look.of(middle), levels, margin=margin)
        low, high = (low, middle) if is_enough else (middle, high)
    return high


def images_suffice(look: Look, levels: Levels, *, margin: float) -> bool:
    """Whether any number of seeds decides, if the gain is as observed."""
    return _is_likely(look.of(1_000 * MOST_SEEDS), levels, margin=margin)


def _is_likely(look: Look, levels: Levels, *, margin: float) -> bool:
    luck = float(special.ndtri(POWER)) * look.spread / look.num_seeds**0.5
    is_told_apart = 2 * look.tail(abs(look.mean) - luck) <= levels.difference
    return is_told_apart or look.tail(margin - abs(look.mean) - luck) <= levels.equivalence


def may_be_decided(look: Look, number: int, levels: Levels, *, margin: float) -> bool:
    """Whether `number` seeds in total can still decide, given plausible values of the further seeds.

    The mean may move by two standard deviations of its change. Stopping by this rule does not increase the error
    rate.
    """
    drift = 2 * look.spread * max(0.0, 1 / look.num_seeds - 1 / number) ** 0.5
    then = look.of(number)
    if 2 * then.tail(abs(look.mean) + drift) <= levels.difference:
        return True
    return then.tail(margin - max(0.0, abs(look.mean) - drift)) <= levels.equivalence
