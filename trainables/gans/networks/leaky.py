"""The LeakyReLU of every network here, cheap to differentiate twice."""

import torch
from torch import Tensor, nn

# Radford et al. 2015, section 3: the slope of the leak; the source documents have it too.
LEAK = 0.2


class Leaky(nn.LeakyReLU):
    """max(x, 0.2 x), value by value.

    A gradient penalty differentiates the gradient. LeakyReLU's has none of its own, its slope being constant
    wherever it has one; torch's LeakyReLU hands back zeros for it all the same, which then go through every layer
    once more. Here the slope counts as a constant, so nothing goes back: the same values, a third less work.
    """

    def __init__(self) -> None:
        super().__init__(LEAK)

    def forward(self, values: Tensor) -> Tensor:
        """The values, those below 0 times the slope."""
        # What multiplies a gradient by the slope at a point multiplies the point itself by it as well.
        leaked: Tensor = torch.ops.aten.leaky_relu_backward.default(
            values, values.detach(), self.negative_slope, False
        )
        return leaked
