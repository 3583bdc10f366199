"""Fully connected bodies of generators and discriminators."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn

from gan_study.trainables.base.layers import Leaky
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.variant import IgnoreLabels, MakeNetworks, Networks, Realness


def fully_connected_networks(*, hidden_sizes: tuple[int, ...], batch_norm: bool) -> MakeNetworks:
    """Makes a generator with these hidden layers, with or without batch norm, and a discriminator with the same
    layers reversed.

    Neither is conditional.
    """

    def networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
        generator = fully_connected_generator(
            shape, input_size=latent_size, hidden_sizes=hidden_sizes, batch_norm=batch_norm
        )
        discriminator = fully_connected_discriminator(input_size=shape.num_values, hidden_sizes=hidden_sizes[::-1])
        return Networks(generator=IgnoreLabels(generator), discriminator=IgnoreLabels(discriminator))

    return networks


def fully_connected_generator(
    shape: ImageShape, *, input_size: int, hidden_sizes: tuple[int, ...], batch_norm: bool
) -> nn.Sequential:
    """Maps [N, input_size] to images [N, C, H, W] in [-1, 1]: ReLU between the layers, tanh at the end."""
    return nn.Sequential(
        *_hidden((input_size, *hidden_sizes), nn.ReLU, batch_norm=batch_norm),
        nn.Linear(hidden_sizes[-1], shape.num_values),
        nn.Tanh(),
        nn.Unflatten(1, (shape.channels, shape.size, shape.size)),
    )


def fully_connected_discriminator(*, input_size: int, hidden_sizes: tuple[int, ...]) -> nn.Sequential:
    """The real/fake logits of inputs with `input_size` values, [N, ...]: LeakyReLU between the layers."""
    return nn.Sequential(
        nn.Flatten(),
        *_hidden((input_size, *hidden_sizes), Leaky, batch_norm=False),
        nn.Linear(hidden_sizes[-1], 1),
        Realness(),
    )


def _hidden(sizes: tuple[int, ...], activation: Callable[[], nn.Module], *, batch_norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        normalisation = [nn.BatchNorm1d(outputs)] if batch_norm else []
        layers += [nn.Linear(inputs, outputs), *normalisation, activation()]
    return layers
