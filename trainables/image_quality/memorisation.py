"""Whether a generator has memorised its training images: a test of copies and a test of membership.

Both compare with real images that the generator has not seen, from features [N, D]. If it has learned the
distribution and not the images, training images cannot be distinguished from held-out ones. Distances are
Euclidean; callers remove duplicates first, as for `copying`. `benchmarks/memorisation.py` measures how often each
test is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import binomtest, fisher_exact, norm
from sklearn.metrics import pairwise_distances_chunked, roc_auc_score

from gan_study.trainables.image_quality.copying import (
    COPY_RATIO,
    EXACT_RATIO,
    Features,
    Nearest,
    find_repeats,
    nearest,
    repeat_distance,
)

CONFIDENCE = 0.95
# The level of the copy tests of all classes of a data set together: below 0.05, because copies among a few dozen
# real images vary more than Fisher's test knows. With the next number at most 5 % of honest generators of any
# kind are accused (docs/memorisation.md).
COPIES_LEVEL = 0.01
# The least lower end of the AUC's interval that stops an export. A normal distribution fitted to twenty training
# images, which shows none of them, reaches an AUC of 0.7, and 0.9 in one of ten cases.
LEAST_AUC = 0.7
# Their distances from one another say how often real images are copies by chance.
_LEAST_COMPARED = 3
# Enough for the second digit of a share.
_MOST_ASKED = 1000
_TINY = 1e-9


class Share(NamedTuple):
    """A count out of a total."""

    number: int
    total: int

    @property
    def value(self) -> float | None:
        """In [0, 1]; None if there are no images."""
        return self.number / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """From `share_interval`; None if there are no images."""
        return share_interval(self.number, self.total) if self.total else None


def share_interval(number: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson 1927."""
    found = binomtest(number, total).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


class Membership(NamedTuple):
    """How well the nearest generated image distinguishes training images from held-out ones.

    `auc` is the probability that a training image is nearer to its nearest generated image than a held-out one is:
    0.5 if nothing is memorised, 1 if everything is. `low` and `high` are the ends of its 95 % interval.
    """

    auc: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Memorisation:
    """The evidence whether the generated images of one class are memorised."""

    copied: Share
    """The share of distinct generated images that copy a training image of any class."""
    copied_elsewhere: int
    """How many of these copy an image of another class."""
    copied_real: Share
    """The same for real images: held-out ones, and each training image compared with the others."""
    exact: Share
    """Generated images, including repeats, that are nearly equal to a training image of any class."""
    exact_real: Share
    """The same for real images."""
    membership: Membership | None
    """None without held-out, training or generated images."""
    num_training: int
    num_held_out: int

    @cached_property
    def copies_p_value(self) -> float:
        """Fisher's exact p value for generated images being copies no more often than real ones; 1 without any."""
        return _more_copies(self.copied, self.copied_real)

    def least_copies(self, *, num_classes: int) -> int | None:
        """The number of copies among the distinct generated images that would be detected; None if no number
        would.
        """
        total = self.copied.total
        enough = (n for n in range(1, total + 1) if self._are_more(Share(n, total), self.copied_real, num_classes))
        return next(enough, None)

    def is_found(self, *, num_classes: int) -> bool:
        """Whether the images are memorised, in a data set with generated images of this many classes."""
        return (
            self.num_training == 1
            or self._are_more(self.copied, self.copied_real, num_classes)
            or self._are_more(self.exact, self.exact_real, num_classes)
            or (self.membership is not None and self.membership.low >= LEAST_AUC)
        )

    def can_tell(self, *, num_classes: int) -> bool:
        """Whether there are enough images to detect anything."""
        all_nearer = auc_interval(1.0, self.num_training, self.num_held_out) if self.membership else (0.0, 1.0)
        return (
            self.num_training == 1
            or self.least_copies(num_classes=num_classes) is not None
            or all_nearer[0] >= LEAST_AUC
        )

    @staticmethod
    def _are_more(made: Share, real: Share, num_classes: int) -> bool:
        # Bonferroni over the classes.
        return _more_copies(made, real) <= COPIES_LEVEL / num_classes


