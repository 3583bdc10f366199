"""Random over-sampling."""

from collections.abc import Iterator

import numpy as np
import torch

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.seeding import random_state
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class RandomOversampling(FillsClasses):
    """Repeats minority images until each minority class has `balance_to` times as many as the largest class.

    They are drawn with replacement. The repetitions are still photographs, so they do not count as synthetic.
    Buda et al. 2018 ("A systematic study of the class imbalance problem in convolutional neural networks") found
    it to be the best of the simple methods.
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` followed by repetitions, once; raises DataError if a minority class has no image."""
        from imblearn.over_sampling import RandomOverSampler  # late: it takes a second

        counts, added = training.class_counts(), self.additions(training)
        sampler = RandomOverSampler(
            sampling_strategy={label: counts[label] + number for label, number in added.items()},
            random_state=random_state(seed, "oversampling"),
        )
        sampler.fit_resample(np.arange(len(training))[:, None], training.labels.cpu().numpy())
        rows = torch.as_tensor(sampler.sample_indices_, device=training.labels.device)
        yield BalancedSet(training=training.take(rows))


RANDOM_OVERSAMPLING = BalancerEntry(
    name="random_oversampling",
    settings=RandomOversampling,
    summary="repeats images of the rare classes",
    adds_images=True,
)
