"""The balancing GAN: starts as an autoencoder, and draws its latents from a Gaussian for each class."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import mse_loss

from gan_study.trainables.base.layers import draw_normal
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.autoencoder_training import encode, encoder_on, train_autoencoder
from gan_study.trainables.gans.label_losses import fake_class_loss, real_class_loss
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.class_gaussians import ClassGaussians
from gan_study.trainables.gans.networks.conditioning import ClassOrFake
from gan_study.trainables.gans.networks.convolutional import doubling, halving, num_features
from gan_study.trainables.gans.variant import (
    DEFAULTS,
    GanSettings,
    GanVariant,
    IgnoreLabels,
    Networks,
    Term,
    TrainingData,
)

# Half those of BAGAN-GP, for one core.
WIDTHS = (32, 64, 64, 128)


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    decoder = draw_normal(doubling(shape, latent_size=latent_size, widths=WIDTHS))
    trunk = halving(shape, widths=WIDTHS)
    head = nn.Linear(num_features(shape, widths=WIDTHS), num_classes + 1)
    discriminator = draw_normal(nn.Sequential(trunk, head, ClassOrFake()))
    return Networks(
        generator=ClassGaussians(decoder, num_classes=num_classes, latent_size=latent_size),
        discriminator=IgnoreLabels(discriminator),
    )


def _warm_start(networks: Networks, data: TrainingData, settings: GanSettings, random: torch.Generator) -> None:
    """Trains the generator's body and the discriminator's trunk as an autoencoder, then fits the Gaussians."""
    generator, discriminator = networks.generator, networks.discriminator
    assert isinstance(generator, ClassGaussians)
    assert isinstance(discriminator, IgnoreLabels) and isinstance(discriminator.body, nn.Sequential)
    trunk, decoder = discriminator.body[0], IgnoreLabels(generator.body)
    encoder = encoder_on(
        trunk,
        num_features=num_features(data.shape, widths=WIDTHS),
        latent_size=settings.latent_size,
        random=random,
    )
    train_autoencoder(encoder, decoder, data, settings, loss=mse_loss, random=random)
    generator.fit(encode(encoder, data.images), data.labels)


BAGAN = GanVariant(
    name="bagan",
    summary="starts as an autoencoder, latents from a Gaussian for each class; one GAN for all classes",
    source="Mariani et al. 2018, arXiv:1803.09655; the layers of BAGAN-GP at half the width",
    defaults=replace(DEFAULTS, batch_size=64, weights={"classification": 1.0}, warm_start_epochs=10),
    networks=_networks,
    # With the class terms at weight 1 this is the cross-entropy of K + 1 classes (see ClassOrFake). Fakes count as
    # much as real images and real classes are drawn uniformly; the authors' batches have one fake in K + 1 images,
    # and the real ones as they occur.
    loss=CROSS_ENTROPY,
    discriminator_terms=(Term(name="classification", function=real_class_loss),),
    generator_terms=(Term(name="classification", function=fake_class_loss),),
    conditional=True,
    warm_start=_warm_start,
)
