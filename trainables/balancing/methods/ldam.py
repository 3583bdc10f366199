"""Label-distribution-aware margins, with and without deferred re-weighting."""

from collections.abc import Iterator

from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import (
    DeferredReweighting,
    FittingPlan,
    LdamLoss,
    Loss,
    effective_number_weights,
    label_aware_margins,
)
from gan_study.trainables.data.images import TrainingSet


@settings
class Ldam:
    """A margin for each class in the loss, larger for rarer classes, with a cosine head.

    Cao et al. 2019 (LDAM), section 3.2, with `max_margin` for the smallest class and the `scale` of their code.
    """

    max_margin: float = Field(default=0.5, ge=0)
    """The margin of the smallest class."""
    scale: float = Field(default=30.0, gt=0)
    """The factor of the cosines before the softmax."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        yield BalancedSet(training=training, plan=FittingPlan(loss=self._loss(training), cosine_scale=self.scale))

    def _loss(self, training: TrainingSet) -> Loss:
        margins = label_aware_margins(training.weighted_class_counts(), largest=self.max_margin)
        return LdamLoss(margins=training.weights.new_tensor(margins), scale=self.scale)


@settings
class LdamDrw(Ldam):
    """LDAM, with class-balanced weights in the last part of the training: "deferred re-weighting".

    Cao et al. 2019, section 3.3: from `reweighting_from` of the training on (theirs: epoch 160 of 200) each class
    weighs by the inverse of its effective number of images for `beta`, as in the class-balanced loss.
    """

    beta: float = Field(default=0.9999, ge=0, lt=1)
    """As in the class-balanced loss."""
    reweighting_from: float = Field(default=0.8, ge=0, le=1)
    """The share of the training after which classes are weighted."""

    def _loss(self, training: TrainingSet) -> Loss:
        weights = effective_number_weights(training.weighted_class_counts(), beta=self.beta)
        return DeferredReweighting(
            loss=super()._loss(training),
            class_weights=training.weights.new_tensor(weights),
            start=self.reweighting_from,
        )


LDAM = BalancerEntry(
    name="ldam", settings=Ldam, summary="requires larger margins in rare classes", only_plans=True
)
LDAM_DRW = BalancerEntry(
    name="ldam_drw",
    settings=LdamDrw,
    summary="LDAM with class-balanced weights in the last part of the training",
    only_plans=True,
)
