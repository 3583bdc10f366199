"""Generators that enlarge by repeating pixels, and then convolve: no checkerboards (Odena et al. 2016)."""

from itertools import pairwise

from torch import nn

from trainables.data.images import ImageShape
from trainables.data.source import pyramid
from trainables.gans.networks.convolutional import widths_of


def upsampling_generator(shape: ImageShape, *, input_size: int) -> nn.Sequential:
    """Maps [N, input_size] to images [N, C, H, W] in [-1, 1]: batch norm and ReLU in every layer but the last.

    From the pyramid's start each size is doubled by nearest neighbours and convolved, 3x3, to half the channels.
    """
    start, _ = pyramid(shape.size)
    channels = widths_of(shape)[::-1]
    layers: list[nn.Module] = [
        nn.Linear(input_size, channels[0] * start**2, bias=False),
        nn.Unflatten(1, (channels[0], start, start)),
        nn.BatchNorm2d(channels[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise((*channels, channels[-1] // 2)):
        layers += [
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolved(inputs, outputs, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, _convolved(channels[-1] // 2, shape.channels, bias=True), nn.Tanh())


def _convolved(inputs: int, outputs: int, *, bias: bool) -> nn.Module:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=bias)
