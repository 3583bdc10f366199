"""Exact repetition: the control for the number of images."""

from collections.abc import Iterator

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.balancing.copies import with_copies
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class Duplicates(FillsClasses):
    """Repeats minority images equally often, to within one, up to `balance_to` times the largest class.

    The control for what the thesis leaves open: is it the balance, or the number of images? As many are added
    as a GAN would add, and none of them says anything new, so that what a GAN gains over this it owes to its
    images and not to their number. Random over-sampling draws with replacement, and so also changes how much each
    image counts. The repetitions are photographs still, and do not count as synthetic.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` with repetitions after it, once; raises DataError where a minority class has no image."""
        seed = derive_seed(seed, "duplicates")
        yield BalancedSet(training=with_copies(training, self.additions(training), seed=seed))


DUPLICATES = BalancerEntry(
    name="duplicates",
    settings=Duplicates,
    summary="repeats each rare image equally often: the control for the number of images",
    adds_images=True,
)
