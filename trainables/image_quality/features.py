"""Whose features are used to compare images."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from gan_study.trainables.base.files import Place
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.pretrained import Pretrained

# The setting that says so.
IMAGE_FEATURES = "confirm.image_features"


@settings
class DomainFeatures:
    """64 features of a small classifier of the data set's own training set, before any imbalance."""

    kind: Literal["domain"] = "domain"
    """Features of a small classifier of the same data."""


@settings
class InceptionFeatures:
    """The 2048 features of torchvision's Inception v3 (Szegedy et al. 2016).

    `weights` is the path of its ImageNet weights, a state dict as torchvision publishes it.
    """

    kind: Literal["inception"] = "inception"
    """Features of Inception v3."""
    weights: Place
    """The file of its ImageNet weights, a state dict as torchvision publishes it."""


@settings
class BackboneFeatures(Pretrained):
    """The features of a pretrained network, with the settings of the classifier `backbone`."""

    kind: Literal["backbone"] = "backbone"
    """Features of a pretrained network."""


ImageFeatures: TypeAlias = Annotated[
    DomainFeatures | InceptionFeatures | BackboneFeatures, Field(discriminator="kind")
]
