"""Convolutional generators and discriminators: each layer halves or doubles the size.

As in Radford et al. 2015: 4x4 kernels of stride 2 instead of pooling, and twice the channels at half the size.
`widths` are the channels after each halving, from the image inwards; a network with fewer halvings uses the first
ones, one with more repeats the last.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from torch import nn

from gan_study.trainables.base.layers import (
    Convolution,
    DoubledConvolution,
    FlattenMaps,
    Leaky,
    TransposedConvolution,
    UnflattenMaps,
    draw_normal,
)
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.variant import IgnoreLabels, MakeNetworks, Networks, Realness


def halving(shape: ImageShape, *, widths: tuple[int, ...], batch_norm: bool = False) -> nn.Sequential:
    """Maps images [N, C, H, W] to features [N, num_features]: 4x4 kernels of stride 2, LeakyReLU.

    Optionally with batch norm in every layer except the first.
    """
    channels = channels_of(shape, widths)
    layers: list[nn.Module] = [halve(shape.channels, channels[0]), Leaky()]
    for inputs, outputs in pairwise(channels):
        normalisation = [nn.BatchNorm2d(outputs)] if batch_norm else []
        # Batch norm has a bias of its own.
        layers += [halve(inputs, outputs, bias=not batch_norm), *normalisation, Leaky()]
    return nn.Sequential(*layers, FlattenMaps())


def doubling(shape: ImageShape, *, latent_size: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Maps latents [N, latent_size] to images [N, C, H, W] in [-1, 1], with the same widths in reverse order.

    LeakyReLU in every layer, batch norm in all except the first and the last, tanh at the end.
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
    """The number of features of an image after `halving`."""
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


# Channels at the largest size, a quarter of Radford's: the images are small, a class has some hundred of them, and
# a trial has to end within a minute on one core.
BASE_CHANNELS = 32


def convolutional_networks(*, discriminator_norm: bool) -> MakeNetworks:
    """Makes DCGAN's generator and its discriminator, the latter with or without batch norm; neither is
    conditional.
    """

    def networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
        generator = convolutional_generator(shape, latent_size=latent_size)
        discriminator = convolutional_discriminator(shape, batch_norm=discriminator_norm)
        return Networks(
            generator=IgnoreLabels(draw_normal(generator)), discriminator=IgnoreLabels(draw_normal(discriminator))
        )

    return networks


def convolutional_generator(shape: ImageShape, *, latent_size: int) -> nn.Sequential:
    """Maps latents [N, latent_size] to images [N, C, H, W] in [-1, 1]: batch norm in every layer except the
    last.
    """
    channels = widths_of(shape)[::-1]
    layers = _enlarge(shape, latent_size, channels, partial(double, bias=False))
    return nn.Sequential(*layers, double(channels[-1], shape.channels), nn.Tanh())


def convolutional_discriminator(shape: ImageShape, *, batch_norm: bool) -> nn.Sequential:
    """The real/fake logits of images [N, C, H, W]: LeakyReLU, and optionally batch norm in every layer except the
    first.
    """
    widths = widths_of(shape)
    trunk = halving(shape, widths=widths, batch_norm=batch_norm)
    return nn.Sequential(*trunk, nn.Linear(num_features(shape, widths=widths), 1), Realness())


def widths_of(shape: ImageShape) -> tuple[int, ...]:
    """The channels after each halving, from the image inwards."""
    _, num_halvings = pyramid(shape.size)
    return tuple(BASE_CHANNELS * 2**level for level in range(num_halvings))


def upsampling_generator(shape: ImageShape, *, input_size: int) -> nn.Sequential:
    """Maps [N, input_size] to images [N, C, H, W] in [-1, 1]: batch norm and ReLU in every layer except the last.

    From the pyramid's start each size is doubled by nearest neighbours and convolved, 3x3, to half the channels.
    """
    channels = widths_of(shape)[::-1]
    last_width = channels[-1] // 2
    layers = _enlarge(shape, input_size, (*channels, last_width), partial(DoubledConvolution, bias=False))
    last = Convolution(last_width, shape.channels, kernel_size=3, padding=1)
    return nn.Sequential(*layers, last, nn.Tanh())


def _enlarge(
    shape: ImageShape, input_size: int, channels: tuple[int, ...], layer: Callable[[int, int], nn.Module]
) -> list[nn.Module]:
    """Layers from [N, input_size] to maps of the pyramid's start, and on to twice the size by each `layer`.

    Batch norm and ReLU follow each.
    """
    start, _ = pyramid(shape.size)
    first = nn.Linear(input_size, channels[0] * start**2, bias=False)
    layers: list[nn.Module] = [first, UnflattenMaps(channels[0], start), nn.BatchNorm2d(channels[0]), nn.ReLU()]
    for inputs, outputs in pairwise(channels):
        layers += [layer(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU()]
    return layers
