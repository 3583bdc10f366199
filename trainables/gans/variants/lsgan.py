"""The least-squares GAN."""

from trainables.data.images import ImageShape
from trainables.gans.networks.conditioning import IgnoreLabels
from trainables.gans.networks.fully_connected import fully_connected_discriminator, fully_connected_generator
from trainables.gans.objectives import LEAST_SQUARES
from trainables.gans.variant import GanSettings, GanVariant, Networks


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """Fully connected, as in document 002, which states no widths: those of document 000's vanilla GAN."""
    generator = fully_connected_generator(shape, input_size=latent_size, hidden_sizes=(256, 512), batch_norm=True)
    discriminator = fully_connected_discriminator(input_size=shape.num_values, hidden_sizes=(512, 256))
    return Networks(generator=IgnoreLabels(generator), discriminator=IgnoreLabels(discriminator))


LSGAN = GanVariant(
    name="lsgan",
    summary="fully connected, least squares in place of cross-entropy, one for each rare class",
    source="Mao et al. 2017, arXiv:1611.04076; the kinds of layers of the study's document 002",
    defaults=GanSettings(
        epochs=200,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.999,
        batch_size=32,
        latent_size=100,
        discriminator_steps=1,
    ),
    networks=_networks,
    loss=LEAST_SQUARES,
)
