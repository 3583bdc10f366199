"""How hard a data set is, before anything is trained: an image's neighbours, and how test differs from train."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gan_study.trainables.base.openmp import one_openmp_thread
from gan_study.trainables.data.byte_images import blocks_of
from gan_study.trainables.data.images import LabeledImages

# Napierala and Stefanowski (2016), "Types of minority class examples": of five neighbours four or five of the same
# class are safe, two or three borderline, one rare, none an outlier.
NEIGHBOURS = 5
_TYPES = ("outliers", "rare", "borderline", "borderline", "safe", "safe")
# So many images are looked at, and so many components of their pixels: a second or two on one core.
_MOST_LOOKED_AT, _COMPONENTS, _SIDE = 2_000, 20, 16
# An AUC of telling the test set from the rest from which on it is said.
_SHIFTED = 0.65
_FOLDS = 5
_SEED = 0


def hardness_lines(pool: LabeledImages, test: LabeledImages, minority: Sequence[int]) -> Iterator[str]:
    """What kinds of neighbours the images of the rare classes have, and whether the test set is another kind."""
    for label, shares in shares_of_rare(pool, minority).items():
        said = ", ".join(f"{share:.0%} {name}" for name, share in shares.items() if share)
        if said:
            yield f"images of {pool.class_names[label]} by their {NEIGHBOURS} nearest neighbours: {said}"
    auc = shift_auc(_features(pool), _features(test))
    if auc >= _SHIFTED:
        yield (
            f"test images differ from training images (AUC {auc:.2f}; 0.5 if they are alike): scores may reflect "
            "that difference more than the classes"
        )


def shares_of_rare(pool: LabeledImages, minority: Sequence[int]) -> dict[int, dict[str, float]]:
    """`neighbour_types` of each of the classes, by its label."""
    features = _features(pool)
    return {label: neighbour_types(features, pool.labels, label) for label in minority}


def neighbour_types(
    features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], label: int
) -> dict[str, float]:
    """The shares of the images of a class, by `features` [N, D], that are safe, borderline, rare and outliers.

    Empty where there are no more than NEIGHBOURS other images, or no image of the class.
    """
    from sklearn.neighbors import NearestNeighbors

    rows = np.flatnonzero(labels == label)
    if len(labels) <= NEIGHBOURS or not len(rows):
        return {}
    rows = np.random.default_rng(_SEED).permutation(rows)[:_MOST_LOOKED_AT]
    # The nearest of all is the image itself, or its copy.
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS + 1, algorithm="brute").fit(features)
    with one_openmp_thread():
        found = nearest.kneighbors(features[rows], return_distance=False)
    others = [[each for each in near if each != row][:NEIGHBOURS] for row, near in zip(rows, found, strict=True)]
    same = np.sum(labels[np.array(others)] == label, axis=1)
    types = [_TYPES[number] for number in same]
    return {name: types.count(name) / len(types) for name in ("safe", "borderline", "rare", "outliers")}


def shift_auc(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """How well a linear classifier tells two sets of features apart, cross-validated: 0.5 not at all, 1 wholly.

    A classifier two-sample test (Lopez-Paz and Oquab 2017); 0.5 where a set is too small to say.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(_SEED)
    parts = [each[rng.permutation(len(each))[:_MOST_LOOKED_AT]] for each in (first, second)]
    smaller = min(map(len, parts))
    if smaller < 4 * _FOLDS:
        return 0.5
    whole = np.concatenate(parts)
    is_second = np.repeat([0, 1], [len(each) for each in parts])
    components = min(_COMPONENTS, smaller // 2, whole.shape[1])
    model = make_pipeline(
        PCA(components, random_state=_SEED), StandardScaler(), LogisticRegression(class_weight="balanced")
    )
    return float(np.mean(cross_val_score(model, whole, is_second, cv=_FOLDS, scoring="roc_auc")))


def _features(images: LabeledImages) -> npt.NDArray[np.float32]:
    """The pixels [N, D] in [0, 1], the colours kept, at most 16 a side by means over blocks."""
    _, channels, size, _ = images.images.shape
    block = -(-size // _SIDE)
    side = size // block
    features = np.empty((len(images), channels * side * side), dtype=np.float32)
    first = 0
    for some in blocks_of(images.images):
        cut = some[..., : side * block, : side * block].reshape(len(some), channels, side, block, side, block)
        means = cut.mean(axis=(3, 5), dtype=np.float32)
        features[first : first + len(some)] = means.reshape(len(some), -1) / 255
        first += len(some)
    return features
