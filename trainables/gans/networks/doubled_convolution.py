"""Doubling by repeated pixels and a 3x3 convolution, in one step."""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Along one axis: output pixel 2i sees pixel i - 1 through weight 0, and pixel i through weights 1 and 2; pixel
# 2i + 1 sees pixel i through weights 0 and 1, and pixel i + 1 through weight 2. As the rows of a transposed
# convolution of 4 weights, stride 2 and padding 1.
_ALONG_ONE_AXIS = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


class DoubledConvolution(nn.Conv2d):
    """Maps [N, I, H, W] to [N, O, 2H, 2W]: each pixel repeated 2x2, then a 3x3 convolution, padded by zeros.

    Of the nine weights at most four meet different pixels, and the others are added up beforehand: a transposed
    4x4 convolution of stride 2, with the same values and gradients, 2.25 times less work, and twice as fast.
    """

    folding: Tensor

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel_size=3, padding=1, bias=bias)
        # No part of the state: a constant.
        self.register_buffer("folding", torch.kron(_ALONG_ONE_AXIS, _ALONG_ONE_AXIS), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """The convolved maps of twice the size."""
        outputs, inputs = self.weight.shape[:2]
        by_position = self.weight.flatten(2).permute(2, 0, 1).reshape(9, outputs * inputs)
        kernel = (self.folding @ by_position).view(4, 4, outputs, inputs).permute(3, 2, 0, 1)
        return functional.conv_transpose2d(maps, kernel.to(maps.dtype), self.bias, stride=2, padding=1)
