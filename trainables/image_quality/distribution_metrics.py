"""How far generated images are from real ones, all from features [N, D] of both or from class probabilities.

The source of the features (usually a classifier's last but one layer) is not known here. Numbers from different
features cannot be compared. Every function returns None if there are too few images.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr, svdvals
from sklearn.metrics.pairwise import euclidean_distances

Features = npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]

# Naeem et al. 2020 choose 5 for density and coverage, Kynkäänniemi et al. 2019 take 3 for precision and recall;
# one number for all four is what the reference implementation of the former (prdc) has.
NEIGHBOURS = 5


def frechet_distance(first: Features, second: Features) -> float | None:
    """Fréchet distance of two feature sets [N, D] and [M, D], treated as Gaussians, in [0, inf).

    |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)), Heusel et al. 2017, eq. 6. None unless both have more images than
    feature dimensions: with fewer the covariance is singular and the estimate is mostly bias. It falls with the
    number of images in any case, so only distances from equal numbers can be compared.
    """
    if min(len(first), len(second)) <= first.shape[1]:
        return None
    shift = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    root_1, root_2 = _covariance_root(first), _covariance_root(second)
    # With C = R'R the eigenvalues of C1 C2 are the squared singular values of R1 R2': real, and never negative.
    overlap = svdvals(root_1 @ root_2.T).sum()
    distance = shift @ shift + (root_1**2).sum() + (root_2**2).sum() - 2 * overlap
    return max(float(distance), 0.0)


def kernel_distance(real: Features, other: Features) -> float | None:
    """Squared maximum mean discrepancy of two feature sets [N, D] and [M, D] (KID), unbiased: about 0 if equal.

    Kernel (x'y / D + 1)^3, Bińkowski et al. 2018, section 4, estimated over all pairs at once (Gretton et al.
    2012, eq. 3), which varies less than a mean over subsets. The features are first centred on the real ones and
    divided by the real ones' overall standard deviation, so that the scale of a classifier's features does not
    matter (one number: with each dimension's own, a unit that hardly ever fires would count as much as all the
    others together). None with fewer than two images on either side.
    """
    if min(len(real), len(other)) < 2:
        return None
    centre = real.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(real.var(axis=0, dtype=np.float64).mean())) or 1.0
    x, y = (real - centre) / scale, (other - centre) / scale
    return _mean_off_diagonal(_cubic(x, x)) + _mean_off_diagonal(_cubic(y, y)) - 2 * float(_cubic(x, y).mean())


class ManifoldScores(NamedTuple):
    """Precision, recall and coverage, each in [0, 1], and density, in [0, inf) and about 1 if equal."""

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real: Features, generated: Features, *, neighbours: int = NEIGHBOURS) -> ManifoldScores | None:
    """The overlap of two feature sets [N, D] and [M, D], each seen as balls that reach to the k-th neighbour.

    Precision: generated images within some real image's ball; recall: real images within some generated image's
    (Kynkäänniemi et al. 2019, eqs. 1 and 2). Density: number of real balls that contain a generated image, over k;
    coverage: real images whose ball contains a generated one (Naeem et al. 2020, section 3). Recall and coverage
    rise with the number of generated images. None if either set has at most k images.
    """
    if min(len(real), len(generated)) <= neighbours:
        return None
    distances = euclidean_distances(real, generated)
    within_real = distances < _radii(real, neighbours)[:, None]
    within_generated = distances < _radii(generated, neighbours)[None, :]
    return ManifoldScores(
        precision=float(within_real.any(axis=0).mean()),
        recall=float(within_generated.any(axis=1).mean()),
        density=float(within_real.sum(axis=0).mean() / neighbours),
        coverage=float(within_real.any(axis=1).mean()),
    )


def expected_coverage(num_real: int, num_generated: int) -> float | None:
    """The expected coverage of new real images instead of generated ones; None as for `manifold_scores`.

    1 - (N-1)...(N-k) / ((M+N-1)...(M+N-k)) with N real and M generated images, Naeem et al. 2020, Lemma 2.
    """
    if min(num_real, num_generated) <= NEIGHBOURS:
        return None
    each = np.arange(1, NEIGHBOURS + 1)
    return 1 - float(np.prod((num_real - each) / (num_real + num_generated - each)))


def inception_score(probabilities: npt.NDArray[np.floating]) -> float | None:
    """Inception score of class probabilities [N, K], in [1, K]; None without images.

    exp of the mean over images of KL(p(y|x) || p(y)), Salimans et al. 2016, section 4, over all images at once.
    For images of one class it is 1 if the classifier is certain about them.
    """
    if not len(probabilities):
        return None
    each = probabilities.astype(np.float64)
    marginal = each.mean(axis=0)
    ratio = np.divide(each, marginal, out=np.ones_like(each), where=each > 0)
    return float(np.exp((each * np.log(ratio)).sum(axis=1).mean()))


def _covariance_root(features: Features) -> Floats:
    """R [D, D] such that R'R is the covariance of the features [N, D], N > D."""
    centred = features - features.mean(axis=0, dtype=np.float64)
    triangle = qr(centred, mode="r", overwrite_a=True)[0][: features.shape[1]]
    root: Floats = triangle / np.sqrt(len(features) - 1)
    return root


def _cubic(x: Floats, y: Floats) -> Floats:
    kernel: Floats = (x @ y.T / x.shape[1] + 1.0) ** 3
    return kernel


def _mean_off_diagonal(square: Floats) -> float:
    n = len(square)
    return float(square.sum() - np.trace(square)) / (n * (n - 1))


def _radii(features: Features, neighbours: int) -> Floats:
    """Distance [N] of each image to its k-th nearest other one."""
    # Itself is the nearest, hence place k and not k - 1.
    radii: Floats = np.partition(euclidean_distances(features), neighbours, axis=1)[:, neighbours]
    return radii
