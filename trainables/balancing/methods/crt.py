"""Classifier re-training."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.seeding import repeat_rows
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan, HeadStage
from gan_study.trainables.data.images import TrainingSet, mean_weights


@settings
class ClassifierRetraining:
    """Trains on the unbalanced images; then keeps the features, and fits a new head to class-balanced batches.

    "cRT" of Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition", section 4.1.
    The second stage takes the share `steps_share` of all steps, with a cosine learning rate that decays to 0
    (section 5.1). The paper's share is a tenth (10 epochs after 90); in trainings as short as here a new head
    needs more: of 0.05 to 0.5, on validation images of Fashion-MNIST at ratio 100, more was always better.
    """

    steps_share: float = Field(default=0.5, gt=0, lt=1)
    """The share of all steps that the second stage takes."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        stage = HeadStage(rebalance=class_balanced, steps_share=self.steps_share)
        yield BalancedSet(training=training, plan=FittingPlan(head_stage=stage))


def class_balanced(features: Tensor, labels: Tensor, weights: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of `features` [N, D], `labels` [N] and `weights` [N], repeated until every class has as many as the
    largest.

    Within a class each row is used equally often, to within one, and keeps its relative weight; the weights of a
    class have the mean 1.
    """
    sizes = labels.bincount().tolist()
    rows = repeat_rows(labels, dict.fromkeys(range(len(sizes)), max(sizes)), seed=seed, purpose="class balance")
    chosen = torch.cat(list(rows.values()))
    means = mean_weights(labels, weights, num_classes=len(sizes)).to(weights)
    return features[chosen], labels[chosen], (weights / means[labels])[chosen]


CRT = BalancerEntry(
    name="crt",
    settings=ClassifierRetraining,
    summary="fits the head again, on class-balanced batches",
    only_plans=True,
)
