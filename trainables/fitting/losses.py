"""Losses of a classifier: functions of one step to a scalar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True, eq=False)
class FittingStep:
    """What a loss sees: logits [N, K], targets, the images' weights [N], and how far the training is, in [0, 1).

    Targets are labels int64 [N], or shares of the classes float [N, K] where the images of a batch are mixed.
    """

    logits: Tensor
    targets: Tensor
    weights: Tensor
    progress: float


Loss: TypeAlias = Callable[[FittingStep], Tensor]


def weighted_cross_entropy(step: FittingStep) -> Tensor:
    """Mean cross-entropy, each image counted as often as its weight says: sum of w_i l_i over sum of w_i."""
    return weighted_mean(functional.cross_entropy(step.logits, step.targets, reduction="none"), step.weights)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Sum of w_i l_i over sum of w_i, for losses [N] and weights [N]."""
    return (weights * losses).sum() / weights.sum()
