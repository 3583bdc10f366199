"""A classifier's losses, how they use class sizes, and plans of how it is fitted to a balanced set.

A balancer makes a plan, the classifier's training follows it, and they are independent of each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True, eq=False)
class FittingStep:
    """One training step as a loss sees it: logits [N, K], targets, image weights [N] and the progress in [0, 1).

    Targets are labels int64 [N], or class shares float [N, K] if the images of a batch are mixed.
    """

    logits: Tensor
    targets: Tensor
    weights: Tensor
    progress: float


Loss: TypeAlias = Callable[[FittingStep], Tensor]


def weighted_cross_entropy(step: FittingStep) -> Tensor:
    """Mean cross-entropy weighted by image: sum of w_i l_i over sum of w_i."""
    return weighted_mean(functional.cross_entropy(step.logits, step.targets, reduction="none"), step.weights)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Sum of w_i l_i over sum of w_i, for losses [N] and weights [N]."""
    return (weights * losses).sum() / weights.sum()


# The losses below take labels [N] as targets. Their tensors [K] are on the device of the logits.


@dataclass(frozen=True, kw_only=True)
class FocalLoss:
    """Weighted mean of -(1 - p_y)^gamma log p_y, with p the softmax: easy images count less.

    Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 4, with the softmax instead of the sigmoid,
    as in the code of Cao et al. 2019 (LDAM). `gamma` 0 is cross-entropy.
    """

    gamma: float

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        entropy = functional.cross_entropy(step.logits, step.targets, reduction="none")
        # Above 0, where the derivative of a power below 1 is infinite, and NaN once multiplied by a loss of 0.
        miss = (-torch.expm1(-entropy)).clamp(min=torch.finfo(entropy.dtype).tiny)
        return weighted_mean(miss**self.gamma * entropy, step.weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdjustedCrossEntropy:
    """Weighted mean of CE(f + a), with logits f and the `adjustment` a [K]. Predictions use only the logits.

    With a = tau log pi it is the logit-adjusted loss of Menon et al. 2021, equation 10; with a = log n, which
    differs from log pi by a constant that does not change a softmax, the balanced softmax of Ren et al. 2020,
    theorem 1.
    """

    adjustment: Tensor

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        return weighted_cross_entropy(replace(step, logits=step.logits + self.adjustment))


@dataclass(frozen=True, kw_only=True, eq=False)
class LdamLoss:
    """Weighted mean of CE(s (cos - D_y onehot_y)), with the true class's margin D_y in `margins` [K].

    Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", section 3.2. The
    logits are s cos, with s the `scale`, from a cosine head.
    """

    margins: Tensor
    scale: float

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        margin = functional.one_hot(step.targets, len(self.margins)) * self.margins
        return weighted_cross_entropy(replace(step, logits=step.logits - self.scale * margin))


@dataclass(frozen=True, kw_only=True, eq=False)
class DeferredReweighting:
    """`loss`, with each weight multiplied by its class's in `class_weights` after the share `start` of the
    training.

    "DRW" of Cao et al. 2019, section 3.3 and algorithm 1.
    """

    loss: Loss
    class_weights: Tensor
    start: float

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        if step.progress < self.start:
            return self.loss(step)
        return self.loss(replace(step, weights=step.weights * self.class_weights[step.targets]))


# What losses make of class sizes: functions of the images of each class, in label order, where an image may count
# as a part of one (`TrainingSet.weighted_class_counts`). A class without images is never a target, so it needs no
# number of its own; each function says which it gives, so that nothing is infinite.


def log_priors(counts: Sequence[float]) -> tuple[float, ...]:
    """log(n_c / N) for each class; 0 for a class without images.

    So the adjustment of a logit never raises an absent class above the others: a loss learns to keep it low, as
    plain cross-entropy does, and an adjusted prediction does not raise it.
    """
    total = sum(counts)
    return tuple(math.log(n / total) if n else 0.0 for n in counts)


def inverse_weights(counts: Sequence[float]) -> tuple[float, ...]:
    """N / (K n_c), for N images of K classes; 0 for a class without images.

    Every class that has images then weighs N / K.
    """
    return tuple(sum(counts) / (len(counts) * n) if n else 0.0 for n in counts)


def effective_number_weights(counts: Sequence[float], *, beta: float) -> tuple[float, ...]:
    """(1 - beta) / (1 - beta^n_c), renormalised to a sum of K; 0 for a class without images.

    The inverse of the effective number of images, Cui et al. 2019, "Class-Balanced Loss Based on Effective Number
    of Samples", proposition 1 and section 4. `beta` 0 weighs classes equally; towards 1, by 1 / n_c.
    """
    weights = [(1 - beta) / (1 - beta**n) if n else 0.0 for n in counts]
    return tuple(len(counts) * weight / sum(weights) for weight in weights)


def label_aware_margins(counts: Sequence[float], *, largest: float) -> tuple[float, ...]:
    """C / n_c^(1/4), with C such that the smallest class has the `largest` margin; 0 for a class without images.

    Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", section 3.2.
    """
    smallest = min(n for n in counts if n)
    return tuple(largest * (smallest / n) ** 0.25 if n else 0.0 for n in counts)


# From images [N, C, H, W] and labels [N] of a batch to mixed images and class shares [N, K]. Draws from the global
# random state, as torchvision's transforms do; the training seeds that state, and restores it afterwards.
BatchMix: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

# From features [N, D], labels [N], weights [N] and a seed to the features [M, D], labels [M] and weights [M] that
# a new head is fitted to.
Rebalance: TypeAlias = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class HeadStage:
    """A second stage: the trained body is frozen, and a new head is fitted to the features of `rebalance`."""

    rebalance: Rebalance
    steps_share: float
    """Its share of all optimiser steps, in (0, 1), so that two stages are no more training than one. Not used if
    the head belongs to the classifier's own final step."""


@dataclass(frozen=True, kw_only=True)
class FittingPlan:
    """How a classifier is fitted to a balanced set."""

    loss: Loss = weighted_cross_entropy
    mix: BatchMix | None = None
    """Blends the images of each batch, and their labels."""
    cosine_scale: float | None = None
    """The scale s of a cosine head, s cos(w_c, x), instead of a linear one."""
    head_stage: HeadStage | None = None
    log_adjustment: tuple[float, ...] | None = None
    """[K], added to the logits of each prediction after all fitting."""

    def adjusting(self, head: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`head` with the plan's adjustment added to its logits; `head` itself if the plan has none."""
        return head if self.log_adjustment is None else lambda features: self.adjusted(head(features))

    def adjusted(self, logits: Tensor) -> Tensor:
        """The logits [N, K] of a prediction, with the plan's adjustment."""
        if self.log_adjustment is None:
            return logits
        return logits + torch.tensor(self.log_adjustment, dtype=logits.dtype, device=logits.device)


PLAIN = FittingPlan()
