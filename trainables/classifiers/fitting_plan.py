"""Loss plans: how a classifier is fitted to a balanced set, if not by plain weighted cross-entropy.

A balancer makes a plan, the classifier's training follows it, and neither knows the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from gan_study.trainables.classifiers.losses import Loss, weighted_cross_entropy

# From images [N, C, H, W] and labels [N] of a batch to mixed images and class shares [N, K]. Draws from the global
# random state, as torchvision's transforms do; the training seeds that state, and restores it afterwards.
BatchMix: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

# From features [N, D], labels [N] and a seed to the features [M, D] and labels [M] that a new head is fitted to.
Rebalance: TypeAlias = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class HeadStage:
    """A second stage: the trained body stays as it is, and a new head is fitted to the features of `rebalance`."""

    rebalance: Rebalance
    steps_share: float
    """Its share of all optimiser steps, in (0, 1), so that two stages are no more training than one. Not used
    if the classifier's own last step makes the head."""


@dataclass(frozen=True, kw_only=True)
class FittingPlan:
    """How a classifier is fitted to a balanced set."""

    loss: Loss = weighted_cross_entropy
    mix: BatchMix | None = None
    """Blends the images of each batch, and their labels."""
    cosine_scale: float | None = None
    """The scale s of a cosine head, s cos(w_c, x), in place of a linear one."""
    head_stage: HeadStage | None = None
    log_adjustment: tuple[float, ...] | None = None
    """[K], added to the logits of each prediction once everything is fitted."""

    def adjusting(self, head: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`head` with the plan's adjustment added to its logits; `head` itself if the plan has none."""
        return head if self.log_adjustment is None else lambda features: self.adjusted(head(features))

    def adjusted(self, logits: Tensor) -> Tensor:
        """The logits [N, K] of a prediction, with the plan's adjustment."""
        if self.log_adjustment is None:
            return logits
        return logits + torch.tensor(self.log_adjustment, dtype=logits.dtype, device=logits.device)


PLAIN = FittingPlan()
