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

    The control for a question that the thesis leaves open: is the effect due to the balance, or to the number of
    images? It adds as many images as a GAN would, without new information, so a GAN's gain over it is due to the
    content of its images and not to their number. Random over-sampling draws with replacement, and so also changes
    the relative weight of the images. The repetitions are still photographs, and do not count as synthetic.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by repetitions, once; raises DataError if a minority class has no image."""
        seed = derive_seed(seed, "duplicates")
        yield BalancedSet(training=with_copies(training, self.additions(training), seed=seed))


DUPLICATES = BalancerEntry(
    name="duplicates",
    settings=Duplicates,
    summary="repeats each rare image equally often: the control for the number of images",
    adds_images=True,
)
