"""No balancing: the reference for all other methods."""

from collections.abc import Iterator

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class NoBalancing:
    """Returns the training set unchanged."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` itself, once."""
        yield BalancedSet(training=training)


NONE = BalancerEntry(name="none", settings=NoBalancing, summary="the training set as it is", only_plans=True)
