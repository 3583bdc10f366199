"""Whether generated images are copies of training images, or of one another, from features [N, D].

Distances are Euclidean. Callers remove duplicates first: among the training images they hide copies, and between
training and held-out images they lower the threshold.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics.pairwise import euclidean_distances

from gan_study.trainables.image_quality.ssim import image_pairs

Features = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]

# An honest generator's memorised share, in the long run.
QUANTILE = 0.05
# Yoon et al. 2023 ("Diffusion probabilistic models generalize when they fail to memorize") take 1/3. A GAN's
# copies are less exact than a diffusion model's: of scikit-learn's eights (100 training images) with noise of 0.1
# added 3 in 4 are within 1/3 and all within 1/2, and of fresh real digits no more than 1 in 20 comes so near to
# one image.
COPY_RATIO = 1 / 2
# Nearly the same: of fresh real images hardly one comes so near to one training image.
EXACT_RATIO = 1 / 4
# Two images repeat each other below this share of the median distance between training images. Fresh real images
# are hardly ever so near to one another, in pixels or in a classifier's features; two outputs of a generator that
# makes one image with small changes are.
REPEAT_RATIO = 1 / 4
# Distances that are in memory at once, 128 MB of them.
MOST_DISTANCES = 2**24


def memorised_share(generated: Features, training: Features, held_out: Features) -> float | None:
    """Share of generated images [N, D] that are nearer to a training image [M, D] than real ones are, in [0, 1].

    "Nearer" means: than the j-th smallest distance of a held-out real image [H, D] to its nearest training image,
    with j the integer part of 0.05 (H + 1), at least 1. Images in the middle of the training images, such as a
    generator's blurred averages, also count; `copied_share` distinguishes them from copies. After Meehan et al.
    2020 ("A non-parametric test to detect data-copying in generative models"), which compares the same two samples
    of distances by their ranks. None without images on any side.
    """
    if not (len(generated) and len(training) and len(held_out)):
        return None
    real = np.sort(euclidean_distances(held_out, training).min(axis=1))
    bar = real[_rank(len(held_out)) - 1]
    return float((euclidean_distances(generated, training).min(axis=1) < bar).mean())


def expected_memorised_share(num_held_out: int) -> float | None:
    """The expected memorised share of a generator of new real images: j / (H + 1).

    Its images and the held-out ones are then exchangeable, so each of the H + 1 ranks is equally likely. 0.05 or
    slightly less with at least 19 held-out images; 1 / (H + 1) with fewer. None without any.
    """
    return _rank(num_held_out) / (num_held_out + 1) if num_held_out else None


class Nearest(NamedTuple):
    """For N images, the row [N] of the nearest training image of each, and the distance [N] to it.

    `ratio` [N] is that distance divided by the distance to the second nearest, NaN if there is none or both are 0;
    `is_copy` [N] marks ratios below a half, `is_exact` [N] those below a quarter.
    """

    row: npt.NDArray[np.intp]
    distance: Floats
    ratio: Floats
    is_copy: npt.NDArray[np.bool_]
    is_exact: npt.NDArray[np.bool_]


def nearest(features: Features, training: Features) -> Nearest:
    """The training images [M, D] nearest to images [N, D], and which of these are copies.

    The criterion of Yoon et al. 2023 with 1/2 for 1/3. It needs no scale, and an average of many training images
    does not meet it. With fewer than two training images, nothing is called a copy.
    """
    if len(features) * len(training) > MOST_DISTANCES and len(features) > 1:
        number = max(1, MOST_DISTANCES // len(training))
        parts = [nearest(features[i : i + number], training) for i in range(0, len(features), number)]
        return Nearest(*map(np.concatenate, zip(*parts, strict=True)))
    if not len(features):
        nothing, none = np.zeros(0), np.zeros(0, dtype=bool)
        return Nearest(np.zeros(0, dtype=np.intp), nothing, nothing, none, none)
    distances = euclidean_distances(features, training)
    row = distances.argmin(axis=1)
    found = np.take_along_axis(distances, row[:, None], axis=1)[:, 0]
    if len(training) < 2:
        none = np.zeros(len(features), dtype=bool)
        return Nearest(row, found, np.full(len(features), np.nan), none, none)
    next_nearest = np.partition(distances, 1, axis=1)[:, 1]
    ratio = np.divide(found, next_nearest, out=np.full(len(features), np.nan), where=next_nearest > 0)
    return Nearest(row, found, ratio, found < COPY_RATIO * next_nearest, found < EXACT_RATIO * next_nearest)


def copied_share(features: Features, training: Features) -> float | None:
    """Share of images [N, D] that are copies of a training image [M, D], as in `nearest`, in [0, 1].

    None without images, or with fewer than two training images.
    """
    if not len(features) or len(training) < 2:
        return None
    return float(nearest(features, training).is_copy.mean())


def repeated_share(features: Features, training: Features, *, seed: int) -> float | None:
    """Share of pairs of images [N, D] that show the same image: nearer than a quarter of the typical distance of
    two training images.

    In [0, 1]; about 1/s for a generator of s equally frequent images (the birthday paradox test of Arora and Zhang
    2017, as a share of the pairs). The typical distance is the median over pairs of training images [M, D]. None
    with fewer than two images on either side.
    """
    if min(len(features), len(training)) < 2:
        return None
    typical = np.median(_pair_distances(training, seed=seed))
    return float((_pair_distances(features, seed=seed) < REPEAT_RATIO * typical).mean())


class Repeats(NamedTuple):
    """For N images, the row [N] of the first image that each repeats; its own row if it repeats none.

    `share` is that of the pairs that show the same image, in [0, 1]; 0 with fewer than two images.
    """

    row: npt.NDArray[np.intp]
    share: float

    @property
    def num_distinct(self) -> int:
        """The number of different images."""
        return len(np.unique(self.row))


def repeat_distance(training: Features, *, seed: int) -> float:
    """The distance below which one image repeats another: a quarter of the median distance of training images [M,
    D].

    0 with fewer than two of them: then only equal images repeat one another.
    """
    return REPEAT_RATIO * float(np.median(_pair_distances(training, seed=seed))) if len(training) > 1 else 0.0


def find_repeats(features: Features, *, nearer_than: float) -> Repeats:
    """Which images [N, D] repeat an earlier one: equal to it, or `nearer_than` that distance."""
    row, left = np.arange(len(features)), np.arange(len(features))
    while len(left):
        distances = np.linalg.norm(features[left] - features[left[0]], axis=1)
        is_repeat = (distances < nearer_than) | (distances == 0)
        # It repeats itself, also where its features are no numbers.
        is_repeat[0] = True
        row[left[is_repeat]] = left[0]
        left = left[~is_repeat]
    num_alike = np.bincount(row, minlength=1)
    num_pairs = len(features) * (len(features) - 1)
    return Repeats(row, float((num_alike * (num_alike - 1)).sum() / num_pairs) if num_pairs else 0.0)


def _rank(num_held_out: int) -> int:
    return max(1, int(QUANTILE * (num_held_out + 1)))


def _pair_distances(features: Features, *, seed: int) -> Floats:
    first, second = image_pairs(len(features), seed=seed)
    distances: Floats = np.linalg.norm(features[first] - features[second], axis=1)
    return distances
