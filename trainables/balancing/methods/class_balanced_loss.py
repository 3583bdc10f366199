"""The class-balanced loss."""

from collections.abc import Iterator

from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan, FocalLoss, effective_number_weights
from gan_study.trainables.data.images import TrainingSet


@settings
class ClassBalanced:
    """Weights each image by the inverse of its class's effective number of images, renormalised to a sum of K.

    Cui et al. 2019. With `gamma` the focal loss is weighted in this way ("CB-focal"); 0 is cross-entropy. In
    classes much smaller than 1 / (1 - `beta`) every image is effectively new, and the weights are those of the
    inverse sizes.
    """

    beta: float = Field(default=0.9999, ge=0, lt=1)
    """How little further images of a class add; 0 is nothing. Classes much smaller than 1 / (1 - beta) are
    weighted by their inverse sizes."""
    gamma: float = Field(default=0.0, ge=0)
    """The focusing parameter of the weighted focal loss ("CB-focal"); 0 is cross-entropy."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` with new weights, and the plan, once."""
        weights = effective_number_weights(training.weighted_class_counts(), beta=self.beta)
        yield BalancedSet(training=training.weighted(weights), plan=FittingPlan(loss=FocalLoss(gamma=self.gamma)))


CLASS_BALANCED_LOSS = BalancerEntry(
    name="class_balanced_loss",
    settings=ClassBalanced,
    summary="weights each class by the inverse of its effective size",
    only_plans=True,
)
