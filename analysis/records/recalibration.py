"""Predictions corrected on validation images: by a temperature, or by a vector added to the log-probabilities.

Arrays in, arrays out; all fits of a trial at once. Validation images are weighted to the class proportions of the
test set, to which the predictions apply.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gan_study.analysis.records.trial import Predictions, Trial

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

# Temperatures lie in [1/20, 20]: Guo et al. 2017 find 0.9 to 4 for networks in use.
LARGEST_TEMPERATURE = 20.0
# A class is moved by a factor of at most e^10, about 22,000: two of the most extreme priors anybody trains with.
LARGEST_SHIFT = 10.0
# Holds together what validation leaves open (a constant added to all classes) and moves no mean by over 1e-5.
RIDGE = 1e-6
# Newton's method takes five to ten steps from 0; it stops when no step is larger than TOLERANCE.
MOST_STEPS, TOLERANCE = 60, 1e-7
# A loss that is larger by this is as large.
ROUNDING = 1e-13
# The smallest positive normal number in which probabilities are stored.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedPart:
    """The labels [N] of a part, each fit's log-probabilities [fits, N, K], and the weights [N] of its images."""

    labels: Integers
    log_probabilities: Floats
    weights: Floats


def fitted_parts(trial: Trial) -> tuple[FittedPart, FittedPart] | None:
    """Validation and test set of a trial; None unless the predictions of both are stored.

    The weights give the classes of the validation set their shares of the test set, and sum to 1.
    """
    validation, test = trial.predictions("validation"), trial.predictions("test")
    if validation is None or test is None or not trial.class_names:
        return None
    num_classes = len(trial.class_names)
    return _part(validation, np.bincount(test.labels, minlength=num_classes)), _part(test, None)


def _part(predictions: Predictions, wanted: Integers | None) -> FittedPart:
    labels = predictions.labels
    counts = np.bincount(labels, minlength=predictions.probabilities.shape[-1])
    weights = ((counts if wanted is None else wanted) / np.maximum(counts, 1))[labels]
    return FittedPart(
        labels=labels,
        log_probabilities=np.log(np.maximum(predictions.probabilities.astype(np.float64), SMALLEST)),
        weights=weights / weights.sum(),
    )


def log_loss(part: FittedPart, log_probabilities: Floats) -> Floats:
    """The weighted mean negative log-likelihood of each fit [fits]."""
    of_class = log_probabilities[:, np.arange(len(part.labels)), part.labels]
    loss: Floats = -(of_class @ part.weights)
    return loss


def fit_temperatures(part: FittedPart) -> Floats:
    """The temperature of each fit [fits] that minimises the log loss of softmax(log p / T) on `part`.

    Guo et al. 2017, section 4.2. The loss is convex in 1 / T: Newton's method inside a bracket that is halved if a
    step would leave it. 1 if no temperature in [1 / 20, 20] is better.
    """
    logits, squares = part.log_probabilities, part.log_probabilities**2
    of_class = logits[:, np.arange(len(part.labels)), part.labels] @ part.weights
    inverse = np.ones(len(logits))
    low, high = np.full_like(inverse, 1 / LARGEST_TEMPERATURE), np.full_like(inverse, LARGEST_TEMPERATURE)
    for _ in range(MOST_STEPS):
        likely, _ = _normalise(inverse[:, None, None] * logits)
        mean = np.einsum("fnk,fnk->fn", likely, logits)
        slope = mean @ part.weights - of_class
        curvature = (np.einsum("fnk,fnk->fn", likely, squares) - mean**2) @ part.weights
        low, high = np.where(slope < 0, inverse, low), np.where(slope < 0, high, inverse)
        step = inverse - np.divide(slope, curvature, out=np.full_like(slope, np.inf), where=curvature > 0)
        moved = np.where((step > low) & (step < high), step, (low + high) / 2)
        done = np.abs(moved - inverse).max() < TOLERANCE
        inverse = moved
        if done:
            break
    better = log_loss(part, scale(logits, 1 / inverse)) < log_loss(part, logits)
    return np.where(better, 1 / inverse, 1.0)


