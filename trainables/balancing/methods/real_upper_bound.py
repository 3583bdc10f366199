"""Real images instead of generated ones: the upper bound of what a method can reach."""

from collections.abc import Iterator

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class RealUpperBound(FillsClasses):
    """Requests as many real minority images as a GAN would make, from those that the imbalance removed.

    Not a method, since these images are not available in practice: it shows how much there was to gain. If the
    data have fewer, the trial uses all of them and notes it.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and its request, once; raises DataError if a minority class has no image."""
        yield BalancedSet(training=training, wanted=self.additions(training))


REAL_UPPER_BOUND = BalancerEntry(
    name="real_upper_bound",
    settings=RealUpperBound,
    summary="adds real images that the imbalance had removed: the largest possible gain",
)
