"""Tests of a gain that are repeated while seeds are added, over seeds and over test images together.

A gain is measured on a few seeds (splits, thinnings, trainings) and on one set of test images; a verdict is to hold
for other seeds and for other images. The two errors are independent, so the half-width of the gain's interval is
the root of the sum of their squared half-widths (MOVER: Zou and Donner 2008, "Construction of confidence intervals
about effect measures"), of Student's t over seeds and of the normal distribution over images. Welch's approximation
by one t distribution is not used: with three seeds and a level of 0.0005 its error is up to 28 times the level,
that of MOVER at most the level.

Each look at the data spends a share of the error that is allowed in all, and the shares sum to one, so that the
error is kept whenever the study stops (the union bound; Lan and DeMets 1983 for spending by a function fixed
beforehand).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

# Two values have an interval, but one that a lucky pair makes as narrow as it likes.
MINIMUM_SEEDS = 3
# Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), p. 56.
POWER = 0.8
# More seeds than anybody trains.
MOST_SEEDS = 1000
# The smallest tail that is told apart from none.
_LEAST_TAIL = 1e-12


@dataclass(frozen=True, kw_only=True)
class Look:
    """A gain as it was seen after some round of seeds."""

    num_seeds: int
    mean: float
    """Of the paired differences in [-1, 1]."""
    spread: float
    """Their standard deviation, n − 1 in its denominator; above 0."""
    image_error: float
    """Standard error of the mean over other test images."""
    share: float = 1.0
    """Of the error that is allowed in all: what this look may spend, in (0, 1]."""

    def half_width(self, tail: float) -> float:
        """Half of the interval beyond whose either end the true gain lies with probability `tail` at most."""
        over_seeds = stats.t.isf(tail, self.num_seeds - 1) * self.spread / self.num_seeds**0.5
        return float(np.hypot(over_seeds, stats.norm.isf(tail) * self.image_error))

    def tail_at(self, distance: float) -> float:
        """The tail whose half-width is `distance`: a one-sided p value; 1 where `distance` is not above 0."""
        if distance <= 0:
            return 1.0
        if self.half_width(_LEAST_TAIL) <= distance:
            return _LEAST_TAIL
        return float(np.exp(optimize.brentq(self._excess, np.log(_LEAST_TAIL), np.log(0.5), args=(distance,))))

    def _excess(self, log_tail: float, distance: float) -> float:
        return self.half_width(float(np.exp(log_tail))) - distance


def spending_shares(numbers: Sequence[int]) -> tuple[float, ...]:
    """The share of the error that a look spends after each of these `numbers` of seeds, which ascend.

    Up to n of at most N seeds (n / N)² is spent: little while there are few seeds to learn a spread from (the
    power family of Kim and DeMets 1987, exponent 2).
    """
    spent = [0.0, *((number / numbers[-1]) ** 2 for number in numbers)]
    return tuple(float(share) for share in np.diff(spent))


def difference_p(looks: Sequence[Look]) -> float:
    """Two-sided p value of a true gain of 0, valid whenever the looks end: the least p over share, at most 1.

    Such sequential p values may be corrected as any others are (Liu and Anderson 2008, "On adaptive extensions of
    group sequential trials for clinical investigations").
    """
    return min([1.0, *(2 * look.tail_at(abs(look.mean)) / look.share for look in looks)])


def equivalence_p(looks: Sequence[Look], margin: float) -> float:
    """P value of a true gain of `margin` or more either way, by two one-sided tests (Schuirmann 1987).

    Small where the gain is shown to lie within the margin; valid whenever the looks end.
    """
    return min([1.0, *(look.tail_at(margin - abs(look.mean)) / look.share for look in looks)])


def interval(looks: Sequence[Look], level: float) -> tuple[float, float]:
    """The ends of the true gain's interval, which misses it with probability `level` at most, whenever looks end.

    What all looks so far leave (repeated confidence intervals, Jennison and Turnbull 1989), within [-1, 1]. It does
    not hold 0 exactly where `difference_p` is below `level`.
    """
    halves = [look.half_width(level * look.share / 2) for look in looks]
    low = max([-1.0, *(look.mean - half for look, half in zip(looks, halves, strict=True))])
    high = min([1.0, *(look.mean + half for look, half in zip(looks, halves, strict=True))])
    return low, high


def smallest_decidable(look: Look, level: float) -> float:
    """The smallest gain that is told from none on these test images, however many the seeds."""
    return float(stats.norm.isf(level / 2)) * look.image_error


def seeds_needed(look: Look, *, level: float, margin: float) -> int | None:
    """The fewest seeds that decide with probability POWER, if the gain and its spread are as they were seen.

    Either that there is a gain, or that none is as large as `margin`. None if the test images are too few for both,
    or if it takes more than MOST_SEEDS.
    """
    numbers = np.arange(MINIMUM_SEEDS, MOST_SEEDS + 1)
    luck = stats.norm.isf(1 - POWER) * look.spread / numbers**0.5
    told_apart = abs(look.mean) - luck >= _half_widths(look, numbers, level / 2)
    alike = margin - abs(look.mean) - luck >= _half_widths(look, numbers, level)
    enough = np.flatnonzero(told_apart | alike)
    return int(numbers[enough[0]]) if enough.size else None


def _half_widths(look: Look, numbers: npt.NDArray[np.int64], tail: float) -> npt.NDArray[np.float64]:
    """The half-widths that the look would have with each of these `numbers` of seeds."""
    over_seeds = stats.t.isf(tail, numbers - 1) * look.spread / numbers**0.5
    return np.hypot(over_seeds, stats.norm.isf(tail) * look.image_error)


def may_be_decided(look: Look, number: int, *, level: float, margin: float) -> bool:
    """Whether `number` seeds in all can still decide, if those to come are as they may well be.

    The mean may move by two standard deviations of its change. What is given up by this costs no error.
    """
    drift = 2 * look.spread * max(0.0, 1 / look.num_seeds - 1 / number) ** 0.5
    tails = np.array([number])
    told_apart = abs(look.mean) + drift >= _half_widths(look, tails, level / 2)[0]
    return bool(told_apart or margin - max(0.0, abs(look.mean) - drift) >= _half_widths(look, tails, level)[0])