def scale(log_probabilities: Floats, temperatures: Floats) -> Floats:
    """Log-probabilities [fits, N, K] at each fit's temperature [fits]."""
    scaled = log_probabilities / temperatures[:, None, None]
    _, normalisers = _normalise(scaled)
    return scaled - normalisers[:, :, None]


def _normalise(logits: Floats) -> tuple[Floats, Floats]:
    """The probabilities [fits, N, K] of logits, and the logarithm of what these were divided by [fits, N].

    As scipy's softmax and logsumexp, in half of their time.
    """
    top = logits.max(axis=2, keepdims=True)
    likely = np.exp(logits - top)
    total = likely.sum(axis=2, keepdims=True)
    return likely / total, (top + np.log(total))[:, :, 0]


def fit_shifts(part: FittedPart) -> Floats:
    """The shift of each fit's log-probabilities [fits, K] after which no class is predicted too often.

    The shift b maximises the likelihood of softmax(log p + b) on `part`: logistic recalibration of the intercepts
    only (Cox 1958; Van Hoorde et al. 2014, for several classes). At the maximum the mean predicted probability of
    each class is its share. A tiny ridge penalty determines what is otherwise undetermined, no class is moved by
    more than LARGEST_SHIFT, and one without an image in `part` is not moved.
    """
    logits, num_classes = part.log_probabilities, part.log_probabilities.shape[2]
    shares = np.bincount(part.labels, weights=part.weights, minlength=num_classes).astype(np.float64)
    shifts = np.zeros((len(logits), num_classes))
    losses = _shifted_losses(logits, part.weights, shares, shifts)
    for _ in range(MOST_STEPS):
        steps = _newton_steps(logits, part.weights, shares, shifts)
        moved, losses = _descend(logits, part.weights, shares, shifts, steps, losses)
        largest = np.abs(moved - shifts).max()
        shifts = moved
        if largest < TOLERANCE:
            break
    return shifts


def _newton_steps(logits: Floats, weights: Floats, shares: Floats, shifts: Floats) -> Floats:
    """Newton's step of each fit [fits, K]; 0 for a class without images and out of the bounds."""
    likely, _ = _normalise(logits + shifts[:, None, :])
    weighted = likely * weights[:, None]
    means = weighted.sum(axis=1)
    gradients = means - shares + RIDGE * shifts
    outward = (np.abs(shifts) >= LARGEST_SHIFT) & (np.sign(gradients) == -np.sign(shifts))
    free = (shares > 0) & ~outward
    hessians = -weighted.transpose(0, 2, 1) @ likely
    diagonal = np.arange(len(shares))
    hessians[:, diagonal, diagonal] += means + RIDGE
    # A row and a column of the identity for each class that stays.
    hessians = np.where(free[:, :, None] & free[:, None, :], hessians, np.eye(len(shares)))
    steps = np.linalg.solve(hessians, np.where(free, gradients, 0.0)[:, :, None])[:, :, 0]
    return np.asarray(steps, dtype=np.float64)


def _descend(
    logits: Floats, weights: Floats, shares: Floats, shifts: Floats, steps: Floats, losses: Floats
) -> tuple[Floats, Floats]:
    """The shifts after a step within the bounds, halved for each fit until its loss is no larger; and the loss."""
    sizes = np.ones((len(shifts), 1))
    while True:
        moved = np.clip(shifts - sizes * steps, -LARGEST_SHIFT, LARGEST_SHIFT)
        new = _shifted_losses(logits, weights, shares, moved)
        worse = new > losses + ROUNDING
        if not worse.any():
            return moved, new
        if sizes.min() < TOLERANCE:
            return np.where(worse[:, None], shifts, moved), np.where(worse, losses, new)
        sizes[worse] /= 2


def _shifted_losses(logits: Floats, weights: Floats, shares: Floats, shifts: Floats) -> Floats:
    """The loss of each fit [fits], but for what does not depend on the shift, with the ridge."""
    _, normalisers = _normalise(logits + shifts[:, None, :])
    losses: Floats = normalisers @ weights - shifts @ shares + RIDGE / 2 * (shifts**2).sum(axis=1)
    return losses
