"""The uncertainty of a difference of two methods' scores due to the choice of test images."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Score: TypeAlias = Literal["minority_f1", "minority_recall"]


def image_error(
    labels: Integers, method: Integers, reference: Integers, *, classes: Sequence[int], score: Score
) -> float:
    """Standard error of `method`'s mean score minus that of `reference`, over newly drawn test images.

    `labels` [N], and the predictions of each method's classifiers for the images [S, F, N], S seeds of F fits. The
    score is the mean over those of `classes` that have test images. It is linear in the images to first order (the
    infinitesimal jackknife, Efron 1982), so its variance is the sum of squares of the images' contributions. Only
    products of different seeds are used: a contribution with one seed only is already part of the spread over
    seeds. The mean is not subtracted from the squares: this is the variance without a gain, so that a few images
    that all favour one method do not give certainty. At least one image's contribution, for the same reason.
    Infinite if none of `classes` has a test image.
    """
    tested = [label for label in classes if label in labels]
    if not tested:
        return float("inf")
    parts = (_parts(labels, method, tested, score) - _parts(labels, reference, tested, score)).mean(axis=1)
    seeds = len(parts)
    squares = (parts.sum(axis=0) ** 2 - (parts**2).sum(axis=0)).sum() / max(1, seeds * (seeds - 1))
    return max(float(np.sqrt(max(squares, 0.0))), resolution(labels, tested))


def resolution(labels: Integers, classes: Sequence[int]) -> float:
    """How much one test image of the smallest of `classes`, all of which have some, changes their mean recall."""
    return 1 / (len(classes) * min(int(np.sum(labels == label)) for label in classes))


def _parts(labels: Integers, predicted: Integers, classes: Sequence[int], score: Score) -> Floats:
    """What each image adds to the score of each fit, to first order and apart from a constant, [S, F, N]."""
    found = np.zeros(predicted.shape)
    for label in classes:
        is_label, taken = labels == label, predicted == label
        if score == "minority_recall":
            found += (taken & is_label) / is_label.sum()
        else:
            hits = (taken & is_label).sum(axis=-1, keepdims=True)
            total = taken.sum(axis=-1, keepdims=True) + is_label.sum()
            found += (2 * (taken & is_label) - 2 * hits / total * taken) / total
    return found / len(classes)
