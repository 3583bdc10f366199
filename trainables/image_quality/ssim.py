"""Structural similarity of images: to one another (diversity), and to their nearest training image (copying)."""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import pairwise_distances_argmin_min

from gan_study.trainables.base.openmp import one_openmp_thread
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.data.byte_images import ByteImages

Images = npt.NDArray[np.floating]
# Many are not held as floats.
Sample: TypeAlias = Images | ByteImages
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
# So many images at a time, or as many values, so that a set of thousands does not fill the memory with its blurred
# copies; and so many to find the nearest among, where they are not held as floats.
BATCH, BATCH_VALUES, NEAREST_VALUES = 256, 256 * 32 * 32 * 3, 2**22


def ssim(first: Images, second: Images) -> Floats:
    """Structural similarity [N] of the pairs `first[i]`, `second[i]`, in [-1, 1]; 1 if they are equal.

    Images [N, C, H, W] in [-1, 1]. Mean over the map of Wang et al. 2004, eq. 13, with a Gaussian window of 11
    pixels (smaller if an image of fewer than 6 pixels cannot be reflected that far) and reflected borders, as in
    torchmetrics. The luminance term needs non-negative intensities: the images are shifted to [0, 2] first, since
    in [-1, 1] two greys on different sides of the middle would count as opposites.
    """
    every = np.arange(len(first))
    return _ssim_of_rows(first, every, second, every)


def _ssim_of_rows(first: Sample, first_rows: Integers, second: Sample, second_rows: Integers) -> Floats:
    """SSIM of `first[first_rows[i]]` and `second[second_rows[i]]`."""
    number = max(1, min(BATCH, BATCH_VALUES // max(1, math.prod(first.shape[1:]))))
    parts = [
        _ssim(
            float_rows(first, first_rows[i : i + number]) + 1.0,
            float_rows(second, second_rows[i : i + number]) + 1.0,
        )
        for i in range(0, len(first_rows), number)
    ]
    return np.concatenate([np.empty(0), *parts])


def float_rows(images: Sample, rows: npt.NDArray[np.integer]) -> Images:
    """The images [n, C, H, W] at `rows` [n]."""
    if isinstance(images, ByteImages):
        found: Images = images[torch.from_numpy(rows).to(images.device)].cpu().numpy()
        return found
    chosen: Images = images[rows]
    return chosen


def mean_pairwise_ssim(images: Sample, *, seed: int) -> float | None:
    """Mean SSIM of `image_pairs` of images [N, C, H, W] in [-1, 1]; None with fewer than two images.

    The nearer to 1, the less the images differ (Odena et al. 2017, section 4.2, with the single-scale SSIM).
    """
    first, second = image_pairs(len(images), seed=seed)
    return float(_ssim_of_rows(images, first, images, second).mean()) if len(first) else None


def mean_nearest_ssim(images: Sample, training: Sample) -> float | None:
    """Mean SSIM of each image [N, C, H, W] to the training image [M, C, H, W] that is nearest in pixels (L2).

    None if either has no image.
    """
    if not len(images) or not len(training):
        return None
    found = np.concatenate([_nearest(block, training) for block in _blocks(images)])
    return float(_ssim_of_rows(images, np.arange(len(images)), training, found).mean())


def _nearest(images: Images, training: Sample) -> Integers:
    """The row of the training image that each of `images` is nearest to, the first of equally near ones."""
    row, least, first = np.zeros(len(images), dtype=np.int64), np.full(len(images), np.inf), 0
    for block in _blocks(training):
        with one_openmp_thread():
            found, distance = pairwise_distances_argmin_min(_flat(images), _flat(block))
        nearer = distance < least
        row[nearer], least[nearer] = first + found[nearer], distance[nearer]
        first += len(block)
    return row


def _blocks(images: Sample) -> Iterator[Images]:
    """Images that are held as floats at once, others some at a time."""
    if not isinstance(images, ByteImages):
        yield images
        return
    for block in images.split(max(1, NEAREST_VALUES // math.prod(images.shape[1:]))):
        yield block.cpu().numpy()


def image_pairs(num_images: int, *, seed: int) -> tuple[Integers, Integers]:
    """Positions of the first and the second images of pairs of different images.

    All pairs if there are at most NUM_PAIRS, else that many at random, with replacement.
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
