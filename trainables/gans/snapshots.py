"""How a GAN's images grew: a few of them on the way, always from the same latents."""

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.data.images import to_bytes
from gan_study.trainables.gans.sampling import sample

# A few of a few classes: what a strip of pictures as wide as a page can show.
IMAGES_OF_A_CLASS, MOST_CLASSES = 4, 4

# By epoch (1-based), images uint8 [n, C, H, W]: IMAGES_OF_A_CLASS of each label of `shown_labels`, in its order.
Growth: TypeAlias = Mapping[int, Tensor]


def is_shown(epoch: int) -> bool:
    """Whether images of an epoch are looked at: of 1, 2, 4, 8 and so on, whatever the training's length."""
    return epoch & (epoch - 1) == 0


def shown_labels(labels: Tensor) -> tuple[int, ...]:
    """The labels whose growth is shown: the rarest of `labels` [N], ascending."""
    counts = labels.bincount()
    present = torch.nonzero(counts).squeeze(1)
    rarest = torch.argsort(counts[present], stable=True)[:MOST_CLASSES]
    return tuple(sorted(present[rarest].tolist()))


def looked_at(generator: nn.Module, labels: Tensor, *, latent_size: int, seed: int) -> Tensor:
    """What `generator` makes for `shown_labels(labels)`, as bytes [n, C, H, W]; equal seeds give equal latents."""
    wanted = torch.tensor(shown_labels(labels), device=labels.device).repeat_interleave(IMAGES_OF_A_CLASS)
    images = sample(generator, wanted, latent_size, seed=derive_seed(seed, "growth"))
    return torch.from_numpy(to_bytes(images))


def by_label(growth: Growth, labels: Tensor) -> dict[int, Growth]:
    """`growth` for each label that it shows, where `labels` [N] are those of the training images."""
    return {
        label: {epoch: images[place * IMAGES_OF_A_CLASS :][:IMAGES_OF_A_CLASS] for epoch, images in growth.items()}
        for place, label in enumerate(shown_labels(labels))
    }
