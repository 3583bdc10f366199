"""Convolutional bodies of generators and discriminators, for every image size that a pyramid can reach.

As in Radford et al. 2015: 4x4 kernels of stride 2 instead of pooling, and twice the channels at half the size.
"""

from collections.abc import Callable
from itertools import pairwise

from torch import nn

from gan_study.trainables.base.flatten import UnflattenMaps
from gan_study.trainables.data.image_size import pyramid
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.conditioning import IgnoreLabels, Realness
from gan_study.trainables.gans.networks.initialisation import draw_normal
from gan_study.trainables.gans.networks.pyramids import double, halving, num_features
from gan_study.trainables.gans.variant import MakeNetworks, Networks

# Channels at the largest size, a quarter of Radford's: the images are small, a class has some hundred of them, and
# a trial has to end within a minute on one core.
BASE_CHANNELS = 32


def convolutional_networks(*, discriminator_norm: bool) -> MakeNetworks:
    """Makes DCGAN's generator and its discriminator, this with batch norm or not; neither is told the class."""

    def networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
        generator = convolutional_generator(shape, latent_size=latent_size, activation=nn.ReLU)
        discriminator = convolutional_discriminator(shape, batch_norm=discriminator_norm)
        return Networks(
            generator=IgnoreLabels(draw_normal(generator)), discriminator=IgnoreLabels(draw_normal(discriminator))
        )

    return networks


def convolutional_generator(
    shape: ImageShape, *, latent_size: int, activation: Callable[[], nn.Module]
) -> nn.Sequential:
    """Maps latents [N, latent_size] to images [N, C, H, W] in [-1, 1]: batch norm in every layer but the last."""
    start, _ = pyramid(shape.size)
    channels = widths_of(shape)[::-1]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, channels[0] * start**2, bias=False),
        UnflattenMaps(channels[0], start),
        nn.BatchNorm2d(channels[0]),
        activation(),
    ]
    for inputs, outputs in pairwise(channels):
        layers += [double(inputs, outputs, bias=False), nn.BatchNorm2d(outputs), activation()]
    return nn.Sequential(*layers, double(channels[-1], shape.channels), nn.Tanh())


def convolutional_discriminator(shape: ImageShape, *, batch_norm: bool) -> nn.Sequential:
    """Judges how real images [N, C, H, W] are: LeakyReLU, and if asked batch norm in every layer but the first."""
    widths = widths_of(shape)
    trunk = halving(shape, widths=widths, batch_norm=batch_norm)
    return nn.Sequential(*trunk, nn.Linear(num_features(shape, widths=widths), 1), Realness())


def widths_of(shape: ImageShape) -> tuple[int, ...]:
    """The channels after each halving, from the image inwards."""
    _, num_halvings = pyramid(shape.size)
    return tuple(BASE_CHANNELS * 2**level for level in range(num_halvings))
