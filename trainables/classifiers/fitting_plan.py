"""How a classifier is fitted to a balanced set, where that is not plain weighted cross-entropy.

A way of balancing makes a plan, a classifier's training follows it, and neither knows the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from gan_study.trainables.classifiers.losses import Loss, weighted_cross_entropy

# Images [N, C, H, W] and labels [N] of a batch, to mixed images and the shares [N, K] of their classes. Draws from
# the global random state, as torchvision's transforms do; the training seeds it, and restores it afterwards.
BatchMix: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

# Features [N, D], labels [N] and a seed, to the features [M, D] and labels [M] that a new head is fitted to.
Rebalance: TypeAlias = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class HeadStage:
    """A second stage: the trained features are kept, and a new head is fitted to the features `rebalance` gives.

    It takes the share `steps_share`, in (0, 1), of all optimiser steps, so that two stages are no more training
    than one; none where the classifier's own last step makes the head.
    """

    rebalance: Rebalance
    steps_share: float


@dataclass(frozen=True, kw_only=True)
class FittingPlan:
    """How a classifier is fitted.

    `loss` is minimised. `mix` blends the images of each batch. With `cosine_scale` s the head gives s cos(w_c, x)
    in place of a linear map. `head_stage` fits the head anew. `log_adjustment` [K] is added to the logits of each
    prediction once everything is fitted.
    """

    loss: Loss = weighted_cross_entropy
    mix: BatchMix | None = None
    cosine_scale: float | None = None
    head_stage: HeadStage | None = None
    log_adjustment: tuple[float, ...] | None = None

    def adjusting(self, head: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`head`, the plan's adjustment added to its logits; `head` itself where there is none."""
        return head if self.log_adjustment is None else lambda features: self.adjusted(head(features))

    def adjusted(self, logits: Tensor) -> Tensor:
        """The logits [N, K] of a prediction, with the plan's adjustment."""
        if self.log_adjustment is None:
            return logits
        return logits + torch.tensor(self.log_adjustment, dtype=logits.dtype, device=logits.device)


PLAIN = FittingPlan()
