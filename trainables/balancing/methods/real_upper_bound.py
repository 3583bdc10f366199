"""Real images in place of made ones: what no method can be expected to beat."""

from collections.abc import Iterator

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class RealUpperBound(FillsClasses):
    """Asks for as many real minority images as a GAN would make, among those that the imbalance took away.

    Not a method, since nobody who lacks images has them: it says how much there was to gain. Where the data hold
    fewer, the trial grants what there is and notes it.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` and what it wants, once; raises DataError where a minority class has no image."""
        yield BalancedSet(training=training, wanted=self.additions(training))


REAL_UPPER_BOUND = BalancerEntry(
    name="real_upper_bound",
    settings=RealUpperBound,
    summary="adds real images that were held back: the largest possible gain",
)
