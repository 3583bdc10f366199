"""Layers that several classifiers share."""

from torch import nn


def convolved_and_pooled(inputs: int, outputs: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    """A 3x3 convolution, ReLU and max pooling by 2, to `outputs` channels.

    Pooled before ReLU: the largest of four rectified values is their largest value, rectified, and its gradient
    is the same; but only a quarter of the values is left to rectify.
    """
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, stride=stride), nn.MaxPool2d(2), nn.ReLU()
