"""The fully connected classifier of the animal report: three linear layers."""

from torch import nn

from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.data.images import ImageShape

# The document names neither width; these are the usual ones for 784 pixels.
HIDDEN_SIZES = (512, 256)


def body(shape: ImageShape) -> tuple[nn.Module, int]:
    """Two linear layers with ReLU; the third is the head."""
    first, second = HIDDEN_SIZES
    layers = nn.Sequential(
        nn.Flatten(), nn.Linear(shape.num_values, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU()
    )
    return layers, second


MLP = ClassifierModel(name="mlp", summary="three linear layers with ReLU", body=body)
