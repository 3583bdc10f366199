"""As many images in all, and balanced: is it the imbalance, or the mere number?"""

from collections.abc import Iterator

import torch

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.seeding import torch_generator
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class Quantity:
    """As many real images of each class, and as many in all as the imbalanced set has, to within one a class.

    What the thesis leaves open: does a classifier suffer from the imbalance, or from the number of rare images?
    Large classes are drawn from, without replacement; small ones ask for real images that the imbalance took away,
    which nobody has who lacks them. So it is no method: beside "none", which has as many images, it shows what
    the imbalance costs, and beside "real_upper_bound", which has more, what their number is worth. Where the data
    hold fewer, the trial grants what there is and notes it.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """What is left of `training`, in its order, and what it wants, once."""
        counts = training.class_counts()
        present = [label for label, count in enumerate(counts) if count]
        share, more = divmod(len(training), len(present))
        sizes = {label: share + (place < more) for place, label in enumerate(present)}
        rows = torch.cat([self._drawn(training.labels, label, size, seed) for label, size in sizes.items()])
        wanted = {label: size - counts[label] for label, size in sizes.items() if size > counts[label]}
        yield BalancedSet(training=training.take(rows.sort().values), wanted=wanted)

    @staticmethod
    def _drawn(labels: torch.Tensor, label: int, size: int, seed: int) -> torch.Tensor:
        of_class = torch.nonzero(labels == label).squeeze(1)
        order = torch.randperm(len(of_class), generator=torch_generator(seed, "quantity", label))
        return of_class[order[:size].to(of_class.device)]


QUANTITY = BalancerEntry(
    name="quantity",
    settings=Quantity,
    summary="equally many images of every class without more images in total, with real ones that were held back",
)
