"""What a trial looks at, beside the validation part, once it is done."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from trainables.settings import settings


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
    weights: str


ImageFeatures: TypeAlias = Annotated[DomainFeatures | InceptionFeatures, Field(discriminator="kind")]


@settings
class EvaluationConfig:
    """What is evaluated; no number of the training or the validation part depends on it.

    `test` says whether the test part may be read: in the confirm phase alone. `test_each_epoch` has it read after
    each epoch of the classifier as well, so that the best epoch on the test part, which much of the literature
    reports, can stand beside the last. `image_features` are those by which generated images are judged.
    """

    test: bool = False
    test_each_epoch: bool = False
    image_features: ImageFeatures = Field(default_factory=DomainFeatures)

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.test_each_epoch and not self.test:
            raise ValueError("test_each_epoch: the test part may not be read in this trial")
        return self
