"""Convolutions, quick also towards grey images.

A CPU's convolutions reckon with sixteen channels at a time. Towards a map of one channel they are up to ten times
as slow as a matrix product that gives each value its patch of pixels, and the sum of these patches.
"""

from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Conv2d):
    """A convolution of square maps: slow towards its input, when a gradient with respect to that is wanted."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [N, O, H', W'] of maps [N, I, H, W]."""
        if not (maps.requires_grad and _is_slow_towards(maps, channels=self.in_channels)):
            return super().forward(maps)
        assert isinstance(self.padding, tuple)
        patches = functional.unfold(maps, self.kernel_size, padding=self.padding, stride=self.stride)
        outputs = functional.linear(patches.transpose(1, 2), self.weight.flatten(1), self.bias)
        # Channels last, as they come out of the product.
        size = round(outputs.shape[1] ** 0.5)
        return outputs.view(-1, size, size, self.out_channels).permute(0, 3, 1, 2)


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution of square maps, without output padding."""

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Maps [N, O, H', W'] of maps [N, I, H, W]."""
        assert output_size is None and isinstance(self.padding, tuple), "sizes follow from the layer's own"
        if not _is_slow_towards(maps, channels=self.out_channels):
            return super().forward(maps)
        patches = maps.flatten(2).transpose(1, 2) @ self.weight.flatten(1)
        size = (maps.shape[-1] - 1) * self.stride[0] - 2 * self.padding[0] + self.kernel_size[0]
        outputs = functional.fold(
            patches.transpose(1, 2), (size, size), self.kernel_size, padding=self.padding, stride=self.stride
        )
        return outputs if self.bias is None else outputs + self.bias


def _is_slow_towards(maps: Tensor, *, channels: int) -> bool:
    return channels == 1 and maps.device.type == "cpu"
