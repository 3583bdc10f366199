"""Plain convolutional classifiers: blocks of convolution and pooling, then a dense layer."""

from itertools import pairwise

from torch import nn

from gan_study.trainables.base.layers import FlattenMaps, convolved_and_pooled
from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.data.images import ImageShape

# Neither source says how wide the dense layer is but that of the sneaker study: 128.
DENSE_SIZE = 128


def _body(shape: ImageShape, channels: tuple[int, ...]) -> tuple[nn.Module, int]:
    """For each of `channels` a 3x3 convolution, ReLU and max pooling by 2; then a dense layer with ReLU."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((shape.channels, *channels)):
        layers += convolved_and_pooled(inputs, outputs)
    num_values = channels[-1] * (shape.size // 2 ** len(channels)) ** 2
    return nn.Sequential(*layers, FlattenMaps(), nn.Linear(num_values, DENSE_SIZE), nn.ReLU()), DENSE_SIZE


def cnn2_body(shape: ImageShape) -> tuple[nn.Module, int]:
    """32 and 64 channels, dense 128: the classifier of the public study that `fashion-mnist-sneaker` follows."""
    return _body(shape, (32, 64))


def cnn3_body(shape: ImageShape) -> tuple[nn.Module, int]:
    """32, 64 and 128 channels, dense 128: the X-ray report's three blocks.

    It states no width; these are usual ones. The images have 224x224 pixels there.
    """
    return _body(shape, (32, 64, 128))


CNN2 = ClassifierModel(
    name="cnn2", summary="two convolutions with max pooling, a dense layer of 128", body=cnn2_body
)
CNN3 = ClassifierModel(
    name="cnn3", summary="three blocks of convolution and max pooling, a dense layer of 128", body=cnn3_body
)
