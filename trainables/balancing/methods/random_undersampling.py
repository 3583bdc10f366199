"""Random under-sampling."""

from collections.abc import Iterator

import numpy as np
import torch

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.base.seeding import random_state
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet


@settings
class RandomUndersampling:
    """Keeps as many images of every class, drawn without replacement, as the smallest class has.

    As in Buda et al. 2018, "A systematic study of the class imbalance problem in convolutional neural networks".
    """

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields the remaining images of `training`, in their order, once."""
        from imblearn.under_sampling import RandomUnderSampler  # late: it takes a second

        sampler = RandomUnderSampler(
            sampling_strategy="not minority", random_state=random_state(seed, "undersampling")
        )
        sampler.fit_resample(np.arange(len(training))[:, None], training.labels.cpu().numpy())
        rows = torch.as_tensor(np.sort(sampler.sample_indices_), device=training.labels.device)
        yield BalancedSet(training=training.take(rows))


RANDOM_UNDERSAMPLING = BalancerEntry(
    name="random_undersampling",
    settings=RandomUndersampling,
    summary="discards images of all but the smallest class",
)
