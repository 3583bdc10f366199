"""The velocity network of flow matching: a small U-Net that knows the time and the class."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.data.images import ImageShape

# The network sees patches of 2 x 2 pixels as channels: a convolution at full size would be most of its work.
PATCH = 2
# It halves its maps until they have at most so many positions a side; there every position attends to all others.
COARSEST = 8
# Waves of the time: from one to a thousand (Vaswani et al. 2017, section 3.5, for a time in [0, 1]).
TIME_WAVES, FASTEST_WAVE = 16, 1000.0
# Channels of a group of the normalisation: the best number of Wu and He 2018, table 3.
GROUP_CHANNELS = 16


class VelocityNetwork(nn.Module):
    """The velocity [N, C, H, W] of noisy images [N, C, H, W] at times [N] in [0, 1], for labels [N].

    Label `num_classes` stands for no class. Images of any size: they are padded to whole patches and halves, and
    the velocity is cut back. The architecture is that of Ho et al. 2020 (appendix B), on patches of pixels, with
    scales and shifts by time and class as in Dhariwal and Nichol 2021 (section 3.1).
    """

    def __init__(self, shape: ImageShape, *, width: int, num_classes: int) -> None:
        super().__init__()
        sizes = _sizes(shape.size)
        widths = [width * min(2**level, 2) for level in range(len(sizes))]
        self.unit = PATCH * 2 ** (len(sizes) - 1)
        condition = 2 * width
        self.time = nn.Sequential(nn.Linear(2 * TIME_WAVES, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.label = nn.Embedding(num_classes + 1, condition)
        channels = shape.channels * PATCH**2
        self.enter = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        before = [width, *widths[:-1]]
        self.down = nn.ModuleList(
            Block(inputs, outputs, condition) for inputs, outputs in zip(before, widths, strict=True)
        )
        self.attention = Attention(widths[-1])
        self.middle = Block(widths[-1], widths[-1], condition)
        self.up = nn.ModuleList(
            Block(above + beside, beside, condition)
            for above, beside in zip(reversed([*widths[1:], widths[-1]]), reversed(widths), strict=True)
        )
        self.leave = nn.Sequential(
            _norm(width), nn.SiLU(), _zero(nn.Conv2d(width, channels, kernel_size=3, padding=1))
        )

    def forward(self, images: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """The velocities."""
        size = images.shape[-1]
        missing = -size % self.unit
        # Evenly on both sides, so that the middle stays the middle.
        low, high = missing // 2, missing - missing // 2
        maps = self.enter(functional.pixel_unshuffle(functional.pad(images, (low, high, low, high)), PATCH))
        condition = functional.silu(self.time(_waves(times)) + self.label(labels))
        beside = []
        for level, block in enumerate(self.down):
            maps = block(maps if level == 0 else functional.avg_pool2d(maps, 2), condition)
            beside.append(maps)
        maps = self.middle(self.attention(maps), condition)
        for level, block in enumerate(self.up):
            maps = maps if level == 0 else functional.interpolate(maps, scale_factor=2.0)
            maps = block(torch.cat([maps, beside.pop()], dim=1), condition)
        velocities = functional.pixel_shuffle(self.leave(maps), PATCH)
        inside: Tensor = velocities[..., low : low + size, low : low + size]
        return inside


class Block(nn.Module):
    """A residual block of two 3 x 3 convolutions, the second scaled and shifted by the condition."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.before, self.after = _norm(inputs), _norm(outputs)
        self.first = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.second = _zero(nn.Conv2d(outputs, outputs, kernel_size=3, padding=1))
        self.modulate = nn.Linear(condition, 2 * outputs)
        self.short = nn.Conv2d(inputs, outputs, kernel_size=1) if inputs != outputs else nn.Identity()

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Maps [N, outputs, H, W]."""
        scale, shift = self.modulate(condition)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(functional.silu(self.before(maps)))
        inner = self.second(functional.silu(torch.addcmul(shift, self.after(inner), 1 + scale)))
        outputs: Tensor = self.short(maps) + inner
        return outputs


class Attention(nn.Module):
    """Maps [N, C, H, W] to which every position adds what it finds at all others (Ho et al. 2020, appendix B)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.inputs = nn.Conv2d(channels, 3 * channels, kernel_size=1)
        self.output = _zero(nn.Conv2d(channels, channels, kernel_size=1))
        self.num_heads = max(1, channels // 32)

    def forward(self, maps: Tensor) -> Tensor:
        """The maps [N, C, H, W]."""
        queries, keys, values = (
            each.flatten(2).unflatten(1, (self.num_heads, -1)).transpose(2, 3)
            for each in self.inputs(self.norm(maps)).chunk(3, dim=1)
        )
        found = functional.scaled_dot_product_attention(queries, keys, values)
        outputs: Tensor = maps + self.output(found.transpose(2, 3).reshape(maps.shape))
        return outputs


def _sizes(size: int) -> list[int]:
    sizes = [math.ceil(size / PATCH)]
    while sizes[-1] > COARSEST:
        sizes.append(math.ceil(sizes[-1] / 2))
    return sizes


def _waves(times: Tensor) -> Tensor:
    """Times [N] as sines and cosines [N, 2 TIME_WAVES]."""
    speeds = torch.logspace(0, math.log10(FASTEST_WAVE), TIME_WAVES, device=times.device, dtype=times.dtype)
    angles = times[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // GROUP_CHANNELS), channels)


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    """`layer` with weights of zero, so that a block begins as no change (as in the code of Ho et al. 2020)."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
