"""The focal loss."""

from collections.abc import Iterator

from pydantic import Field

from trainables.balancing.balancer import BalancedSet
from trainables.data.images import TrainingSet
from trainables.fitting.losses import FocalLoss
from trainables.fitting.plan import FittingPlan
from trainables.settings import settings


@settings
class Focal:
    """Makes images that are easy count less: -(1 - p_y)^gamma log p_y. Does not look at class sizes.

    Lin et al. 2017; `gamma` 2 is what they found best.
    """

    gamma: float = Field(default=2.0, ge=0)

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` and the plan, once."""
        yield BalancedSet(training=training, plan=FittingPlan(loss=FocalLoss(gamma=self.gamma)))
