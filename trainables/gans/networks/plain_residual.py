"""Residual networks without any normalisation, which can be trained because of their initialisation.

Huang et al. 2024: blocks of 1x1, grouped 3x3 and 1x1 convolutions, LeakyReLU, bilinear resampling.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_study.trainables.base.layers import LEAK, Leaky, draw_for_leaky_relu
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.networks.convolutional import channels_of

# The first 1x1 convolution multiplies the block's channels by EXPANSION; each group of the 3x3 convolution takes
# GROUP_SIZE of them (the paper's CIFAR-10 model: 768 channels, expanded to 1,536 in 96 groups).
EXPANSION = 2
GROUP_SIZE = 16

# A LeakyReLU of slope 1 is none.
NO_ACTIVATION = 1.0


class PlainBlock(nn.Module):
    """x + 1x1(leaky(grouped 3x3(leaky(1x1 x)))); initially the identity, since its last weights are 0.

    `num_blocks` of the whole network determines the scale of the other weights (Zhang et al. 2019, Fixup, section
    3: num_blocks^(-1 / (2 m - 2)) of the usual, m = 3 layers in a block).
    """

    def __init__(self, width: int, *, num_blocks: int) -> None:
        super().__init__()
        wide, gain = width * EXPANSION, num_blocks**-0.25
        widen = nn.Conv2d(width, wide, kernel_size=1)
        mix = nn.Conv2d(wide, wide, kernel_size=3, padding=1, groups=wide // GROUP_SIZE)
        narrow = nn.Conv2d(wide, width, kernel_size=1, bias=False)
        nn.init.zeros_(narrow.weight)
        self.residual = nn.Sequential(
            draw_for_leaky_relu(widen, slope=LEAK, gain=gain),
            Leaky(),
            draw_for_leaky_relu(mix, slope=LEAK, gain=gain),
            Leaky(),
            narrow,
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [N, width, H, W] of the same shape."""
        outputs: Tensor = maps + self.residual(maps)
        return outputs


class _LearnedStart(nn.Module):
    """Maps [N, width, start, start]: learned ones, each channel times a linear function of the input [N, I]."""

    def __init__(self, input_size: int, width: int, start: int) -> None:
        super().__init__()
        self.maps = nn.Parameter(torch.randn(width, start, start))
        self.scale = draw_for_leaky_relu(nn.Linear(input_size, width, bias=False), slope=NO_ACTIVATION)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.maps * self.scale(inputs)[:, :, None, None]
        return outputs


class PlainGenerator(nn.Module):
    """Maps latents [N, latent_size] and labels [N] to images [N, C, H, W] in [-1, 1].

    A vector of the latent's length is learned for each class and concatenated with it. The paper's last layer is
    linear; the tanh keeps images in their range.
    """

    def __init__(self, shape: ImageShape, *, latent_size: int, num_classes: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        start, _ = pyramid(shape.size)
        channels = plain_channels(shape, widths)[::-1]
        self.embedding = class_vectors(num_classes, latent_size)
        layers: list[nn.Module] = [
            _LearnedStart(2 * latent_size, channels[0], start),
            PlainBlock(channels[0], num_blocks=len(channels)),
        ]
        for inputs, outputs in pairwise(channels):
            layers += [
                _mixing(inputs, outputs),
                nn.Upsample(scale_factor=2, mode="bilinear"),
                PlainBlock(outputs, num_blocks=len(channels)),
            ]
        self.body = nn.Sequential(*layers, _mixing(channels[-1], shape.channels), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images of the classes `labels`."""
        images: Tensor = self.body(torch.cat([latents, self.embedding(labels)], dim=1))
        return images


def plain_features(shape: ImageShape, *, widths: tuple[int, ...]) -> nn.Sequential:
    """Maps images [N, C, H, W] to features [N, the last width]: the generator's blocks in the opposite order.

    Halving by bilinear interpolation is the mean of 2x2 pixels. The coarsest maps become features by one weighted
    sum for each channel.
    """
    start, _ = pyramid(shape.size)
    channels = plain_channels(shape, widths)
    layers: list[nn.Module] = [
        _mixing(shape.channels, channels[0]),
        PlainBlock(channels[0], num_blocks=len(channels)),
    ]
    for inputs, outputs in pairwise(channels):
        layers += [nn.AvgPool2d(2), _mixing(inputs, outputs), PlainBlock(outputs, num_blocks=len(channels))]
    last = channels[-1]
    return nn.Sequential(
        *layers,
        draw_for_leaky_relu(
            nn.Conv2d(last, last, kernel_size=start, groups=last, bias=False), slope=NO_ACTIVATION
        ),
        nn.Flatten(),
        draw_for_leaky_relu(nn.Linear(last, last, bias=False), slope=NO_ACTIVATION),
    )


def plain_channels(shape: ImageShape, widths: tuple[int, ...]) -> tuple[int, ...]:
    """The channels at each size, from the image inwards; the last of `widths` is repeated if needed."""
    return (widths[0], *channels_of(shape, widths[1:]))


def class_vectors(num_classes: int, size: int, *, gain: float = 1.0) -> nn.Embedding:
    """A learned vector for each class from N(0, gain^2 / num_classes), as a linear layer of one-hot labels has."""
    vectors = nn.Embedding(num_classes, size)
    nn.init.normal_(vectors.weight, 0.0, gain * num_classes**-0.5)
    return vectors


def _mixing(inputs: int, outputs: int) -> nn.Module:
    """A 1x1 convolution from one width to the next."""
    return draw_for_leaky_relu(nn.Conv2d(inputs, outputs, kernel_size=1, bias=False), slope=NO_ACTIVATION)
