"""The GAN whose discriminator is regularised to slope 1 around the real images."""

from dataclasses import replace

from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.convolutional import convolutional_networks
from gan_study.trainables.gans.penalties import dragan_penalty
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, Term

DRAGAN = GanVariant(
    name="dragan",
    summary="cross-entropy with a gradient penalty around the real images, convolutional; one GAN for "
    "each rare class",
    source="Kodali et al. 2017, arXiv:1705.07215",
    defaults=replace(DEFAULTS, weights={"gradient_penalty": 10.0}),
    # No batch norm in the discriminator: the penalty is on the gradient for each image alone.
    networks=convolutional_networks(discriminator_norm=False),
    loss=CROSS_ENTROPY,
    discriminator_terms=(Term(name="gradient_penalty", function=dragan_penalty),),
)
