"""The three networks that scripts for MNIST are mostly written with, as variants: what the loops are measured on.

The same layers as in the widely copied scripts: a fully connected GAN, a convolutional one that enlarges by
repeating pixels, and a fully connected WGAN-GP; batches of 64 and Adam at 2e-4, as there. The dropout of the
second's discriminator is left out.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from torch import nn

from gan_study.trainables.base.layers import Convolution, DoubledConvolution, FlattenMaps, Leaky, UnflattenMaps
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY, WASSERSTEIN
from gan_study.trainables.gans.networks.fully_connected import fully_connected_discriminator
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variant import GanSettings, GanVariant, IgnoreLabels, Networks, Realness, Term

SETTINGS = GanSettings(
    epochs=1, learning_rate=2e-4, beta1=0.5, beta2=0.999, batch_size=64, latent_size=100, discriminator_steps=1
)


def _dense_generator(shape: ImageShape, latent_size: int) -> nn.Module:
    """100 -> 128 -> 256 -> 512 -> 1024 -> 784; batch norm behind all layers but the first and the last."""
    sizes = (latent_size, 128, 256, 512, 1024)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        norm = [nn.BatchNorm1d(outputs)] if layers else []
        layers += [nn.Linear(inputs, outputs), *norm, Leaky()]
    image = nn.Unflatten(1, (shape.channels, shape.size, shape.size))
    return nn.Sequential(*layers, nn.Linear(sizes[-1], shape.num_values), nn.Tanh(), image)


def _dense(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The discriminator: 784 -> 512 -> 256 -> 1."""
    judge = fully_connected_discriminator(input_size=shape.num_values, hidden_sizes=(512, 256))
    return Networks(
        generator=IgnoreLabels(_dense_generator(shape, latent_size)), discriminator=IgnoreLabels(judge)
    )


def _convolutional(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """Twice doubled from a quarter of the size; halved as often as it goes, by 3x3 kernels of 16, 32, 64, 128."""
    start = shape.size // 4
    generator = nn.Sequential(
        nn.Linear(latent_size, 128 * start**2),
        UnflattenMaps(128, start),
        nn.BatchNorm2d(128),
        DoubledConvolution(128, 128),
        nn.BatchNorm2d(128),
        Leaky(),
        DoubledConvolution(128, 64),
        nn.BatchNorm2d(64),
        Leaky(),
        Convolution(64, shape.channels, kernel_size=3, padding=1),
        nn.Tanh(),
    )
    widths, size = (shape.channels, 16, 32, 64, 128), shape.size
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        norm = [nn.BatchNorm2d(outputs)] if layers else []
        layers += [Convolution(inputs, outputs, kernel_size=3, stride=2, padding=1), Leaky(), *norm]
        size = -(-size // 2)
    judge = nn.Sequential(*layers, FlattenMaps(), nn.Linear(widths[-1] * size**2, 1), Realness())
    return Networks(generator=IgnoreLabels(generator), discriminator=IgnoreLabels(judge))


def _variant(name: str, **parts: object) -> GanVariant:
    return GanVariant(name=name, summary="for measuring", source="widely copied scripts", **parts)  # type: ignore[arg-type]


ARCHITECTURES: Mapping[str, GanVariant] = {
    variant.name: variant
    for variant in (
        _variant("mlp_gan", networks=_dense, loss=CROSS_ENTROPY, defaults=SETTINGS),
        _variant("upsampling_dcgan", networks=_convolutional, loss=CROSS_ENTROPY, defaults=SETTINGS),
        _variant(
            "mlp_wgan_gp",
            networks=_dense,
            loss=WASSERSTEIN,
            discriminator_terms=(Term(name="gradient_penalty", function=gradient_penalty),),
            defaults=replace(SETTINGS, discriminator_steps=5, weights={"gradient_penalty": 10.0}),
        ),
    )
}
