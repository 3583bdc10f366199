"""The conditional GAN of the animal report: up-sampling, spectral norm and gradient penalty.

The document names the latent size and the kinds of layers, but no sizes, loss or rate: the loss is the
cross-entropy of its first GAN, and so are Adam's settings.
"""

from dataclasses import replace

from gan_study.trainables.base.layers import draw_normal
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import ConcatenateLabels, StackLabels
from gan_study.trainables.gans.networks.convolutional import convolutional_discriminator, upsampling_generator
from gan_study.trainables.gans.networks.spectral_norm import normalise_spectrally
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, Networks, Term

# A tenth of the latent values, as in the fully connected CGAN.
LABEL_SIZE = 10


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The label is a vector beside the latent, and one more channel of the image."""
    generator = upsampling_generator(shape, input_size=latent_size + LABEL_SIZE)
    with_label_map = ImageShape(size=shape.size, channels=shape.channels + 1)
    discriminator = convolutional_discriminator(with_label_map, batch_norm=False)
    return Networks(
        generator=ConcatenateLabels(draw_normal(generator), num_classes=num_classes, label_size=LABEL_SIZE),
        # Not the labels' own channel: its largest singular value grows with the image, and would leave next to
        # nothing of it.
        discriminator=StackLabels(normalise_spectrally(discriminator), num_classes=num_classes, size=shape.size),
    )


CGAN_SNGP = GanVariant(
    name="cgan_sngp",
    summary="convolutional, conditional, with spectral norm and a gradient penalty; one GAN for all classes",
    source="the animal report; Miyato et al. 2018, arXiv:1802.05957; Gulrajani et al. 2017",
    defaults=replace(
        DEFAULTS,
        # Many steps: at equal cost the zeros of MNIST, 60 of 6,000 images, were rings with 8, and smears with 64.
        batch_size=8,
        weights={"gradient_penalty": 10.0},
    ),
    networks=_networks,
    loss=CROSS_ENTROPY,
    discriminator_terms=(Term(name="gradient_penalty", function=gradient_penalty),),
    conditional=True,
)
