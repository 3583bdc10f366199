"""Exact duplicates: images whose decoded pixels are equal at the original resolution.

Digests alone are compared, so nothing here reads a test label but the note that counts contradictions.
"""

import numpy as np

from gan_study.trainables.data.images import LabeledImages


def twin_indices(pool: LabeledImages, test: LabeledImages) -> dict[int, int]:
    """The index of each test image that is in the pool too, in test order, to that of its first twin there."""
    first: dict[str, int] = {}
    for i, digest in enumerate(pool.digests):
        first.setdefault(digest, i)
    return {j: first[digest] for j, digest in enumerate(test.digests) if digest in first}


def without_duplicates(pool: LabeledImages, test: LabeledImages) -> LabeledImages:
    """`test` without the images that are in the pool too."""
    twins = twin_indices(pool, test)
    return test.subset(np.array([j for j in range(len(test)) if j not in twins], dtype=np.int64))


def duplicate_notes(pool: LabeledImages, test: LabeledImages, *, dropped: bool) -> tuple[str, ...]:
    """A line on the test images that are in the pool too, and one if their labels differ; else none."""
    twins = twin_indices(pool, test)
    if not twins:
        return ()
    j, i = next(iter(twins.items()))
    fate = "left out" if dropped else "kept; drop_duplicates leaves them out"
    equal = f"test images equal to a training image, pixel by pixel: {len(twins)} ({fate})"
    num_contradictions = sum(int(test.labels[j] != pool.labels[i]) for j, i in twins.items())
    contradictions = f"of these, with another label in test: {num_contradictions}"
    first = f"{equal}, {test.origins[j]} = {pool.origins[i]} among them"
    return (first, contradictions) if num_contradictions else (first,)


def repetition_notes(pool: LabeledImages) -> tuple[str, ...]:
    """A line on the images that the pool has more than once; none if there are none."""
    num_repeats = len(pool) - len(set(pool.digests))
    if not num_repeats:
        return ()
    return (f"training images that repeat an earlier one, pixel by pixel: {num_repeats} (kept for training)",)
