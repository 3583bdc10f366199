"""SMOTE on a classifier's features."""

from collections.abc import Iterator
from functools import partial

import torch
from pydantic import Field
from torch import Tensor

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.balancing.methods.smote import SmoteRequest, between_neighbours, smote_request
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan, HeadStage
from gan_study.trainables.data.images import TrainingSet, mean_weights


@settings
class FeatureSmote(FillsClasses):
    """SMOTE on the features of the trained classifier, to which its head is fitted again; images are not changed.

    Neighbours are near in the classifier's features, as in DeepSMOTE (Dablain et al. 2021), but no image is
    generated. The second stage takes the share `steps_share` of all steps, with a cosine learning rate that decays
    to 0.
    """

    k_neighbors: int = Field(default=5, ge=1)
    """How many nearest neighbours of its class a feature vector may be mixed with."""
    steps_share: float = Field(default=0.5, gt=0, lt=1)
    """The share of all steps that the second stage takes, at a learning rate with cosine decay to 0."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once; raises DataError for a minority class of fewer than two images."""
        request = smote_request(training, self.additions(training), k_neighbors=self.k_neighbors)
        stage = HeadStage(rebalance=partial(_with_new_features, request=request), steps_share=self.steps_share)
        yield BalancedSet(training=training, plan=FittingPlan(head_stage=stage), notes=request.notes)


def _with_new_features(
    features: Tensor, labels: Tensor, weights: Tensor, seed: int, *, request: SmoteRequest
) -> tuple[Tensor, Tensor, Tensor]:
    found = list(between_neighbours(lambda label: features[labels == label], seed, request))
    made = [torch.full((len(rows),), label, device=labels.device) for rows, label in found]
    # A new row weighs as those of its class do on average.
    means = mean_weights(labels, weights, num_classes=int(labels.max()) + 1).to(weights)
    return (
        torch.cat([features, *(rows for rows, _ in found)]),
        torch.cat([labels, *made]),
        torch.cat([weights, *(means[each] for each in made)]),
    )


FEATURE_SMOTE = BalancerEntry(
    name="feature_smote",
    settings=FeatureSmote,
    summary="fits the head again, with SMOTE on the classifier's features",
    only_plans=True,
)
