"""By whose features images are compared."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from gan_study.trainables.base.files import Place
from gan_study.trainables.base.settings import settings


@settings
class DomainFeatures:
    """64 features of a small classifier of the data set's own training part, before any imbalance."""

    kind: Literal["domain"] = "domain"


@settings
class InceptionFeatures:
    """The 2048 features of torchvision's Inception v3 (Szegedy et al. 2016).

    `weights` is the path of its ImageNet weights, a state dict as torchvision publishes it.
    """

    kind: Literal["inception"] = "inception"
    weights: Place


ImageFeatures: TypeAlias = Annotated[DomainFeatures | InceptionFeatures, Field(discriminator="kind")]
