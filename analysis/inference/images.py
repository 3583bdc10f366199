"""How far a difference of two methods' scores may be off because other test images might have been drawn."""

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
    """Standard error of `method`'s mean score minus that of `reference`, over test images drawn anew.

    `labels` [N], and what the classifiers of either method take the images for [R, N], a row each (a seed's, a
    fit's). The score is the mean over those of `classes` that have test images. It is linear in the images to
    first order (the infinitesimal jackknife, Efron 1982); an image's part is its mean over the rows, so that an image
    counts once, however many the classifiers. Parts are squared as they are, not about their mean, and one image
    more is counted on which the methods differ: for one class and one row this is McNemar's variance with a
    pseudo-count, under which a few images that all favour one method decide nothing (Agresti and Min 2005).
    Infinite if none of `classes` has a test image.
    """
    tested = [label for label in classes if label in labels]
    if not tested:
        return float("inf")
    parts = np.mean(_parts(labels, method, tested, score), axis=0)
    parts -= np.mean(_parts(labels, reference, tested, score), axis=0)
    return float(np.hypot(np.linalg.norm(parts), resolution(labels, tested)))


def resolution(labels: Integers, classes: Sequence[int]) -> float:
    """What one test image of the smallest of `classes`, all of which have some, moves their mean recall by."""
    return 1 / (len(classes) * min(int(np.sum(labels == label)) for label in classes))


def _parts(labels: Integers, predicted: Integers, classes: Sequence[int], score: Score) -> Floats:
    """What each image adds to each row's score, to first order and apart from a constant, [R, N]."""
    found = np.zeros(predicted.shape)
    for label in classes:
        is_label, taken = labels == label, predicted == label
        if score == "minority_recall":
            found += (taken & is_label) / is_label.sum()
        else:
            hits = (taken & is_label).sum(axis=1, keepdims=True)
            total = taken.sum(axis=1, keepdims=True) + is_label.sum()
            found += (2 * (taken & is_label) - 2 * hits / total * taken) / total
    return found / len(classes)
