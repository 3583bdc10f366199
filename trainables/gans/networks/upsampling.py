"""Generators that enlarge by repeating pixels, and then convolve: no checkerboards (Odena et al. 2016)."""

from itertools import pairwise

from torch import nn

from gan_study.trainables.base.flatten import UnflattenMaps
from gan_study.trainables.data.image_size import pyramid
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.convolutional import widths_of
from gan_study.trainables.gans.networks.convolutions import Convolution
from gan_study.trainables.gans.networks.doubled_convolution import DoubledConvolution


def upsampling_generator(shape: ImageShape, *, input_size: int) -> nn.Sequential:
    """Maps [N, input_size] to images [N, C, H, W] in [-1, 1]: batch norm and ReLU in every layer but the last.

    From the pyramid's start each size is doubled by nearest neighbours and convolved, 3x3, to half the channels.
    """
    start, _ = pyramid(shape.size)
    channels = widths_of(shape)[::-1]
    layers: list[nn.Module] = [
        nn.Linear(input_size, channels[0] * start**2, bias=False),
        UnflattenMaps(channels[0], start),
        nn.BatchNorm2d(channels[0]),
        nn.ReLU(),
    ]
    for inputs, outputs in pairwise((*channels, channels[-1] // 2)):
        layers += [DoubledConvolution(inputs, outputs, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    last = Convolution(channels[-1] // 2, shape.channels, kernel_size=3, padding=1)
    return nn.Sequential(*layers, last, nn.Tanh())
