"""The Wasserstein GAN with gradient penalty."""

from torch import nn

from trainables.data.images import ImageShape
from trainables.gans.networks.conditioning import IgnoreLabels
from trainables.gans.networks.convolutional import convolutional_discriminator, convolutional_generator
from trainables.gans.networks.fully_connected import LEAK
from trainables.gans.networks.initialisation import draw_xavier
from trainables.gans.objectives import WASSERSTEIN
from trainables.gans.penalties import gradient_penalty
from trainables.gans.variant import GanSettings, GanVariant, Networks, Term


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The critic has no batch norm: the penalty is on the gradient for each image by itself (section 4)."""
    generator = convolutional_generator(shape, latent_size=latent_size, activation=lambda: nn.LeakyReLU(LEAK))
    critic = convolutional_discriminator(shape, batch_norm=False)
    return Networks(
        generator=IgnoreLabels(draw_xavier(generator)), discriminator=IgnoreLabels(draw_xavier(critic))
    )


WGAN_GP = GanVariant(
    name="wgan_gp",
    summary="Wasserstein loss with a gradient penalty, convolutional, one for each rare class",
    source="Gulrajani et al. 2017, arXiv:1704.00028",
    defaults=GanSettings(
        epochs=40,
        # Five times the paper's 1e-4, which is meant for 200,000 generator steps. Some hundred images give some
        # hundred steps, too few at 1e-4 to unlearn the noise that Xavier weights start with.
        learning_rate=5e-4,
        beta1=0.5,
        beta2=0.9,
        batch_size=16,
        latent_size=128,
        discriminator_steps=5,
        weights={"gradient_penalty": 10.0},
    ),
    networks=_networks,
    loss=WASSERSTEIN,
    discriminator_terms=(Term(name="gradient_penalty", function=gradient_penalty),),
)
