"""The classifier's settings, what a model must offer, and a fitted classifier."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.augmentation import Augmentation
from gan_study.trainables.classifiers.optimisation import (
    Adam,
    ConstantRate,
    EarlyStopping,
    Optimiser,
    PlateauRate,
    Schedule,
)
from gan_study.trainables.data.images import ImageShape

Budget: TypeAlias = Literal["steps", "epochs"]

# Large enough that a batch costs more than its launch, small enough for the activations of 64x64 images; of larger
# ones as many as have no more pixels.
PREDICTION_BATCH = 1024
PREDICTION_PIXELS = PREDICTION_BATCH * 64 * 64


@settings
class ClassifierConfig:
    """The model and its training.

    If the schedule or early stopping watches the validation loss, validation chooses the epoch as well as the
    configuration. In that loss classes have the weights that they have in the validation scores, their shares of
    the test part. The test part is never read.
    """

    name: str = "simple_cnn"
    epochs: int = Field(default=5, ge=1)
    """Also the number of parts that `schedule` and `early_stopping` divide the steps into."""
    budget: Budget = "steps"
    """What `epochs` counts. "steps": as many optimiser steps as that many epochs of the *unbalanced* training part
    take, so that a larger balanced set does not buy more training. "epochs": passes over the balanced set, as in
    the documents that the study follows."""
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    optimiser: Optimiser = Field(default_factory=Adam)
    schedule: Schedule = Field(default_factory=ConstantRate)
    early_stopping: EarlyStopping | None = None
    augmentation: Augmentation = Field(default_factory=Augmentation)

    @property
    def watches_validation(self) -> bool:
        """Whether the training looks at the validation loss after each epoch."""
        return self.early_stopping is not None or isinstance(self.schedule, PlateauRate)

    def unwatching(self) -> "ClassifierConfig":
        """The same training without a look at validation: to its last epoch, its rate not lowered on plateaus."""
        schedule = ConstantRate() if isinstance(self.schedule, PlateauRate) else self.schedule
        return replace(self, early_stopping=None, schedule=schedule)


# Features [N, D] to logits [N, K].
Head: TypeAlias = Callable[[Tensor], Tensor]
# Features [N, D], labels [N], weights [N], the number of classes and a seed, to a head fitted to them.
HeadFit: TypeAlias = Callable[[Tensor, Tensor, Tensor, int, int], Head]


@dataclass(frozen=True, kw_only=True)
class ClassifierModel:
    """An architecture.

    `body(shape)` gives a network from images [N, C, H, W] in [-1, 1] to features [N, D], and D; what follows it, a
    linear layer as a rule, is up to the training. `final_head` replaces that layer once the body is trained.
    """

    name: str
    summary: str
    body: Callable[[ImageShape], tuple[nn.Module, int]]
    final_head: HeadFit | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedClassifier:
    """A trained body, in evaluation mode, and a head."""

    body: nn.Module
    head: Head

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The body's features [N, D] of images [N, C, H, W] in [-1, 1]."""
        batch_size = max(1, min(PREDICTION_BATCH, PREDICTION_PIXELS // images.shape[-2:].numel()))
        return torch.cat([self.body(batch) for batch in torch.split(images, batch_size)])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Logits [N, K] of images [N, C, H, W] in [-1, 1]."""
        return self.head(self.features(images))

    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities [N, K] of images [N, C, H, W] in [-1, 1]."""
        return self.logits(images).softmax(dim=1)
