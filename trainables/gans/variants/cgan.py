"""The conditional GAN: one for all classes."""

from torch import nn

from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import ConcatenateBeforeLinear, ConcatenateLabels
from gan_study.trainables.gans.networks.fully_connected import (
    fully_connected_discriminator,
    fully_connected_generator,
)
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, Networks

# A tenth of the latent values. With as many as in the discriminator the generator followed the label alone: it
# made one and the same image of a class.
GENERATOR_LABEL_SIZE = 10
# Mirza and Osindero 2014, section 4.1: the discriminator's layer for the label has 50 units.
DISCRIMINATOR_LABEL_SIZE = 50


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    generator = fully_connected_generator(
        shape, input_size=latent_size + GENERATOR_LABEL_SIZE, hidden_sizes=(256, 512), batch_norm=True
    )
    _flatten, first, *others = fully_connected_discriminator(
        input_size=shape.num_values + DISCRIMINATOR_LABEL_SIZE, hidden_sizes=(512, 256)
    )
    assert isinstance(first, nn.Linear)
    return Networks(
        generator=ConcatenateLabels(generator, num_classes=num_classes, label_size=GENERATOR_LABEL_SIZE),
        discriminator=ConcatenateBeforeLinear(
            first, nn.Sequential(*others), num_classes=num_classes, label_size=DISCRIMINATOR_LABEL_SIZE
        ),
    )


CGAN = GanVariant(
    name="cgan",
    summary="fully connected, conditional on the class by a learned vector; one GAN for all classes",
    source="Mirza and Osindero 2014, arXiv:1411.1784; layers and learning rate of the X-ray report",
    # Its images stay far behind real ones up to 4,000 steps, on two sets (docs/gan_length.md).
    defaults=DEFAULTS,
    networks=_networks,
    loss=CROSS_ENTROPY,
    conditional=True,
)
