"""Between maps [N, C, H, W] and rows of values [N, C H W], position by position.

The channels of a position lie side by side in memory (channels last), where convolutions are fastest. torch's own
Flatten runs through the maps channel by channel: it copies them, and hands back gradients in the other order, with
which the activation before it takes up to forty times as long.
"""

from torch import Tensor, nn


class FlattenMaps(nn.Module):
    """Maps [N, C, H, W] to [N, H W C]."""

    def forward(self, maps: Tensor) -> Tensor:
        """The values of the first position, then of the next."""
        return maps.permute(0, 2, 3, 1).flatten(1)


class UnflattenMaps(nn.Module):
    """Rows [N, size size C] to square maps [N, C, size, size]: the inverse of FlattenMaps."""

    def __init__(self, num_channels: int, size: int) -> None:
        super().__init__()
        self.num_channels, self.size = num_channels, size

    def forward(self, values: Tensor) -> Tensor:
        """The maps, their channels last in memory."""
        return values.view(-1, self.size, self.size, self.num_channels).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"num_channels={self.num_channels}, size={self.size}"
