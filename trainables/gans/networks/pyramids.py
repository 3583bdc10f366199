"""Plain stacks of convolutions between image and features: each layer halves or doubles the size.

`widths` are the channels after each halving, from the image inwards; a pyramid of fewer halvings takes the first
of them, one of more repeats the last.
"""

from itertools import pairwise

from torch import nn

from gan_study.trainables.base.flatten import FlattenMaps, UnflattenMaps
from gan_study.trainables.data.image_size import pyramid
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.convolutions import Convolution, TransposedConvolution
from gan_study.trainables.gans.networks.leaky import Leaky


def halving(shape: ImageShape, *, widths: tuple[int, ...], batch_norm: bool = False) -> nn.Sequential:
    """Maps images [N, C, H, W] to features [N, num_features]: 4x4 kernels of stride 2, LeakyReLU.

    If asked, with batch norm in every layer but the first.
    """
    channels = channels_of(shape, widths)
    layers: list[nn.Module] = [halve(shape.channels, channels[0]), Leaky()]
    for inputs, outputs in pairwise(channels):
        normalisation = [nn.BatchNorm2d(outputs)] if batch_norm else []
        # Batch norm has a bias of its own.
        layers += [halve(inputs, outputs, bias=not batch_norm), *normalisation, Leaky()]
    return nn.Sequential(*layers, FlattenMaps())


def doubling(shape: ImageShape, *, latent_size: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Maps latents [N, latent_size] to images [N, C, H, W] in [-1, 1], back along the same widths.

    LeakyReLU in every layer, batch norm in all but the first and the last, tanh at the end.
    """
    start, _ = pyramid(shape.size)
    channels = channels_of(shape, widths)[::-1]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, channels[0] * start**2),
        Leaky(),
        UnflattenMaps(channels[0], start),
    ]
    for inputs, outputs in pairwise(channels):
        layers += [double(inputs, outputs), nn.BatchNorm2d(outputs), Leaky()]
    return nn.Sequential(*layers, double(channels[-1], shape.channels), nn.Tanh())


def num_features(shape: ImageShape, *, widths: tuple[int, ...]) -> int:
    """How many features `halving` makes of an image."""
    start, _ = pyramid(shape.size)
    return channels_of(shape, widths)[-1] * start**2


def channels_of(shape: ImageShape, widths: tuple[int, ...]) -> tuple[int, ...]:
    """The channels after each halving of an image, from the image inwards."""
    _, num_halvings = pyramid(shape.size)
    return tuple(widths[min(level, len(widths) - 1)] for level in range(num_halvings))


def halve(inputs: int, outputs: int, *, bias: bool = True) -> nn.Module:
    """A convolution to half the size."""
    return Convolution(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)


def double(inputs: int, outputs: int, *, bias: bool = True) -> nn.Module:
    """A transposed convolution to twice the size."""
    return TransposedConvolution(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=bias)
