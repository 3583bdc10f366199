"""Pairs of generated and training images, and images as points: the distance of generated images to real ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.image_quality.class_quality import ImageSample
from gan_study.trainables.image_quality.copying import Floats, nearest

NUM_PAIRS = 8
# More points of a map cannot be distinguished, and take t-SNE a minute. The second is for each class and kind.
MOST_POINTS, POINTS_OF_A_KIND = 600, 60
# As van der Maaten and Hinton 2008 ("Visualizing data using t-SNE") do before they map, section 4.2.
COMPONENTS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Generated images [n, C, H, W] in [-1, 1], each with the training image that is `nearest` to it.

    `distances` [n] are Euclidean in the features of both; `ratios` and `is_copy` are those of `copying.Nearest`.
    """

    generated: npt.NDArray[np.floating]
    nearest: npt.NDArray[np.floating]
    distances: Floats
    ratios: Floats
    is_copy: npt.NDArray[np.bool_]


def pair_with_nearest(generated: ImageSample, training: ImageSample) -> Pairs:
    """At most eight generated images, from the most to the least copy-like, with their nearest training images.

    They are evenly spaced over all images, sorted by the ratio used to detect copies; so the eight are not
    selected by hand, and the first is the worst.
    """
    found = nearest(generated.features, training.features)
    order = np.lexsort((found.distance, found.ratio))
    places = np.unique(np.linspace(0, len(order) - 1, min(NUM_PAIRS, len(order))).round().astype(int))
    chosen = order[places]
    return Pairs(
        generated=generated.at(chosen),
        nearest=training.at(found.row[chosen]),
        distances=found.distance[chosen],
        ratios=found.ratio[chosen],
        is_copy=found.is_copy[chosen],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Images as the principal components [N, D] of their features, with `labels` [N] and which are `synthetic`."""

    features: npt.NDArray[np.floating]
    labels: npt.NDArray[np.int64]
    synthetic: npt.NDArray[np.bool_]


def project_images(by_label: Mapping[int, tuple[ImageSample, ImageSample]]) -> Points:
    """Points for generated and training images of each label, at most 60 of each kind and 600 in all."""
    most = max(1, min(POINTS_OF_A_KIND, MOST_POINTS // (2 * len(by_label))))
    kinds = [
        (label, is_made, sample.sample(most, seed=derive_seed(0, label)).features)
        for label, both in by_label.items()
        for is_made, sample in zip((True, False), both, strict=True)
    ]
    features = np.concatenate([found for _, _, found in kinds])
    # All directions, in full: what is drawn from a random start would differ from run to run.
    components = PCA(n_components=min(COMPONENTS, *features.shape), svd_solver="full")
    sizes = [len(found) for *_, found in kinds]
    return Points(
        features=components.fit_transform(features),
        labels=np.repeat(np.array([label for label, *_ in kinds], dtype=np.int64), sizes),
        synthetic=np.repeat([is_made for _, is_made, _ in kinds], sizes),
    )
