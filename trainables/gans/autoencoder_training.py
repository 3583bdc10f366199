"""Autoencoders, trained before a GAN so that its networks begin with what they have learned."""

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from gan_study.trainables.base.batches import index_batches
from gan_study.trainables.gans.networks.initialisation import DCGAN_DEVIATION
from gan_study.trainables.gans.sampling import SAMPLING_BATCH
from gan_study.trainables.gans.variant import GanSettings, TrainingData

# Of (made, original) images to a scalar.
ReconstructionLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Draw(Protocol):
    """Fills a weight in place, from `generator`."""

    def __call__(self, tensor: Tensor, *, generator: torch.Generator) -> Tensor:
        """The weight that was given."""
        ...


_NORMAL: Draw = partial(nn.init.normal_, std=DCGAN_DEVIATION)
# Holds no state, so that one serves all.
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
    """Trains `encoder(images)` and `decoder(encodings, labels)` in place to give the images back.

    With the GAN's optimiser and batch size, for `warm_start_epochs` passes over all images as they occur: a rare
    class is seen as rarely as it is (Mariani et al. 2018, section 3).
    """
    optimiser = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()],
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=True,
    )
    num_steps = settings.warm_start_epochs * math.ceil(len(data.images) / settings.batch_size)
    batches = index_batches(len(data.images), settings.batch_size, random)
    for _, batch in zip(range(num_steps), batches, strict=False):
        images, labels = data.images[batch], data.labels[batch]
        optimiser.zero_grad(set_to_none=True)
        loss(decoder(encoder(images), labels), images).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@torch.no_grad()
def encoded(encoder: nn.Module, images: Tensor) -> Tensor:
    """The encodings [N, L] of images [N, C, H, W]."""
    return torch.cat([encoder(batch) for batch in torch.split(images, SAMPLING_BATCH)])


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

    The layer is on the device of `random` and in the trunk's precision; `draw` fills its weights from there, with
    N(0, 0.02) if not told otherwise, and its biases are 0. `activation` follows it.
    """
    precision = next(trunk.parameters()).dtype
    # Made without weights, because PyTorch draws those from the global random state.
    layer = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, num_features, latent_size, device=random.device, dtype=precision
    )
    draw(layer.weight, generator=random)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(trunk, layer, activation)
