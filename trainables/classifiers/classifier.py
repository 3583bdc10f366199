"""A classifier's settings with optimisers, learning rates and stopping rules; the interface of a model; a fitted
classifier.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self, TypeAlias

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gan_study.trainables.base.precision import CpuPrecision
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.augmentation import Augmentation
from gan_study.trainables.classifiers.backbone import Backbone
from gan_study.trainables.data.byte_images import Images
from gan_study.trainables.data.images import ImageShape


@settings
class Adam:
    """Adam (Kingma and Ba 2015) with betas 0.9 and 0.999."""

    kind: Literal["adam"] = "adam"
    """Adam."""
    weight_decay: float = Field(default=0.0, ge=0)
    """The L2 penalty's factor."""

    def optimiser(self, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        """The optimiser of `parameters`."""
        return torch.optim.Adam(parameters, lr=rate, weight_decay=self.weight_decay, fused=True)


@settings
class Sgd:
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    """Stochastic gradient descent."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """The momentum factor."""
    weight_decay: float = Field(default=0.0, ge=0)
    """The L2 penalty's factor."""

    def optimiser(self, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        """The optimiser of `parameters`."""
        return torch.optim.SGD(
            parameters, lr=rate, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )


Optimiser: TypeAlias = Annotated[Adam | Sgd, Field(discriminator="kind")]


@settings
class ConstantRate:
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"
    """The rate is constant."""

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """The factor of the learning rate in an epoch (1-based): 1."""
        return 1.0


@settings
class StepRate:
    """A linear warm-up, then steps: `factors` maps an epoch to the factor that applies after it.

    {160: 0.01, 180: 0.0001} and five epochs of warm-up are the schedule of Cao et al. 2019 (LDAM), section 4.
    """

    kind: Literal["steps"] = "steps"
    """The rate changes at given epochs."""
    warmup_epochs: int = Field(default=0, ge=0)
    """Number of epochs in which the rate rises linearly to its full value."""
    factors: Mapping[PositiveInt, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Maps an epoch to the factor that applies after it."""

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """The factor of the learning rate in an epoch (1-based)."""
        if epoch <= self.warmup_epochs:
            return epoch / self.warmup_epochs
        passed = [step for step in self.factors if epoch > step]
        return self.factors[max(passed)] if passed else 1.0


@settings
class PlateauRate:
    """Multiplied by `factor` after each `patience` epochs in which the validation loss reached no new low."""

    kind: Literal["plateau"] = "plateau"
    """The rate falls when the validation loss does not."""
    factor: float = Field(default=0.1, gt=0, lt=1)
    """The factor for the rate at a plateau."""
    patience: int = Field(default=5, ge=1)
    """Number of epochs without a new lowest validation loss that count as a plateau."""

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """The factor of the learning rate, after the epochs with these losses."""
        lowest, waited, plateaus = math.inf, 0, 0
        for loss in validation_losses:
            waited = 0 if loss < lowest else waited + 1
            lowest = min(lowest, loss)
            if waited == self.patience:
                waited, plateaus = 0, plateaus + 1
        return self.factor**plateaus


Schedule: TypeAlias = Annotated[ConstantRate | StepRate | PlateauRate, Field(discriminator="kind")]


@settings
class EarlyStopping:
    """Training ends `patience` epochs after the lowest validation loss, whose weights are restored.

    Late actions of a balancer, such as LDAM's deferred re-weighting, may therefore never happen.
    """

    patience: int = Field(default=5, ge=1)
    """Number of epochs without a new lowest validation loss after which training ends."""

    def is_over(self, validation_losses: Sequence[float]) -> bool:
        """Whether the last `patience` epochs had no new lowest loss."""
        return len(validation_losses) - 1 - best_epoch(validation_losses) >= self.patience


def best_epoch(validation_losses: Sequence[float]) -> int:
    """The position (0-based) of the first lowest loss."""
    return min(range(len(validation_losses)), key=validation_losses.__getitem__)


# The name of the classifier whose body is a pretrained network.
BACKBONE = "backbone"

Budget: TypeAlias = Literal["steps", "epochs"]

# Large enough that a batch costs more than its launch, small enough for the activations of 64x64 images; of larger
# ones as many as have no more pixels.
PREDICTION_BATCH = 1024
PREDICTION_PIXELS = PREDICTION_BATCH * 64 * 64
# For sets that are not stored as floats: a batch then has no more activations than one of 32 pixels a side.
MANY_IMAGES_PIXELS = PREDICTION_BATCH * 32 * 32
# A head is given the features of all images at once, in whose number the last digits of a product lie, while they
# take no more than that: of the 10,000 of MNIST and CIFAR-10 all of the models here do.
HEAD_BYTES = 256 * 2**20


@settings
class ClassifierConfig:
    """The model and its training.

    If the schedule or early stopping uses the validation loss, validation chooses the epoch as well as the
    configuration. In that loss classes have the same weights as in the validation scores: their shares of the test
    set. The test set is never read.
    """

    name: str = "simple_cnn"
    """A classifier of `gan-study list`, of an installed package, or `module:attribute`."""
    epochs: int = Field(default=5, ge=1)
    """Length of the training; `budget` says what counts. `schedule` and `early_stopping` also divide the training
    into this many parts."""
    budget: Budget = "steps"
    """The meaning of `epochs`. "steps": as many optimiser steps as that many epochs of the *unbalanced* training
    set, so that a larger balanced set does not get more training. "epochs": passes over the balanced set, as in
    the documents that the study follows."""
    batch_size: int = Field(default=64, ge=1, le=2**16)
    """Images an optimiser step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The learning rate of the first epoch, or after the warm-up; `schedule` says how it falls."""
    optimiser: Optimiser = Field(default_factory=Adam)
    """`{kind: adam}` or `{kind: sgd}`."""
    schedule: Schedule = Field(default_factory=ConstantRate)
    """How the learning rate changes: `{kind: constant}`, `{kind: steps}` or `{kind: plateau}`."""
    early_stopping: EarlyStopping | None = None
    """When training ends before its last epoch; null: never."""
    augmentation: Augmentation = Field(default_factory=Augmentation)
    """Random changes of the images of each batch, for every balancer."""
    precision: CpuPrecision | None = None
    """The precision of the body's matrix products and convolutions in training; head, losses and all predictions
    are in float32. null: float32, unless `classifier_precision` of the study decides."""
    backbone: Backbone | None = None
    """The pretrained network, if the classifier is `backbone`."""

    @model_validator(mode="after")
    def _has_its_backbone(self) -> Self:
        if (self.name == BACKBONE) != (self.backbone is not None):
            given = "given" if self.backbone else "missing"
            raise ValueError(
                f"name is {self.name!r} and backbone is {given}; {BACKBONE!r}, and no other classifier, has one, "
                "such as {model: resnet18, weights: FILE}"
            )
        return self

    @property
    def watches_validation(self) -> bool:
        """Whether the training uses the validation loss after each epoch."""
        return self.early_stopping is not None or isinstance(self.schedule, PlateauRate)

    def unwatching(self) -> "ClassifierConfig":
        """The same training without validation: to its last epoch, without a lower rate on plateaus."""
        schedule = ConstantRate() if isinstance(self.schedule, PlateauRate) else self.schedule
        return replace(self, early_stopping=None, schedule=schedule)


# Features [N, D] to logits [N, K].
Head: TypeAlias = Callable[[Tensor], Tensor]
# Features [N, D], labels [N], weights [N], the number of classes and a seed, to a head fitted to them.
HeadFit: TypeAlias = Callable[[Tensor, Tensor, Tensor, int, int], Head]


@dataclass(frozen=True, kw_only=True)
class ClassifierModel:
    """An architecture.

    `body(shape)` gives a network from images [N, C, H, W] in [-1, 1] to features [N, D], and D; the training adds
    the head, usually a linear layer. `final_head` replaces the head after the body is trained.
    """

    name: str
    summary: str
    body: Callable[[ImageShape], tuple[nn.Module, int]]
    final_head: HeadFit | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedClassifier:
    """A trained body, in evaluation mode, and a head; and the losses during their training."""

    body: nn.Module
    head: Head
    training_losses: tuple[float, ...] = ()
    """Mean loss of the steps of each epoch; NaN after an early stop."""
    validation_losses: tuple[float, ...] = ()
    """Loss on the validation set after each of these epochs; NaN if it was not measured."""

    @torch.no_grad()
    def features(self, images: Images) -> Tensor:
        """The body's features [N, D] of images [N, C, H, W] in [-1, 1]."""
        return torch.cat(list(self._features(images)))

    @torch.no_grad()
    def logits(self, images: Images) -> Tensor:
        """Logits [N, K] of images [N, C, H, W] in [-1, 1]."""
        logits: list[Tensor] = []
        waiting: list[Tensor] = []
        for features in self._features(images):
            waiting.append(features)
            if sum(each.nbytes for each in waiting) > HEAD_BYTES:
                logits.append(self.head(torch.cat(waiting)))
                waiting = []
        return torch.cat([*logits, *([self.head(torch.cat(waiting))] if waiting else [])])

    def _features(self, images: Images) -> Iterator[Tensor]:
        """The features of a batch after the other."""
        pixels = PREDICTION_PIXELS if isinstance(images, Tensor) else MANY_IMAGES_PIXELS
        batch_size = max(1, min(PREDICTION_BATCH, pixels // images.shape[-2:].numel()))
        return (self.body(batch) for batch in images.split(batch_size))

    def probabilities(self, images: Images) -> Tensor:
        """Class probabilities [N, K] of images [N, C, H, W] in [-1, 1]."""
        return self.logits(images).softmax(dim=1)


class CosineHead(nn.Module):
    """s cos(w_c, x) for each class c: features and weights of length 1, times the scale s.

    The normalised layer of Cao et al. 2019 (LDAM), section 3.2; their code has the scale in the loss. The loss is
    the same, but here the predicted probabilities are those in the loss.
    """

    def __init__(self, num_features: int, num_classes: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, num_features))
        nn.init.xavier_uniform_(self.weight)
        # Weights start at length 1, as in their code: the longer one is, the less a step of equal rate turns it.
        self.weight.data = functional.normalize(self.weight.data)
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        """Logits [N, K] of features [N, D]."""
        return self.scale * functional.linear(functional.normalize(features), functional.normalize(self.weight))
