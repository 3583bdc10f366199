"""Residual networks with class-conditional batch norm.

The blocks of the CIFAR-10 networks of Miyato et al. 2018 and of Miyato and Koyama 2018, for image sizes of any
pyramid.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_study.trainables.base.layers import Convolution, DoubledConvolution, UnflattenMaps, draw_xavier
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.networks.convolutional import channels_of


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift are learned for each class (Dumoulin et al. 2017)."""

    def __init__(self, num_channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.scales = nn.Embedding(num_classes, num_channels)
        self.shifts = nn.Embedding(num_classes, num_channels)
        # Slightly apart, as batch norm's scales in DCGAN: or else all classes begin as the same one.
        nn.init.normal_(self.scales.weight, 1.0, 0.02)
        nn.init.zeros_(self.shifts.weight)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        """Maps [N, C, H, W], normalised over batch and space, then scaled and shifted by the label's values."""
        scale, shift = self.scales(labels)[:, :, None, None], self.shifts(labels)[:, :, None, None]
        outputs: Tensor = self.norm(maps) * scale + shift
        return outputs


class _UpBlock(nn.Module):
    """Maps of twice the size: norm, ReLU, doubling, 3x3, norm, ReLU, 3x3, beside a doubled 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, num_classes: int) -> None:
        super().__init__()
        self.first_norm = ConditionalBatchNorm(inputs, num_classes)
        self.first = DoubledConvolution(inputs, outputs)
        self.second_norm = ConditionalBatchNorm(outputs, num_classes)
        self.second = _conv3x3(outputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, kernel_size=1)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        residual = self.first(self.first_norm(maps, labels).relu())
        residual = self.second(self.second_norm(residual, labels).relu())
        # The 1x1 convolution and the doubling commute, and in this order it is a quarter of the work.
        outputs: Tensor = residual + interpolate(self.shortcut(maps), scale_factor=2, mode="nearest")
        return outputs


class ResidualGenerator(nn.Module):
    """Maps latents [N, latent_size] and labels [N] to images [N, C, H, W] in [-1, 1]."""

    def __init__(self, shape: ImageShape, *, latent_size: int, num_classes: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        start, _ = pyramid(shape.size)
        inwards = channels_of(shape, widths)
        channels = (*inwards[::-1], inwards[0])
        self.start = nn.Sequential(
            nn.Linear(latent_size, channels[0] * start**2), UnflattenMaps(channels[0], start)
        )
        self.blocks = nn.ModuleList(
            _UpBlock(inputs, outputs, num_classes) for inputs, outputs in pairwise(channels)
        )
        last = Convolution(channels[-1], shape.channels, kernel_size=3, padding=1)
        self.end = nn.Sequential(nn.BatchNorm2d(channels[-1]), nn.ReLU(), last, nn.Tanh())
        draw_xavier(self)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images of the classes `labels`."""
        maps = self.start(latents)
        for block in self.blocks:
            maps = block(maps, labels)
        images: Tensor = self.end(maps)
        return images


class _Block(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, beside a 1x1 shortcut; then perhaps halved. The first block has no first ReLU."""

    def __init__(self, inputs: int, outputs: int, *, halves: bool = True, is_first: bool = False) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Identity() if is_first else nn.ReLU(),
            _conv3x3(inputs, outputs),
            nn.ReLU(),
            _conv3x3(outputs, outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, kernel_size=1)
        self.resize = nn.AvgPool2d(2) if halves else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        # Averaging and the 1x1 convolution commute: the shortcut is halved first, as it is less work.
        outputs: Tensor = self.resize(self.residual(maps)) + self.shortcut(self.resize(maps))
        return outputs


class _SumOverSpace(nn.Module):
    """Maps [N, C, H, W] to features [N, C]: the ReLU of each, summed."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.relu().sum(dim=(2, 3))


def residual_features(shape: ImageShape, *, widths: tuple[int, ...]) -> nn.Sequential:
    """Maps images [N, C, H, W] to features [N, the last width]: halved as often as possible, then one more
    block.
    """
    channels = channels_of(shape, widths)
    blocks = [_Block(shape.channels, channels[0], is_first=True)]
    blocks += [_Block(inputs, outputs) for inputs, outputs in pairwise(channels)]
    network = nn.Sequential(*blocks, _Block(channels[-1], channels[-1], halves=False), _SumOverSpace())
    draw_xavier(network)
    return network


def _conv3x3(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
