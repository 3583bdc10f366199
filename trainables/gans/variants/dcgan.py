"""The deep convolutional GAN; with 3 x 64 x 64 values an image it is the "Vanilla GAN" of document 002."""

from torch import nn

from trainables.data.images import ImageShape
from trainables.gans.networks.conditioning import IgnoreLabels
from trainables.gans.networks.convolutional import convolutional_discriminator, convolutional_generator
from trainables.gans.networks.initialisation import draw_normal
from trainables.gans.objectives import CROSS_ENTROPY
from trainables.gans.variant import GanSettings, GanVariant, Networks


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    generator = convolutional_generator(shape, latent_size=latent_size, activation=nn.ReLU)
    discriminator = convolutional_discriminator(shape, batch_norm=True)
    return Networks(
        generator=IgnoreLabels(draw_normal(generator)), discriminator=IgnoreLabels(draw_normal(discriminator))
    )


DCGAN = GanVariant(
    name="dcgan",
    summary="transposed convolutions with batch norm, cross-entropy, one for each rare class",
    source="Radford et al. 2015, arXiv:1511.06434; settings of the study's document 002",
    defaults=GanSettings(
        epochs=40,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.999,
        batch_size=32,
        latent_size=100,
        discriminator_steps=1,
    ),
    networks=_networks,
    loss=CROSS_ENTROPY,
)
