"""The focal loss."""

from collections.abc import Iterator

from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan, FocalLoss
from gan_study.trainables.data.images import TrainingSet


@settings
class Focal:
    """Gives easy images less weight: -(1 - p_y)^gamma log p_y. Does not use class sizes.

    Lin et al. 2017; `gamma` 2 was best in the paper.
    """

    gamma: float = Field(default=2.0, ge=0)
    """How much easy images are down-weighted; 0 is cross-entropy."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        yield BalancedSet(training=training, plan=FittingPlan(loss=FocalLoss(gamma=self.gamma)))


FOCAL_LOSS = BalancerEntry(
    name="focal_loss",
    settings=Focal,
    summary="gives easy images less weight in the loss",
    only_plans=True,
)
