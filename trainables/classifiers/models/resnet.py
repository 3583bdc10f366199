"""Residual networks for small images."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.data.images import ImageShape

# He et al. 2016, section 4.2: 6n + 2 layers, n = 5.
CHANNELS = (16, 32, 64)
BLOCKS_PER_STAGE = 5


def resnet18_body(shape: ImageShape) -> tuple[nn.Module, int]:
    """ResNet-18 (torchvision's) with a 3x3 stem of stride 1 and without pooling, for small images."""
    from torchvision.models import resnet18  # late: it takes a second

    network = resnet18(weights=None)
    network.conv1 = nn.Conv2d(shape.channels, 64, kernel_size=3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    num_features = network.fc.in_features
    network.fc = nn.Identity()
    return network, num_features


def resnet32_body(shape: ImageShape) -> tuple[nn.Module, int]:
    """The ResNet-32 for CIFAR-10 of He et al. 2016, section 4.2, as Cao et al. 2019 (LDAM) train it.

    Shortcuts of option A; Kaiming initialisation of convolutions, as in LDAM's code. 463,504 weights without head.
    """
    stem = (
        nn.Conv2d(shape.channels, CHANNELS[0], kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(CHANNELS[0]),
    )
    blocks, inputs = [], CHANNELS[0]
    for outputs in CHANNELS:
        for _ in range(BLOCKS_PER_STAGE):
            blocks.append(_Block(inputs, outputs))
            inputs = outputs
    network = nn.Sequential(*stem, nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network, inputs


class _Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut; where channels double the size halves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.new_channels = outputs - inputs
        self.first = nn.Conv2d(inputs, outputs, kernel_size=3, stride=self.stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [N, C, H, W] to [N, C, H, W], or to twice the channels at half the size."""
        residual = self.second_norm(self.second(torch.relu(self.first_norm(self.first(maps)))))
        return torch.relu(residual + self._shortcut(maps))

    def _shortcut(self, maps: Tensor) -> Tensor:
        """Option A: every second pixel, and channels of zeros before and after."""
        before = self.new_channels // 2
        padding = (0, 0, 0, 0, before, self.new_channels - before)
        return functional.pad(maps[:, :, :: self.stride, :: self.stride], padding)


RESNET18 = ClassifierModel(name="resnet18", summary="ResNet-18 with a stem for small images", body=resnet18_body)
RESNET32 = ClassifierModel(
    name="resnet32", summary="the ResNet-32 for CIFAR-10, 0.46 million weights", body=resnet32_body
)
