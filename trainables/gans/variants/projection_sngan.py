"""The spectrally normalised GAN with a projection discriminator."""

from dataclasses import replace

from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import HINGE
from gan_study.trainables.gans.networks.conditioning import ProjectLabels
from gan_study.trainables.gans.networks.convolutional import channels_of
from gan_study.trainables.gans.networks.residual import ResidualGenerator, residual_features
from gan_study.trainables.gans.networks.spectral_norm import normalise_spectrally
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, Networks

# Channels of both networks from the image inwards; the papers' CIFAR-10 networks have 256 and 128 at every size.
WIDTHS = (16, 32, 64)


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    num_features = channels_of(shape, WIDTHS)[-1]
    discriminator = ProjectLabels(
        residual_features(shape, widths=WIDTHS),
        embedding=nn.Embedding(num_classes, num_features),
        verdict=nn.Linear(num_features, 1),
    )
    return Networks(
        generator=ResidualGenerator(shape, latent_size=latent_size, num_classes=num_classes, widths=WIDTHS),
        discriminator=normalise_spectrally(discriminator),
    )


PROJECTION_SNGAN = GanVariant(
    name="projection_sngan",
    summary="hinge loss, spectral norm, the class by projection, residual networks; one GAN for all classes",
    source="Miyato et al. 2018, arXiv:1802.05957; Miyato and Koyama 2018, arXiv:1802.05637",
    defaults=replace(
        DEFAULTS,
        # The papers: five discriminator steps of 64 images to a generator step, at 2e-4, for 50,000 generator
        # steps. Here some 2,000 have to do, at ten times the rate: of 6,000 MNIST images, 60 of them zeros, 0.90
        # were then of their class after four epochs (of the zeros 0.98), and 0.26 at 5e-4.
        learning_rate=2e-3,
        beta1=0.0,
        beta2=0.9,
        batch_size=16,
        latent_size=128,
    ),
    networks=_networks,
    loss=HINGE,
    conditional=True,
)
