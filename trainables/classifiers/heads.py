"""What follows a classifier's body: features [N, D] to logits [N, K]."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.classifiers.fitting_plan import FittingPlan


class CosineHead(nn.Module):
    """s cos(w_c, x) for each class c: features and weights of length 1, times the scale s.

    The normalised layer of Cao et al. 2019 (LDAM), section 3.2; their code has the scale in the loss, which gives
    the same loss, and here it makes the predicted probabilities those that the loss speaks of.
    """

    def __init__(self, num_features: int, num_classes: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, num_features))
        nn.init.xavier_uniform_(self.weight)
        # Of length 1, as in their code: the longer a weight, the less a step of the same rate turns it.
        self.weight.data = functional.normalize(self.weight.data)
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        """Logits [N, K] of features [N, D]."""
        return self.scale * functional.linear(functional.normalize(features), functional.normalize(self.weight))


def new_head(plan: FittingPlan, num_features: int, num_classes: int) -> nn.Module:
    """The head that `plan` asks for, its weights drawn from the global random state."""
    if plan.cosine_scale is not None:
        return CosineHead(num_features, num_classes, plan.cosine_scale)
    return nn.Linear(num_features, num_classes)
