"""The deep convolutional GAN; for images of 3 x 64 x 64 values it is the "Vanilla GAN" of the X-ray report."""

from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.convolutional import convolutional_networks
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant

DCGAN = GanVariant(
    name="dcgan",
    summary="transposed convolutions with batch norm, cross-entropy; one GAN for each rare class",
    source="Radford et al. 2015, arXiv:1511.06434; settings of the X-ray report",
    # From 1,500 steps on its images teach a classifier about as much as real ones, on each of three sets
    # (docs/gan_length.md).
    defaults=DEFAULTS,
    networks=convolutional_networks(discriminator_norm=True),
    loss=CROSS_ENTROPY,
)
