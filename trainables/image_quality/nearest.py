"""What a person looks at to see how near generated images come to training images: pairs, and a map."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.image_quality.class_quality import ImageSample
from gan_study.trainables.image_quality.copying import Floats, nearest

NUM_PAIRS = 8
# Points of a map: more are a blot, and a minute of t-SNE. Of each class so many of each kind at most.
MOST_POINTS, POINTS_OF_A_KIND = 600, 60
# As van der Maaten and Hinton 2008 ("Visualizing data using t-SNE") do before they map, section 4.2.
COMPONENTS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Generated images [n, C, H, W] in [-1, 1], each with the training image that is `nearest` to it.

    `distances` [n] are Euclidean, in `features`; `ratios` and `is_copy` are those of `metrics.copying.Nearest`.
    """

    generated: npt.NDArray[np.floating]
    nearest: npt.NDArray[np.floating]
    distances: Floats
    ratios: Floats
    is_copy: npt.NDArray[np.bool_]
    features: str


def pairs(generated: ImageSample, training: ImageSample, *, features: str) -> Pairs:
    """Eight generated images or fewer, from the most to the least like a copy, with what they are nearest to.

    Evenly spread over all of them, put in order by the ratio that tells copies; so the eight are not picked, and
    the first is the worst there is.
    """
    found = nearest(generated.features, training.features)
    order = np.lexsort((found.distance, found.ratio))
    places = np.unique(np.linspace(0, len(order) - 1, min(NUM_PAIRS, len(order))).round().astype(int))
    chosen = order[places]
    return Pairs(
        generated=generated.images[chosen],
        nearest=training.images[found.row[chosen]],
        distances=found.distance[chosen],
        ratios=found.ratio[chosen],
        is_copy=found.is_copy[chosen],
        features=features,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Images as the principal components [N, D] of their features, with their `labels` [N] and which are made."""

    features: npt.NDArray[np.floating]
    labels: tuple[int, ...]
    synthetic: npt.NDArray[np.bool_]


def points(by_label: Mapping[int, tuple[ImageSample, ImageSample]], *, seed: int = 0) -> Points:
    """Points for generated and training images of each label, at most 60 of each kind and 600 in all."""
    most = max(1, min(POINTS_OF_A_KIND, MOST_POINTS // (2 * len(by_label))))
    drawn = [
        (label, is_made, sample.sample(most, seed=derive_seed(seed, label)).features)
        for label, both in by_label.items()
        for is_made, sample in zip((True, False), both, strict=True)
    ]
    features = np.concatenate([found for _, _, found in drawn])
    # All directions, in full: what is drawn from a random start would differ from run to run.
    components = PCA(n_components=min(COMPONENTS, *features.shape), svd_solver="full")
    return Points(
        features=components.fit_transform(features),
        labels=tuple(label for label, _, found in drawn for _ in found),
        synthetic=np.repeat([is_made for _, is_made, _ in drawn], [len(found) for *_, found in drawn]),
    )
