"""Autoencoders, trained before a GAN to initialise its networks."""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from gan_study.trainables.base.layers import DCGAN_DEVIATION
from gan_study.trainables.base.seeding import index_batches
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.gans.sampling import SAMPLING_BATCH
from gan_study.trainables.gans.trainer import adam, descend
from gan_study.trainables.gans.variant import GanSettings, TrainingData

# (made, original) images -> a scalar.
ReconstructionLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


# Fills a weight in place and returns it; draws from its argument `generator`.
Draw: TypeAlias = Callable[..., Tensor]
_NORMAL: Draw = partial(nn.init.normal_, std=DCGAN_DEVIATION)
_IDENTITY = nn.Identity()


def train_autoencoder(
    encoder: nn.Module,
    decoder: nn.Module,
    data: TrainingData,
    settings: GanSettings,
    *,
    loss: ReconstructionLoss,
    random: torch.Generator,
) -> None:
    """Trains `encoder(images)` and `decoder(encodings, labels)` in place to reconstruct the images.

    With the GAN's optimiser and batch size, for `warm_start_epochs` passes over all images, where rare classes are
    as rare as in the data (Mariani et al. 2018, section 3).
    """
    optimiser = adam([*encoder.parameters(), *decoder.parameters()], settings)
    num_steps = settings.warm_start_epochs * math.ceil(len(data.images) / settings.batch_size)
    batches = index_batches(len(data.images), settings.batch_size, random)
    for _, batch in zip(range(num_steps), batches, strict=False):
        images, labels = data.images[batch], data.labels[batch]
        descend(optimiser, loss(decoder(encoder(images), labels), images))


@torch.no_grad()
def encode(encoder: nn.Module, images: Images) -> Tensor:
    """The encodings [N, L] of images [N, C, H, W]."""
    return torch.cat([encoder(batch) for batch in images.split(SAMPLING_BATCH)])


def encoder_on(
    trunk: nn.Module,
    *,
    num_features: int,
    latent_size: int,
    random: torch.Generator,
    draw: Draw = _NORMAL,
    activation: nn.Module = _IDENTITY,
) -> nn.Module:
    """`trunk` with a new linear layer from its features [N, num_features] to encodings [N, latent_size].

    The layer is on the device of `random` and in the trunk's precision; `draw` fills its weights from `random`, by
    default with N(0, 0.02), and its biases are 0. `activation` follows it.
    """
    precision = next(trunk.parameters()).dtype
    # Made without weights, because PyTorch draws those from the global random state.
    layer = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, num_features, latent_size, device=random.device, dtype=precision
    )
    draw(layer.weight, generator=random)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(trunk, layer, activation)