def measure_memorisation(
    generated: Features, training: Features, held_out: Features, *, others: Features | None = None, seed: int
) -> Memorisation:
    """Compare generated [N, D], training [M, D] and held-out [H, D] images of one class.

    Copies: `copying.nearest` (Yoon et al. 2023) of the distinct generated images, since a hundred pictures of one
    training image are one copy; and of all of them, where only those nearly equal to a training image count, since
    an honest generator may also repeat an image that is a copy by chance. Training images of other classes,
    `others` [K, D], may also be copied. Membership: the attack of Chen et al. 2020 ("GAN-Leaks", full black box),
    which calls an image a member if a generated one is near it.
    """
    known = training if others is None else np.concatenate([training, others])
    distinct = np.unique(find_repeats(generated, nearer_than=repeat_distance(training, seed=seed)).row)
    made, fresh = (_compare(each, known) for each in (generated, held_out))
    of_training = _among_themselves(training, known)
    distinct = distinct[: len(made.row)]
    is_copy = made.is_copy[distinct]
    return Memorisation(
        copied=_count(is_copy),
        copied_elsewhere=int((is_copy & (made.row[distinct] >= len(training))).sum()),
        copied_real=_count(np.concatenate([fresh.is_copy, of_training < COPY_RATIO])),
        exact=_count(made.is_exact),
        exact_real=_count(np.concatenate([fresh.is_exact, of_training < EXACT_RATIO])),
        membership=measure_membership(generated, training, held_out),
        num_training=len(training),
        num_held_out=len(held_out),
    )


def measure_membership(generated: Features, training: Features, held_out: Features) -> Membership | None:
    """The membership test of generated [N, D], training [M, D] and held-out [H, D] images; None without any.

    The AUC is Mann and Whitney's statistic as a share of all pairs; ties count half.
    """
    if not (len(generated) and len(training) and len(held_out)):
        return None
    of_training, of_held_out = (nearest(real, generated).distance for real in (training, held_out))
    is_held_out = np.repeat([0, 1], [len(training), len(held_out)])
    auc = float(roc_auc_score(is_held_out, np.concatenate([of_training, of_held_out])))
    return Membership(auc, *auc_interval(auc, len(training), len(held_out)))


def auc_interval(auc: float, num_first: int, num_second: int) -> tuple[float, float]:
    """The 95 % interval of an AUC between two samples of these sizes, also if it is 0 or 1.

    Newcombe 2006 ("Confidence intervals for an effect size measure based on the Mann-Whitney statistic", part 2),
    method 5: its ends are the values from which the AUC differs by z times their standard errors, which are those
    of Hanley and McNeil 1982 with the mean of both sizes in the numerator.
    """
    inner, z = (num_first + num_second) / 2 - 1, norm.ppf((1 + CONFIDENCE) / 2)

    def excess(value: float) -> float:
        spread = 1 + inner * ((1 - value) / (2 - value) + value / (1 + value))
        variance = value * (1 - value) * spread / (num_first * num_second)
        return float((auc - value) ** 2 - z**2 * variance)

    # At 0 and 1 themselves the standard error vanishes, and the equation holds without saying anything.
    inside = min(max(auc, _TINY), 1 - _TINY)
    low = brentq(excess, 0.0, inside) if auc > 0 else 0.0
    high = brentq(excess, inside, 1.0) if auc < 1 else 1.0
    return float(low), float(high)


def find_memorised(by_class: Mapping[str, Memorisation]) -> tuple[str, ...]:
    """The classes whose generated images are memorised."""
    return tuple(name for name, found in by_class.items() if found.is_found(num_classes=len(by_class)))


def _compare(features: Features, known: Features) -> Nearest:
    """Which of the `known` images [M, D] images [N, D] are nearest to; nothing of fewer than two known ones."""
    enough = features if len(known) > 1 else features[:0]
    return nearest(enough, known)


def _among_themselves(training: Features, known: Features) -> npt.NDArray[np.float64]:
    """For training images [M, D], how far the nearest other `known` one is, as a share of the next nearest.

    The training images are the first of the known ones; a thousand of them are asked. Too few known ones give
    nothing.
    """
    if len(known) < _LEAST_COMPARED:
        return np.zeros(0)

    def ratios(distances: npt.NDArray[np.floating], start: int) -> npt.NDArray[np.float64]:
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        first, second = np.partition(distances, 1, axis=1)[:, :2].T
        found: npt.NDArray[np.float64] = np.divide(first, second, out=np.ones(len(first)), where=second > 0)
        return found

    return np.concatenate([*pairwise_distances_chunked(training[:_MOST_ASKED], known, reduce_func=ratios)])


def _count(marked: npt.NDArray[np.bool_]) -> Share:
    return Share(int(marked.sum()), len(marked))


def _more_copies(made: Share, real: Share) -> float:
    if not made.total or not real.total:
        return 1.0
    table = [[each.number, each.total - each.number] for each in (made, real)]
    return float(fisher_exact(table, alternative="greater").pvalue)
