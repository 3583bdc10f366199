"""No balancing: what every other way is measured against."""

from collections.abc import Iterator

from trainables.balancing.balancer import BalancedSet
from trainables.data.images import TrainingSet
from trainables.settings import settings


@settings
class NoBalancing:
    """Leaves the training set as it is."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """`training` itself, once."""
        yield BalancedSet(training=training)
