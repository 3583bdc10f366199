"""How a classifier's loss is brought down: the optimiser, its rate over the epochs, and when to stop."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import torch
from pydantic import Field, PositiveInt
from torch import nn

from gan_study.trainables.base.settings import settings


@settings
class Adam:
    """Adam (Kingma and Ba 2015) with betas 0.9 and 0.999."""

    kind: Literal["adam"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0)

    def optimiser(self, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        """The optimiser of `parameters`."""
        return torch.optim.Adam(parameters, lr=rate, weight_decay=self.weight_decay, fused=True)


@settings
class Sgd:
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)

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

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """What the learning rate is multiplied by in an epoch (1-based): 1."""
        return 1.0


@settings
class StepRate:
    """A linear warm-up, then steps: `factors` maps an epoch to the factor that holds after it.

    {160: 0.01, 180: 0.0001} and five epochs of warm-up are the schedule of Cao et al. 2019 (LDAM), section 4.
    """

    kind: Literal["steps"] = "steps"
    warmup_epochs: int = Field(default=0, ge=0)
    factors: Mapping[PositiveInt, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """What the learning rate is multiplied by in an epoch (1-based)."""
        if epoch <= self.warmup_epochs:
            return epoch / self.warmup_epochs
        passed = [step for step in self.factors if epoch > step]
        return self.factors[max(passed)] if passed else 1.0


@settings
class PlateauRate:
    """Multiplied by `factor` after each `patience` epochs in which the validation loss reached no new low."""

    kind: Literal["plateau"] = "plateau"
    factor: float = Field(default=0.1, gt=0, lt=1)
    patience: int = Field(default=5, ge=1)

    def rate_factor(self, epoch: int, validation_losses: Sequence[float]) -> float:
        """What the learning rate is multiplied by, after the epochs that had these losses."""
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

    What a balancer does late, such as LDAM's deferred re-weighting, may so never come about.
    """

    patience: int = Field(default=5, ge=1)

    def is_over(self, validation_losses: Sequence[float]) -> bool:
        """Whether the last `patience` epochs brought no new low."""
        return len(validation_losses) - 1 - best_epoch(validation_losses) >= self.patience


def best_epoch(validation_losses: Sequence[float]) -> int:
    """The position (0-based) of the first lowest loss."""
    return min(range(len(validation_losses)), key=validation_losses.__getitem__)
