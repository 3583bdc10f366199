"""The classifier's settings, and what a model must offer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import Field
from torch import nn

from trainables.data.images import ImageShape
from trainables.settings import settings

Budget: TypeAlias = Literal["steps", "epochs"]


@settings
class ClassifierConfig:
    """The model and its training.

    `budget` says what `epochs` counts. "steps": as many optimiser steps as that many epochs of the *unbalanced*
    training part take, whatever the size of the balanced one, so that a larger set does not buy more training.
    "epochs": passes over the balanced set, as the source documents have it. Adam with `learning_rate`.
    """

    name: str = "simple_cnn"
    epochs: int = Field(default=5, ge=1)
    budget: Budget = "steps"
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)


@dataclass(frozen=True, kw_only=True)
class ClassifierModel:
    """An architecture: `build(shape, num_classes)` maps images [N, C, H, W] in [-1, 1] to logits [N, K]."""

    name: str
    summary: str
    build: Callable[[ImageShape, int], nn.Module]
