"""Which generated images to reject: recognised as another class, near-copies of training images, outliers.

One classifier of the training set decides, so neither validation nor test set is used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics.pairwise import euclidean_distances
from torch import Tensor

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.byte_images import Images, take
from gan_study.trainables.data.images import TrainingSet, distinct_rows
from gan_study.trainables.image_quality.copying import MOST_DISTANCES, QUANTILE, Features, nearest
from gan_study.trainables.image_quality.extractor import domain_classifier
from gan_study.trainables.runtime.cache import Store

ANOTHER_CLASS, COPY, OUTLIER = "another class", "copy", "outlier"
REASONS = (ANOTHER_CLASS, COPY, OUTLIER)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFilter:
    """Rejects generated images by a `classifier` that is fitted to the real `training` part."""

    classifier: FittedClassifier
    training: TrainingSet

    def __call__(self, images: Images, label: int) -> dict[str, Tensor]:
        """Which of `images` [N, C, H, W], made for class `label`, each of REASONS rejects, bool [N].

        Another class: taken for one by the classifier. Copy: by its features, as in `copying.nearest`.
        Outlier: farther from the nearest training image of the class than `largest_distance` allows.
        """
        features = self.classifier.features(images)
        real = self._features(self.training.of_class(label))
        found = nearest(_to_numpy(features), real)
        with torch.no_grad():
            taken_for = self.classifier.head(features).argmax(dim=1)
        is_outlier = found.distance > largest_distance(real)
        return {
            ANOTHER_CLASS: taken_for != label,
            COPY: torch.as_tensor(found.is_copy, device=images.device),
            OUTLIER: torch.as_tensor(is_outlier, device=images.device),
        }

    def _features(self, images: Images) -> Features:
        return _to_numpy(
            self.classifier.features(
                take(images, torch.tensor(distinct_rows(images), dtype=torch.int64, device=images.device))
            )
        )


def passed_share(rejected: Mapping[str, Tensor]) -> float:
    """The share of images that are not rejected; `rejected` has those that are, bool [N] for each reason."""
    return float((~torch.stack(list(rejected.values())).any(dim=0)).float().mean())


def largest_distance(real: Features) -> float:
    """Maximum distance of an image from the nearest of the `real` ones [N, D]; beyond it is an outlier.

    The quantile 1 - QUANTILE of the distances of real images to their nearest other: one of twenty real images
    would be called an outlier. Infinite with one image, since there are no distances.
    """
    if len(real) < 2:
        return np.inf
    number = len(real) if len(real) ** 2 <= MOST_DISTANCES else max(1, MOST_DISTANCES // len(real))
    return float(np.quantile(np.concatenate(list(_nearest_others(real, number))), 1 - QUANTILE))


def _nearest_others(real: Features, number: int) -> Iterator[npt.NDArray[np.float64]]:
    """The distance of each of `real` [N, D] to its nearest other, of `number` of them at a time."""
    for first in range(0, len(real), number):
        distances = euclidean_distances(real[first : first + number], real)
        np.fill_diagonal(distances[:, first:], np.inf)
        yield distances.min(axis=1)


def image_filter(training: TrainingSet, store: Store, *, seed: int) -> ImageFilter:
    """The filter of a training set. Its classifier also measures images, and is cached in `store`."""
    return ImageFilter(
        classifier=domain_classifier(training, store, seed=derive_seed(seed, "domain")), training=training
    )


def _to_numpy(features: Tensor) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = features.cpu().numpy().astype(np.float64)
    return found
