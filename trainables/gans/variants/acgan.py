"""The auxiliary classifier GAN."""

from dataclasses import replace

from torch import nn

from gan_study.trainables.base.layers import draw_normal
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.label_losses import fake_class_loss, real_class_loss
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import ConcatenateLabels, RealnessAndClass
from gan_study.trainables.gans.networks.convolutional import convolutional_generator, halving, num_features
from gan_study.trainables.gans.variant import DEFAULTS, GanVariant, IgnoreLabels, Networks, Term

# Odena et al. 2017, table 2: with the 100 values of noise, the generator's input is 110.
LABEL_SIZE = 10
DISCRIMINATOR_WIDTHS = (32, 64, 128, 256)


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """The discriminator does not get the label: it has to predict it."""
    generator = convolutional_generator(shape, latent_size=latent_size + LABEL_SIZE)
    discriminator = nn.Sequential(
        halving(shape, widths=DISCRIMINATOR_WIDTHS, batch_norm=True),
        nn.Linear(num_features(shape, widths=DISCRIMINATOR_WIDTHS), 1 + num_classes),
        RealnessAndClass(),
    )
    return Networks(
        generator=ConcatenateLabels(draw_normal(generator), num_classes=num_classes, label_size=LABEL_SIZE),
        discriminator=IgnoreLabels(draw_normal(discriminator)),
    )


ACGAN = GanVariant(
    name="acgan",
    summary="convolutional, with a discriminator that also classifies; one GAN for all classes",
    source="Odena et al. 2017, arXiv:1610.09585, but the discriminator learns classes only from real images",
    defaults=replace(DEFAULTS, weights={"classification": 1.0}),
    networks=_networks,
    loss=CROSS_ENTROPY,
    # In the paper the discriminator's classifier learns from generated images too. Then the networks may agree on
    # wrong ones: after 12 epochs of Fashion-MNIST sneakers were made to look like shirts, and both were content.
    discriminator_terms=(Term(name="classification", function=real_class_loss),),
    generator_terms=(Term(name="classification", function=fake_class_loss),),
    conditional=True,
)
