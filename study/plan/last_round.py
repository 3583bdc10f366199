"""The last round of a search: whether one of its best points is better than the default, on another split."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# The points of a search that are trained again beside the default; simulated in docs/benchmarks.md.
CONTENDERS = 3
# How many of these may begin while search trials are still running, so that no worker waits.
EARLY_CONTENDERS = 2
# Classifiers fitted to each set of the last round: a further one takes off less than the spread below.
FITS = 5
# Standard deviations of a setting's score that refits do not average away, between splits and between GANs of
# other seeds, as measured on the quickstart (docs/benchmarks.md); that of refits is measured in the round itself.
SPLIT_SPREAD, GAN_SPREAD = 0.015, 0.010
# With fewer points than this the length scales are as good as unknown, so scores are compared as they are.
FEWEST_POINTS = 5
# The kernel is fitted to at most so many points, evenly spaced, as its cost grows with their cube.
MOST_FITTED = 200
# If there are more points, so many evenly spaced ones stand for all (inducing points): an exact mean of ten
# thousand would take a gigabyte.
MOST_INDUCING = 500
# Added to the inducing points' variances, which are about 1.
JITTER = 1e-6


def smooth(points: Sequence[Sequence[float]], scores: Sequence[float]) -> npt.NDArray[np.float64]:
    """The scores [N] of points [N, D] in the unit cube with noise removed: the means of a Gaussian process.

    The best of several noisy scores is usually a lucky one; its neighbours show how much of it is luck. With more
    than MOST_INDUCING points, the deterministic training conditional (Quiñonero-Candela and Rasmussen 2005, "A
    Unifying View of Sparse Approximate Gaussian Process Regression", equation 20b).
    """
    inputs, raw = np.asarray(points, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if len(raw) < FEWEST_POINTS or np.ptp(raw) == 0:
        return raw
    # late: reading a study's configuration does not need scikit-learn, which takes a second to load
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    values = (raw - raw.mean()) / raw.std()
    kernel = ConstantKernel(1.0, (0.05, 5.0)) * RBF(0.5, (0.1, 5.0)) + WhiteKernel(0.5, (0.05, 2.0))
    process = GaussianProcessRegressor(kernel, random_state=0)
    every = _spacing(len(values), MOST_FITTED)
    with warnings.catch_warnings():
        # A hyper-parameter at the end of its range: flat or noisy scores, which is an answer too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(inputs[::every], values[::every])
        signal, noise = process.kernel_.k1, process.kernel_.k2.noise_level
    inducing = inputs[:: _spacing(len(values), MOST_INDUCING)]
    among, across = signal(inducing), signal(inducing, inputs)
    # Inducing points that lie together make it singular.
    among[np.diag_indices_from(among)] += JITTER
    weights = np.linalg.solve(noise * among + across @ across.T, across @ values)
    found: npt.NDArray[np.float64] = weights @ across * raw.std() + raw.mean()
    return found


def _spacing(num_points: int, most: int) -> int:
    """The step between points, of evenly spaced ones, with which at most `most` are taken."""
    return math.ceil(num_points / most)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of the last round."""

    place: int
    """The index of the chosen point's score; 0 is the default."""
    spread: float
    """The standard deviation of the difference of two scores in the round."""
    default_gain: float
    """The default's score in the round."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of the last round after the check."""

    place: int
    """The index of the chosen point in the last round; 0 is the default."""
    expected_gain: float
    """The gain to report for it."""


def choose(default: float, contenders: Sequence[float], *, fit_spread: float) -> Verdict:
    """The best of the contenders if it beats the default by more than one standard deviation, else the default.

    Scores are means over FITS fits with a standard deviation of `fit_spread`.
    """
    spread = math.sqrt(2 * (fit_spread**2 / FITS + SPLIT_SPREAD**2 + GAN_SPREAD**2))
    scores = (default, *contenders)
    best = max(range(len(scores)), key=scores.__getitem__)
    place = best if scores[best] > default + spread else 0
    return Verdict(place=place, spread=spread, default_gain=default)


def check(verdict: Verdict, *, gain: float, default_gain: float) -> Checked:
    """The winner of the last round, unless it is worse than the default in the check, which gave these gains.

    Without the check 8 % of the searches with little to find end worse than the default, with it 3 to 5 %; it
    costs 0.000 to 0.002 of the gain (150 simulated searches each, as in docs/benchmarks.md). For a default that is
    kept, the mean of both scores was within 0.002 of the truth; the check alone was 0.002 to 0.019 too high.
    """
    if verdict.place == 0:
        return Checked(place=0, expected_gain=default_gain)
    if gain > default_gain:
        return Checked(place=verdict.place, expected_gain=gain)
    return Checked(place=0, expected_gain=(verdict.default_gain + default_gain) / 2)
