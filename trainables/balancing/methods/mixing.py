"""Mixed batches: mixup and CutMix, which do not use class sizes, and Remix and mixup with an adjusted loss."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import AdjustedCrossEntropy, FittingPlan, log_priors
from gan_study.trainables.data.images import TrainingSet


@settings
class Mixup:
    """Blends each image of a batch, and its label, with another's: l x_i + (1 - l) x_j, l ~ Beta(alpha, alpha).

    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", equation 1; `alpha` 1 is their value for
    CIFAR-10. One l for each batch, as in the authors' code.
    """

    alpha: float = Field(default=1.0, gt=0)
    """Parameter of the beta distribution of the other image's share; 1 is uniform."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        from torchvision.transforms import v2  # late: it takes a second

        mix = v2.MixUp(alpha=self.alpha, num_classes=len(training.classes.names))
        yield BalancedSet(training=training, plan=FittingPlan(mix=mix))


@settings
class Cutmix:
    """Pastes a box of another image of the batch into each; labels are mixed in proportion to the areas.

    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    section 3.1: the box is a share 1 - l of the image, l ~ Beta(alpha, alpha), `alpha` 1 in all their experiments.
    """

    alpha: float = Field(default=1.0, gt=0)
    """Parameter of the beta distribution of the box's share of the image; 1 is uniform."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        from torchvision.transforms import v2  # late: it takes a second

        mix = v2.CutMix(alpha=self.alpha, num_classes=len(training.classes.names))
        yield BalancedSet(training=training, plan=FittingPlan(mix=mix))


@settings
class MixupBalancedSoftmax:
    """mixup, with the balanced softmax of the mixed labels: CE(f + log n, mixed labels), with class sizes n.

    Zhang et al. 2018 and Ren et al. 2020 together: mixup does not use class sizes, but this loss does.
    """

    alpha: float = Field(default=1.0, gt=0)
    """As in mixup."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        from torchvision.transforms import v2  # late: it takes a second

        mix = v2.MixUp(alpha=self.alpha, num_classes=len(training.classes.names))
        adjustment = training.weights.new_tensor(log_priors(training.weighted_class_counts()))
        plan = FittingPlan(mix=mix, loss=AdjustedCrossEntropy(adjustment=adjustment))
        yield BalancedSet(training=training, plan=plan)


@settings
class Remix:
    """mixup whose labels favour the rarer class of the two.

    Chou et al. 2020, "Remix: Rebalanced Mixup", equations 4 and 5, with their `alpha`, `kappa` and `tau`.
    """

    alpha: float = Field(default=1.0, gt=0)
    """Parameter of the beta distribution of the first image's share l; 1 is uniform."""
    kappa: float = Field(default=3.0, ge=1)
    """If a class has at least this many times as many images, only the other class's label is used."""
    tau: float = Field(default=0.5, ge=0, le=1)
    """This happens if the image of the larger class has a smaller share than this."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        counts = training.weights.new_tensor(training.weighted_class_counts())
        mix = RemixedBatches(counts=counts, alpha=self.alpha, kappa=self.kappa, tau=self.tau)
        yield BalancedSet(training=training, plan=FittingPlan(mix=mix))


@dataclass(frozen=True, kw_only=True, eq=False)
class RemixedBatches:
    """Blends each image of a batch with the one before it, as torchvision's MixUp does."""

    counts: Tensor
    """The images of each class [K]."""
    alpha: float
    kappa: float
    tau: float

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, C, H, W] and labels [N] to mixed images and class shares [N, K]."""
        share = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        mixed = share * images + (1 - share) * images.roll(1, 0)
        first, second = (functional.one_hot(each, len(self.counts)) for each in (labels, labels.roll(1, 0)))
        own = self.label_share(labels, labels.roll(1, 0), share)[:, None]
        return mixed, own * first + (1 - own) * second

    def label_share(self, labels: Tensor, others: Tensor, share: float) -> Tensor:
        """The share [N] of the first label if its image has `share`."""
        ratio = self.counts[labels] / self.counts[others]
        own = torch.full_like(ratio, share)
        own[(ratio >= self.kappa) & (share < self.tau)] = 0.0
        own[(ratio <= 1 / self.kappa) & (1 - share < self.tau)] = 1.0
        return own


MIXUP = BalancerEntry(
    name="mixup", settings=Mixup, summary="blends the images of a batch, and their labels", only_plans=True
)
CUTMIX = BalancerEntry(
    name="cutmix",
    settings=Cutmix,
    summary="pastes parts of images into others of the batch, and mixes the labels",
    only_plans=True,
)
MIXUP_BALANCED_SOFTMAX = BalancerEntry(
    name="mixup_balanced_softmax",
    settings=MixupBalancedSoftmax,
    summary="mixup with the balanced softmax of the mixed labels",
    only_plans=True,
)
REMIX = BalancerEntry(
    name="remix", settings=Remix, summary="mixup whose labels favour the rarer class", only_plans=True
)
