"""Losses of a classifier: functions of one step to a scalar."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True, eq=False)
class FittingStep:
    """One training step, as a loss sees it: logits [N, K], targets, image weights [N] and the progress in [0, 1).

    Targets are labels int64 [N], or class shares float [N, K] if the images of a batch are mixed.
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


# The losses below take labels [N] as targets. Their tensors [K] are on the device of the logits.


@dataclass(frozen=True, kw_only=True)
class FocalLoss:
    """Weighted mean of -(1 - p_y)^gamma log p_y, p the softmax: images that are easy count less.

    Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 4, with the softmax in place of the
    sigmoid, as the code of Cao et al. 2019 (LDAM) has it. `gamma` 0 is cross-entropy.
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
    """Weighted mean of CE(f + a), f the logits and a the `adjustment` [K]. Predictions have the logits alone.

    With a = tau log pi it is the logit-adjusted loss of Menon et al. 2021, equation 10; with a = log n, which
    differs from log pi by a constant that no softmax sees, the balanced softmax of Ren et al. 2020, theorem 1.
    """

    adjustment: Tensor

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        return weighted_cross_entropy(replace(step, logits=step.logits + self.adjustment))


@dataclass(frozen=True, kw_only=True, eq=False)
class LdamLoss:
    """Weighted mean of CE(s (cos - D_y onehot_y)), D_y the true class's margin in `margins` [K].

    Cao et al. 2019, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", section 3.2. The
    logits are s cos, s being `scale`, from a cosine head.
    """

    margins: Tensor
    scale: float

    def __call__(self, step: FittingStep) -> Tensor:
        """The loss of one step."""
        margin = functional.one_hot(step.targets, len(self.margins)) * self.margins
        return weighted_cross_entropy(replace(step, logits=step.logits - self.scale * margin))


@dataclass(frozen=True, kw_only=True, eq=False)
class DeferredReweighting:
    """`loss`, and from the share `start` of the training on, each weight times its class's in `class_weights`.

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
