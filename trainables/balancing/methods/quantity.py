"""Balanced with the same total number of images: does the imbalance matter, or only the number?"""

from collections.abc import Iterator

import torch

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.seeding import torch_generator
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class Quantity:
    """The same number of real images of each class, and the same total as in the imbalanced set, to within one a
    class.

    A question that the thesis leaves open: does a classifier suffer from the imbalance, or from the number of rare
    images? Large classes are sampled without replacement; small ones get real images that the imbalance removed,
    which are not available in practice. So it is not a method: compared with "none", which has as many images, it
    shows the cost of the imbalance, and compared with "real_upper_bound", which has more, the value of their
    number. If the data have fewer, the trial uses all of them and notes it.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields the remaining images of `training`, in their order, and its request, once."""
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
    summary="as many real images in every class, some of which the imbalance had removed, and the same total",
)
