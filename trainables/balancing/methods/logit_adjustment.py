"""Class priors added to the logits in training, or subtracted from the predictions."""

from collections.abc import Iterator

from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import AdjustedCrossEntropy, FittingPlan, log_priors
from gan_study.trainables.data.images import TrainingSet


@settings
class LogitAdjustment:
    """Trains f + tau log pi, with class priors pi, and predicts by f: rare classes need a margin.

    Menon et al. 2021, "Long-tail Learning via Logit Adjustment", section 5.1 (equation 10).
    """

    tau: float = Field(default=1.0, ge=0)
    """The factor of the logarithm of the priors."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        yield _adjusted_while_training(training, tau=self.tau)


@settings
class BalancedSoftmax:
    """Trains f + log n, with class sizes n, and predicts by f.

    Ren et al. 2020, "Balanced Meta-Softmax for Long-Tailed Visual Recognition", section 3.1. log n and log pi
    differ by a constant that does not change a softmax, so this is logit adjustment with tau 1: one method, two
    names.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        yield _adjusted_while_training(training, tau=1.0)


@settings
class ThresholdMoving:
    """Trains without balancing, and predicts by f - tau log pi: p_c(x) / pi_c^tau, normalised to a sum of 1.

    Buda et al. 2018, "A Systematic Study of the Class Imbalance Problem in Convolutional Neural Networks", section
    2.3 ("thresholding"), for `tau` 1; Menon et al. 2021, section 4.2 (equation 9), for any.
    """

    tau: float = Field(default=1.0, ge=0)
    """The power of the priors that probabilities are divided by."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        adjustment = tuple(-self.tau * log_prior for log_prior in log_priors(training.weighted_class_counts()))
        yield BalancedSet(training=training, plan=FittingPlan(log_adjustment=adjustment))


def _adjusted_while_training(training: TrainingSet, *, tau: float) -> BalancedSet:
    adjustment = tau * training.weights.new_tensor(log_priors(training.weighted_class_counts()))
    return BalancedSet(training=training, plan=FittingPlan(loss=AdjustedCrossEntropy(adjustment=adjustment)))


BALANCED_SOFTMAX = BalancerEntry(
    name="balanced_softmax",
    settings=BalancedSoftmax,
    summary="adds the logarithm of the class sizes to the logits in the loss",
    only_plans=True,
)
LOGIT_ADJUSTMENT = BalancerEntry(
    name="logit_adjustment",
    settings=LogitAdjustment,
    summary="adds tau times the logarithm of the priors in the loss",
    only_plans=True,
)
THRESHOLD_MOVING = BalancerEntry(
    name="threshold_moving",
    settings=ThresholdMoving,
    summary="divides the predicted probabilities by the class priors",
    moves_predictions=True,
    only_plans=True,
)
