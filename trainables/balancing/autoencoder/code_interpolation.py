"""DeepSMOTE's networks, its loss, and images between the codes of a class.

Dablain, Krawczyk and Chawla 2022 ("DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data", IEEE TNNLS,
arXiv 2105.02340). An encoder maps an image to a code, a decoder maps a code back to an image. A new image is
decoded from a point between the codes of two images of one class.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gan_study.trainables.base.layers import draw_normal
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.gans.networks.convolutional import doubling, halving, num_features

# The autoencoder of BAGAN; the authors have twice to eight times the channels.
WIDTHS = (32, 64, 64, 128)
# Random numbers of an image: which image it starts from, which neighbour it goes to, and how far.
LATENT_SIZE = 3

Penalty: TypeAlias = Literal["same", "pairs"]


def make_encoder(shape: ImageShape, *, code_size: int) -> nn.Module:
    """Maps images [N, C, H, W] to codes [N, code_size]; weights from the global random state."""
    layer = nn.Linear(num_features(shape, widths=WIDTHS), code_size)
    return draw_normal(nn.Sequential(halving(shape, widths=WIDTHS), layer))


def autoencoder_loss(
    encoder: nn.Module, decoder: nn.Module, images: Tensor, of_a_class: Tensor, *, penalty: Penalty
) -> Tensor:
    """The mean square error [] of the reconstructed `images` [N, C, H, W], and that of images [M, C, H, W] of one
    class as the penalty (section III-C).

    "same": each is decoded from its own code, as in the authors' code, so that rare classes count more; "pairs":
    from the code of another, as in the paper.
    """
    number = len(images)
    codes = encoder(torch.cat([images, of_a_class]))
    of_pairs = codes[number:].roll(1, 0) if penalty == "pairs" else codes[number:]
    # In one batch, so that batch norm sees what it will see on average.
    made = decoder(torch.cat([codes[:number], of_pairs]))
    return mse_loss(made[:number], images) + mse_loss(made[number:], of_a_class)


class CodeInterpolation(nn.Module):
    """Images [N, C, H, W] in [-1, 1] of labels [N], from normal latents [N, LATENT_SIZE].

    The latents choose a code of the class, one of its `k_neighbors` nearest codes of the class, and a point
    between: SMOTE (Chawla et al. 2002, section 4.2) as a function of random numbers, so that an image does not
    depend on others. The codes are buffers: up to `num_codes` of each class, set by `remember`.
    """

    codes: Tensor
    """[num_classes, num_codes, code_size]."""
    neighbours: Tensor
    """The places of the nearest others, nearest first, int64 [num_classes, num_codes, k_neighbors]."""
    counts: Tensor
    """How many codes there are of each class, int64 [num_classes]."""

    def __init__(
        self, shape: ImageShape, *, num_classes: int, num_codes: int, code_size: int, k_neighbors: int
    ) -> None:
        super().__init__()
        self.decoder = draw_normal(doubling(shape, latent_size=code_size, widths=WIDTHS))
        self.register_buffer("codes", torch.zeros(num_classes, num_codes, code_size))
        self.register_buffer("neighbours", torch.zeros(num_classes, num_codes, k_neighbors, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(num_classes, dtype=torch.int64))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """The images."""
        image, neighbour, share = torch.special.ndtr(latents).unbind(1)
        counts = self.counts[labels]
        start = _choose(image, counts)
        near = _choose(neighbour, (counts - 1).clamp(1, self.neighbours.shape[2]))
        end = self.neighbours[labels, start, near]
        points = torch.lerp(self.codes[labels, start], self.codes[labels, end], share[:, None])
        images: Tensor = self.decoder(points)
        return images

    @property
    def num_codes(self) -> int:
        """How many codes of a class there may be."""
        return self.codes.shape[1]

    @torch.no_grad()
    def remember(self, codes: Mapping[int, Tensor]) -> None:
        """Replace the codes by the given [n, code_size], n up to `num_codes`, by label; a label left out has none.

        The only code of a class is its own neighbour.
        """
        self.counts.zero_()
        for label, of_class in codes.items():
            number = len(of_class)
            distances = torch.cdist(of_class, of_class).fill_diagonal_(torch.inf)
            nearest = distances.topk(min(self.neighbours.shape[2], max(1, number - 1)), largest=False).indices
            self.codes[label, :number] = of_class
            self.neighbours[label, :number, : nearest.shape[1]] = nearest
            self.counts[label] = number


def _choose(uniform: Tensor, numbers: Tensor) -> Tensor:
    """One of the first `numbers` [N] places for each number in [0, 1], all equally likely; int64 [N]."""
    return torch.minimum((uniform * numbers).long(), numbers - 1).clamp(min=0)
