"""Convolutions, quick also towards grey images.

A CPU's convolutions reckon with sixteen channels at a time. Towards a map of one channel they are up to ten times
as slow as a matrix product that gives each value its patch of pixels, and the sum of these patches.
"""

from torch import Tensor, nn
from torch.nn import functional


class Convolution(nn.Conv2d):
    """A convolution of square maps: slow towards its output, and towards an input that wants a gradient.

    Towards its output patches are summed if it moves by one pixel, towards its input they pay if it moves by more.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [N, O, H', W'] of maps [N, I, H, W]."""
        assert isinstance(self.padding, tuple)
        moves_by_one = self.stride == (1, 1)
        if moves_by_one and _is_slow_towards(maps, channels=self.out_channels):
            # Turned by half, it is a transposed convolution.
            size = maps.shape[-1] + 2 * self.padding[0] - self.kernel_size[0] + 1
            return _summed_patches(maps, self.weight[0].flip(1, 2), self.bias, size=size)
        if not moves_by_one and maps.requires_grad and _is_slow_towards(maps, channels=self.in_channels):
            return self._of_patches(maps)
        return super().forward(maps)

    def _of_patches(self, maps: Tensor) -> Tensor:
        patches = functional.unfold(maps, self.kernel_size, padding=self.padding, stride=self.stride)  # type: ignore[arg-type]
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
        size = (maps.shape[-1] - 1) * self.stride[0] - 2 * self.padding[0] + self.kernel_size[0]
        return _summed_patches(maps, self.weight[:, 0], self.bias, size=size, stride=self.stride[0])


def _summed_patches(maps: Tensor, kernels: Tensor, bias: Tensor | None, *, size: int, stride: int = 1) -> Tensor:
    """Grey maps [N, 1, size, size] of maps [N, I, H, W]: a value of channel i makes a patch, `kernels[i]` [k, k].

    Patches lie `stride` apart and are summed; what of them lies outside is left out, as much on every side.
    """
    kernel_size = kernels.shape[-1]
    padding = ((maps.shape[-1] - 1) * stride + kernel_size - size) // 2
    patches = functional.conv2d(maps, kernels.flatten(1).t()[:, :, None, None])
    # Summed as exactly as the weights are, also where products are rounded to less.
    patches = patches.flatten(2).to(kernels.dtype)
    outputs = functional.fold(patches, (size, size), kernel_size, padding=padding, stride=stride)
    return outputs if bias is None else outputs + bias


def _is_slow_towards(maps: Tensor, *, channels: int) -> bool:
    return channels == 1 and maps.device.type == "cpu"
