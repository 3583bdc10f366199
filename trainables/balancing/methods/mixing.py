"""Mixed batches: mixup and CutMix. Neither looks at class sizes."""

from collections.abc import Iterator

from pydantic import Field

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan
from gan_study.trainables.data.images import TrainingSet


@settings
class Mixup:
    """Blends each image of a batch, and its label, with another's: l x_i + (1 - l) x_j, l ~ Beta(alpha, alpha).

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", equation 1; `alpha` 1 is theirs for CIFAR-10.
    One l a batch, as in the authors' code.
    """

    alpha: float = Field(default=1.0, gt=0)
    """Parameter of the beta distribution that the share of the other image is drawn from; 1 is uniform."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` and the plan, once."""
        from torchvision.transforms import v2  # late: it takes a second

        mix = v2.MixUp(alpha=self.alpha, num_classes=len(training.classes.names))
        yield BalancedSet(training=training, plan=FittingPlan(mix=mix))


@settings
class Cutmix:
    """Pastes a box of another image of the batch into each; labels are mixed as the areas are.

    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    section 3.1: the box is a share 1 - l of the image, l ~ Beta(alpha, alpha), `alpha` 1 in all their experiments.
    """

    alpha: float = Field(default=1.0, gt=0)
    """Parameter of the beta distribution that the box's share of the image is drawn from; 1 is uniform."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` and the plan, once."""
        from torchvision.transforms import v2  # late: it takes a second

        mix = v2.CutMix(alpha=self.alpha, num_classes=len(training.classes.names))
        yield BalancedSet(training=training, plan=FittingPlan(mix=mix))


MIXUP = BalancerEntry(
    name="mixup", settings=Mixup, summary="blends the images of a batch, and their labels", only_plans=True
)
CUTMIX = BalancerEntry(
    name="cutmix",
    settings=Cutmix,
    summary="pastes parts of images into others of the batch, and mixes the labels",
    only_plans=True,
)
