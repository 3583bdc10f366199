"""Structural similarity of images: to one another (diversity), and to their nearest training image (copying)."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import pairwise_distances_argmin

from gan_study.trainables.base.seeding import numpy_generator

Images = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Wang et al. 2004, section III.B and III.C: K1, K2, and the Gaussian's width and window.
K1, K2 = 0.01, 0.03
SIGMA = 1.5
WINDOW = 11
# Images lie in [-1, 1].
DATA_RANGE = 2.0

# The standard error of a share is then at most 0.016, at a second's cost.
NUM_PAIRS = 1000
# So many images at a time, so that a set of thousands does not fill the memory with its blurred copies.
BATCH = 256


def ssim(first: Images, second: Images) -> Floats:
    """Structural similarity [N] of the pairs `first[i]`, `second[i]`, in [-1, 1]; 1 where they are equal.

    Images [N, C, H, W] in [-1, 1]. Mean over the map of Wang et al. 2004, eq. 13, with a Gaussian window of 11
    pixels (smaller where an image of fewer than 6 pixels cannot be reflected so far) and reflected borders, as
    torchmetrics has it. The luminance term takes intensities, which are not negative: the images are shifted to
    [0, 2] first, for in [-1, 1] two greys a little either side of the middle would count as opposites.
    """
    batches = range(0, len(first), BATCH)
    parts = [_ssim(first[i : i + BATCH] + 1.0, second[i : i + BATCH] + 1.0) for i in batches]
    return np.concatenate([np.empty(0), *parts])


def mean_pairwise_ssim(images: Images, *, seed: int) -> float | None:
    """Mean SSIM of `image_pairs` of images [N, C, H, W] in [-1, 1]; None with fewer than two images.

    The nearer to 1, the less the images differ (Odena et al. 2017, section 4.2, with the single-scale SSIM).
    """
    first, second = image_pairs(len(images), seed=seed)
    return float(ssim(images[first], images[second]).mean()) if len(first) else None


def mean_nearest_ssim(images: Images, training: Images) -> float | None:
    """Mean SSIM of each image [N, C, H, W] to the training image [M, C, H, W] that is nearest in pixels (L2).

    None where either has no image.
    """
    if not len(images) or not len(training):
        return None
    nearest = pairwise_distances_argmin(_flat(images), _flat(training))
    return float(ssim(images, training[nearest]).mean())


def image_pairs(num_images: int, *, seed: int) -> tuple[Integers, Integers]:
    """Positions of the first and the second images of pairs of different images.

    All pairs where they are no more than NUM_PAIRS, else that many at random, with replacement.
    """
    if num_images * (num_images - 1) // 2 <= NUM_PAIRS:
        first, second = np.triu_indices(num_images, k=1)
        return first.astype(np.int64), second.astype(np.int64)
    rng = numpy_generator(seed, "image pairs")
    first = rng.integers(num_images, size=NUM_PAIRS)
    return first, (first + rng.integers(1, num_images, size=NUM_PAIRS)) % num_images


def _flat(images: Images) -> Images:
    return images.reshape(len(images), -1)


def _ssim(x: Images, y: Images) -> Floats:
    """SSIM [N] of images [N, C, H, W] in [0, DATA_RANGE]; the names are those of eq. 13."""
    c1, c2 = (K1 * DATA_RANGE) ** 2, (K2 * DATA_RANGE) ** 2
    rows, columns = (_blur_matrix(side).astype(x.dtype) for side in x.shape[-2:])

    def blur(values: Images) -> Images:
        blurred: Images = rows @ values @ columns.T
        return blurred

    mu_x, mu_y = blur(x), blur(y)
    # Rounding can take the variance of a flat patch below zero.
    variances = np.maximum(blur(x * x) - mu_x**2, 0) + np.maximum(blur(y * y) - mu_y**2, 0)
    covariance = blur(x * y) - mu_x * mu_y
    luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    similarity: Floats = (luminance * structure).mean(axis=(1, 2, 3), dtype=np.float64)
    return similarity


def _blur_matrix(side: int) -> Floats:
    """The matrix [side, side] that blurs a line of `side` pixels by the Gaussian window, reflected at both ends.

    A product with it is many times quicker than a convolution where images are small.
    """
    reach = min(WINDOW // 2, side - 1)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    sources = np.pad(np.arange(side), reach, mode="reflect")
    matrix = np.zeros((side, side))
    for row in range(side):
        np.add.at(matrix[row], sources[row : row + len(offsets)], weights / weights.sum())
    return matrix
