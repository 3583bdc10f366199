"""The GAN whose discriminator is held to slope 1 around the real images."""

from torch import nn

from trainables.data.images import ImageShape
from trainables.gans.networks.conditioning import IgnoreLabels
from trainables.gans.networks.convolutional import convolutional_discriminator, convolutional_generator
from trainables.gans.networks.initialisation import draw_normal
from trainables.gans.objectives import CROSS_ENTROPY
from trainables.gans.penalties import dragan_penalty
from trainables.gans.variant import GanSettings, GanVariant, Networks, Term


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The DCGAN's, but no batch norm in the discriminator: the penalty is on the gradient for each image alone."""
    generator = convolutional_generator(shape, latent_size=latent_size, activation=nn.ReLU)
    discriminator = convolutional_discriminator(shape, batch_norm=False)
    return Networks(
        generator=IgnoreLabels(draw_normal(generator)), discriminator=IgnoreLabels(draw_normal(discriminator))
    )


DRAGAN = GanVariant(
    name="dragan",
    summary="cross-entropy with a gradient penalty around the real images, convolutional, one for each rare class",
    source="Kodali et al. 2017, arXiv:1705.07215",
    defaults=GanSettings(
        epochs=80,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.999,
        batch_size=32,
        latent_size=100,
        discriminator_steps=1,
        weights={"gradient_penalty": 10.0},
    ),
    networks=_networks,
    loss=CROSS_ENTROPY,
    discriminator_terms=(Term(name="gradient_penalty", function=dragan_penalty),),
)
