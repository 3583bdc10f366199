"""The balancing GAN with gradient penalty: starts from a class-conditional autoencoder."""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import l1_loss

from gan_study.trainables.base.layers import Leaky, draw_normal
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.autoencoder_training import encoder_on, train_autoencoder
from gan_study.trainables.gans.label_losses import mismatched_label
from gan_study.trainables.gans.losses import CROSS_ENTROPY
from gan_study.trainables.gans.networks.conditioning import ScaleByLabels
from gan_study.trainables.gans.networks.convolutional import doubling, halving, num_features
from gan_study.trainables.gans.penalties import gradient_penalty
from gan_study.trainables.gans.variant import (
    DEFAULTS,
    GanSettings,
    GanVariant,
    Networks,
    Realness,
    Term,
    TrainingData,
)

# These and the other sizes are those of the authors' code.
WIDTHS = (64, 128, 128, 256)
LABEL_SIZE = 512
HIDDEN_SIZE = 512
# Keras' first values of an embedding are U(-0.05, 0.05). They matter: the autoencoder makes up for them by large
# encodings, so that latents from N(0, 1) begin as small ones, and make the mean image instead of noise.
LARGEST_FIRST_VALUE = 0.05


def _networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """Latent and features are each multiplied by learned values of the label."""
    features = num_features(shape, widths=WIDTHS)
    generator = ScaleByLabels(
        nn.Identity(),
        doubling(shape, latent_size=latent_size, widths=WIDTHS),
        scale=nn.Embedding(num_classes, latent_size),
    )
    discriminator = ScaleByLabels(
        halving(shape, widths=WIDTHS),
        # No activation between the two layers: as in the authors' code.
        nn.Sequential(nn.Linear(features, HIDDEN_SIZE), nn.Linear(HIDDEN_SIZE, 1), Realness()),
        scale=nn.Sequential(nn.Embedding(num_classes, LABEL_SIZE), nn.Linear(LABEL_SIZE, features), Leaky()),
    )
    return Networks(generator=_drawn(generator), discriminator=_drawn(discriminator))


def _drawn(network: nn.Module) -> nn.Module:
    """`network` with the first weights of the authors' code: convolutions N(0, 0.02), all else as Keras has it."""
    draw_normal(network)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -LARGEST_FIRST_VALUE, LARGEST_FIRST_VALUE)
    return network


def _warm_start(networks: Networks, data: TrainingData, settings: GanSettings, random: torch.Generator) -> None:
    """Trains the generator as a class-conditional decoder; the encoder is discarded.

    The discriminator has the encoder's layers, but starts from scratch.
    """
    discriminator = networks.discriminator
    assert isinstance(discriminator, ScaleByLabels)
    encoder = encoder_on(
        deepcopy(discriminator.before),
        num_features=num_features(data.shape, widths=WIDTHS),
        latent_size=settings.latent_size,
        random=random,
        draw=nn.init.xavier_uniform_,
        activation=Leaky(),
    )
    train_autoencoder(encoder, networks.generator, data, settings, loss=l1_loss, random=random)


BAGAN_GP = GanVariant(
    name="bagan_gp",
    summary="starts as a labelled autoencoder, with a gradient penalty; one GAN for all classes",
    source="Huang and Jafari 2021, doi:10.1007/s00521-021-06163-8, as in its code",
    defaults=replace(
        DEFAULTS,
        # As in the authors' code: 100 epochs with one generator step a batch are 5,800 generator steps on their
        # imbalanced Fashion-MNIST. What differs is in the loop that all variants share: each discriminator step
        # has a batch of its own (there five have one), of uniformly drawn classes (there as they occur), and fakes
        # have the labels of the real images (there labels of their own).
        # On one core a generator step at 28 pixels takes over a second: smaller batches and one discriminator step
        # are the settings to change there.
        generator_steps=5800,
        most_generator_steps=None,
        beta2=0.9,
        batch_size=128,
        latent_size=128,
        discriminator_steps=5,
        weights={"gradient_penalty": 10.0, "mismatched_label": 1.0},
        warm_start_epochs=30,
    ),
    networks=_networks,
    loss=CROSS_ENTROPY,
    discriminator_terms=(
        # The authors' code draws the share of real and fake from a normal distribution; here it is uniform, as in
        # the paper that the penalty comes from.
        Term(name="gradient_penalty", function=gradient_penalty),
        Term(name="mismatched_label", function=mismatched_label),
    ),
    conditional=True,
    warm_start=_warm_start,
)
