"""The modern baseline: a relativistic loss with two gradient penalties, without tricks."""

from dataclasses import replace

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import RELATIVISTIC
from gan_study.trainables.gans.networks.conditioning import ProjectLabels
from gan_study.trainables.gans.networks.plain_residual import (
    PlainGenerator,
    class_vectors,
    plain_channels,
    plain_features,
)
from gan_study.trainables.gans.penalties import r1, r2
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, Networks, Term

# Channels at each size, from the image's own inwards; the paper's CIFAR-10 networks have 768 at every size.
WIDTHS = (16, 32, 64)


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The class as in the paper's CIFAR-10 networks: beside the latent, and as a projection of the features."""
    num_features = plain_channels(shape, WIDTHS)[-1]
    return Networks(
        generator=PlainGenerator(shape, latent_size=latent_size, num_classes=num_classes, widths=WIDTHS),
        discriminator=ProjectLabels(
            plain_features(shape, widths=WIDTHS),
            embedding=class_vectors(num_classes, num_features, gain=num_features**-0.5),
        ),
    )


R3GAN = GanVariant(
    name="r3gan",
    summary="relativistic loss with R1 and R2 penalties, no normalisation; one GAN for all classes",
    source="Huang et al. 2024, arXiv:2501.05441",
    defaults=replace(
        DEFAULTS,
        # Small batches at more than the paper's 2e-4, which is for far wider networks: the penalties make a step
        # dear, so that recognisable images have to come within few of them.
        learning_rate=5e-4,
        beta1=0.0,
        beta2=0.99,
        batch_size=16,
        latent_size=64,
        # gamma with which the authors' CIFAR-10 training begins. At 1 clothes came out as little but outlines.
        weights={"r1": 0.05, "r2": 0.05},
    ),
    networks=_networks,
    loss=RELATIVISTIC,
    discriminator_terms=(Term(name="r1", function=r1), Term(name="r2", function=r2)),
    conditional=True,
)
