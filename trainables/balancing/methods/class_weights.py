"""Class weights in the loss."""

from collections.abc import Iterator

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import inverse_weights
from gan_study.trainables.data.images import TrainingSet


@settings
class ClassWeights:
    """Weights each image by w_c = N / (K n_c), for N images of K classes, n_c of its own.

    Every class then weighs N / K in the loss, and the total weight remains N: the weights of King and Zeng 2001,
    "Logistic Regression in Rare Events Data", for equally frequent classes, and scikit-learn's "balanced".
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` with new weights, once."""
        yield BalancedSet(training=training.weighted(inverse_weights(training.weighted_class_counts())))


CLASS_WEIGHTS = BalancerEntry(
    name="class_weights",
    settings=ClassWeights,
    summary="weights each class by the inverse of its size in the loss",
    only_plans=True,
)
