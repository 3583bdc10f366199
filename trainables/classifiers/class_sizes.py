"""What losses make of class sizes: functions of the images of each class, in label order.

A class without images is never a target, so it needs no number of its own; each function says which it gives, so
that nothing becomes infinite.
"""

import math
from collections.abc import Sequence


def log_priors(counts: Sequence[int]) -> tuple[float, ...]:
    """log(n_c / N) for each class; 0 for a class without images.

    So what is added to a logit never raises an absent class above the others: a loss learns to keep it down, as
    plain cross-entropy does, and an adjusted prediction does not lift it.
    """
    total = sum(counts)
    return tuple(math.log(n / total) if n else 0.0 for n in counts)


def inverse_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """N / (K n_c), for N images of K classes; 0 for a class without images.

    Every class that has images then weighs N / K.
    """
    return tuple(sum(counts) / (len(counts) * n) if n else 0.0 for n in counts)


def effective_number_weights(counts: Sequence[int], *, beta: float) -> tuple[float, ...]:
    """(1 - beta) / (1 - beta^n_c), renormalised to a sum of K; 0 for a class without images.

    The inverse of the effective number of images, Cui et al. 2019, "Class-Balanced Loss Based on Effective Number
    of Samples", proposition 1 and section 4. `beta` 0 weighs classes equally; towards 1, by 1 / n_c.
    """
    weights = [(1 - beta) / (1 - beta**n) if n else 0.0 for n in counts]
    return tuple(len(counts) * weight / sum(weights) for weight in weights)


def label_aware_margins(counts: Sequence[int], *, largest: float) -> tuple[float, ...]:
    """C / n_c^(1/4), with C such that the smallest class has the `largest` margin; 0 for a class without images.

    Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", section 3.2.
    """
    smallest = min(n for n in counts if n)
    return tuple(largest * (smallest / n) ** 0.25 if n else 0.0 for n in counts)
