"""Images from a generator: any number after training, and a few during training as snapshots.

Snapshots are always made from the same latents.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor, nn

from gan_study.trainables.base.seeding import derive_seed, torch_generator
from gan_study.trainables.data.byte_images import to_bytes

# Large enough that a batch costs more than its launch, small enough for the activations of 64x64 images.
SAMPLING_BATCH = 512


@torch.no_grad()
def sample(
    generator: nn.Module, labels: Tensor, latent_size: int, *, seed: int, batch: int = SAMPLING_BATCH
) -> Tensor:
    """One image for each of `labels` [N], as [N, C, H, W] in [-1, 1] on their device, `batch` at a time.

    In the precision of its weights, and in evaluation mode, so that no image depends on the others; the mode is
    restored, so that training continues unchanged. Equal seeds give equal latents, for any batch size.
    """
    with evaluating(generator):
        return torch.cat(list(sample_batches(generator, labels, latent_size, seed=seed, batch=batch)))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within the block `network` is in evaluation mode; afterwards its mode is restored."""
    was_training = network.training
    network.eval()
    yield
    network.train(was_training)


@torch.no_grad()
def sample_batches(
    generator: nn.Module, labels: Tensor, latent_size: int, *, seed: int, batch: int = SAMPLING_BATCH
) -> Iterator[Tensor]:
    """The images of `sample`, a batch at a time, from a generator in evaluation mode."""
    random = torch_generator(seed, "latents", device=labels.device)
    latents = torch.randn(len(labels), latent_size, generator=random, device=labels.device)
    latents = latents.to(next((weight.dtype for weight in generator.parameters()), latents.dtype))
    for z, y in zip(torch.split(latents, batch), torch.split(labels, batch), strict=True):
        yield generator(z, y)


# As many images as a strip of pictures as wide as a page can show.
IMAGES_OF_A_CLASS, MOST_CLASSES = 4, 4

# The first snapshot, in generator steps: no image shows anything before.
FIRST_SNAPSHOT = 16

# By generator step, images uint8 [n, C, H, W]: IMAGES_OF_A_CLASS of each of `snapshot_labels`, in order.
Snapshots: TypeAlias = Mapping[int, Tensor]


def has_snapshot(generator_steps: int) -> bool:
    """Whether a snapshot is taken at this step: after 16, 32, 64 steps and so on, whatever the training's
    length.
    """
    return generator_steps >= FIRST_SNAPSHOT and generator_steps & (generator_steps - 1) == 0


def snapshot_labels(labels: Tensor) -> tuple[int, ...]:
    """The labels that snapshots show: the rarest of `labels` [N], ascending."""
    counts = labels.bincount()
    present = torch.nonzero(counts).squeeze(1)
    rarest = torch.argsort(counts[present], stable=True)[:MOST_CLASSES]
    return tuple(sorted(present[rarest].tolist()))


def take_snapshot(generator: nn.Module, labels: Tensor, *, latent_size: int, seed: int) -> Tensor:
    """Images for `snapshot_labels(labels)` as bytes [n, C, H, W]; equal seeds give equal latents."""
    wanted = torch.tensor(snapshot_labels(labels), device=labels.device).repeat_interleave(IMAGES_OF_A_CLASS)
    images = sample(generator, wanted, latent_size, seed=derive_seed(seed, "growth"))
    return torch.from_numpy(to_bytes(images))


def split_by_label(snapshots: Snapshots, labels: Tensor) -> dict[int, Snapshots]:
    """The `snapshots` of each label shown, for training images with `labels` [N]."""
    return {
        label: {step: torch.split(images, IMAGES_OF_A_CLASS)[place] for step, images in snapshots.items()}
        for place, label in enumerate(snapshot_labels(labels))
    }
