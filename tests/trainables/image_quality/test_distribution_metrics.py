import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from gan_study.trainables.image_quality.distribution_metrics import (
    NEIGHBOURS,
    expected_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    manifold_scores,
)


@pytest.fixture
def real():
    return np.random.default_rng(0).normal(size=(90, 6)) @ np.diag([1.0, 2, 1, 0.5, 1, 1])


@pytest.fixture
def generated():
    return np.random.default_rng(1).normal(0.3, 1.2, size=(70, 6))


def standardised(features, real):
    return (features - real.mean(axis=0)) / np.sqrt(real.var(axis=0).mean())


class Identity(torch.nn.Module):
    """Features that are the images themselves, for torchmetrics, which wants a network."""

    num_features = 6

    def forward(self, features):
        return features


def torchmetrics_distance(metric, real, generated):
    metric.set_dtype(torch.float64)
    metric.update(torch.tensor(real), real=True)
    metric.update(torch.tensor(generated), real=False)
    return metric.compute()


def test_frechet_distance_agrees_with_torch_fidelity(real, generated):
    statistics = [fid_features_to_statistics(torch.tensor(features)) for features in (real, generated)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(real, generated) == pytest.approx(expected, abs=1e-9)


def test_frechet_distance_agrees_with_torchmetrics(real, generated):
    metric = FrechetInceptionDistance(feature=Identity(), input_img_size=(6,))
    expected = torchmetrics_distance(metric, real, generated)
    assert frechet_distance(real, generated) == pytest.approx(expected.item(), abs=1e-5)


def test_frechet_distance_of_two_gaussians_worked_by_hand():
    # Means 0 and (3, 4); covariances diag(2, 2) and diag(8, 2): 25 + (2 + 8 - 2 * 4) + (2 + 2 - 2 * 2) = 27.
    corners = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(1.5)
    assert frechet_distance(corners, corners * [2, 1] + [3, 4]) == pytest.approx(27, abs=1e-9)


def test_frechet_distance_of_a_set_with_itself_is_zero(real):
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-12)


def test_a_dimension_that_never_varies_does_not_matter(real, generated):
    padded = [np.column_stack([features, np.zeros(len(features))]) for features in (real, generated)]
    assert frechet_distance(*padded) == pytest.approx(frechet_distance(real, generated), abs=1e-9)


@pytest.mark.parametrize(("num_real", "num_generated", "given"), [(7, 7, True), (6, 7, False), (7, 6, False)])
def test_frechet_distance_is_refused_without_more_images_than_dimensions(
    real, generated, num_real, num_generated, given
):
    assert (frechet_distance(real[:num_real], generated[:num_generated]) is not None) == given


def test_kernel_distance_worked_by_hand():
    # Real -1 and 1 (mean 0, deviation 1), other 2 and 3: k(x, y) = (x y + 1)^3.
    # Real pairs: (-1 + 1)^3 = 0; other pairs: 7^3 = 343; across: -1, -8, 27, 64 of mean 20.5.
    real, other = np.array([[-1.0], [1.0]]), np.array([[2.0], [3.0]])
    assert kernel_distance(real, other) == pytest.approx(0 + 343 - 41, abs=1e-9)


def test_kernel_distance_agrees_with_torch_fidelity_and_torchmetrics(real, generated):
    real = real[:70]
    sets = [standardised(features, real) for features in (real, generated)]
    ours = kernel_distance(real, generated)
    fidelity = kid_features_to_metric(
        *map(torch.tensor, sets), kid_subsets=1, kid_subset_size=70, kid_kernel="poly", verbose=False
    )
    assert ours == pytest.approx(fidelity["kernel_inception_distance_mean"], abs=1e-9)
    metric = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=70)
    assert ours == pytest.approx(torchmetrics_distance(metric, *sets)[0].item(), abs=1e-5)


def test_kernel_distance_does_not_depend_on_the_scale_of_the_features(real, generated):
    assert kernel_distance(50 * real + 3, 50 * generated + 3) == pytest.approx(
        kernel_distance(real, generated), abs=1e-9
    )


def test_kernel_distance_of_fresh_real_images_is_zero_on_average():
    rng = np.random.default_rng(2)
    distances = [kernel_distance(rng.normal(size=(30, 4)), rng.normal(size=(12, 4))) for _ in range(400)]
    assert np.mean(distances) == pytest.approx(0, abs=4 * np.std(distances) / 20)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_manifold_scores_agree_with_prdc(real, generated, neighbours):
    ours = manifold_scores(real, generated, neighbours=neighbours)
    assert ours._asdict() == pytest.approx(compute_prdc(real, generated, neighbours), abs=1e-12)


def test_manifold_scores_worked_by_hand():
    # Real 0, 1, 3, radii to the nearest other 1, 1, 2; generated 0.5, 2, 10, radii 1.5, 1.5, 8.
    # 0.5 lies within the balls of 0 and 1; 2 within that of 3 (not of 1: a ball is open); 10 within none.
    # 0 and 1 lie within the ball of 0.5, 1 and 3 within that of 2. Every real ball holds a generated image.
    real, generated = np.array([[0.0], [1], [3]]), np.array([[0.5], [2], [10]])
    assert manifold_scores(real, generated, neighbours=1) == pytest.approx((2 / 3, 1, 1, 1))


def test_manifold_scores_need_more_images_than_neighbours(real, generated):
    assert manifold_scores(real[: NEIGHBOURS + 1], generated[: NEIGHBOURS + 1]) is not None
    assert manifold_scores(real[:NEIGHBOURS], generated) is None
    assert manifold_scores(real, generated[:NEIGHBOURS]) is None


def test_inception_score_agrees_with_torch_fidelity_and_torchmetrics(generated):
    logits = torch.tensor(generated)
    ours = inception_score(logits.softmax(dim=1).numpy())
    assert ours == pytest.approx(isc_features_to_metric(logits, splits=1)["inception_score_mean"], abs=1e-9)
    metric = InceptionScore(feature=Identity(), splits=1)
    metric.update(logits)
    assert ours == pytest.approx(metric.compute()[0].item(), abs=1e-5)


def test_inception_score_is_the_number_of_classes_found_with_certainty():
    assert inception_score(np.eye(4)) == pytest.approx(4)
    assert inception_score(np.eye(4)[[2, 2, 2]]) == pytest.approx(1)
    assert inception_score(np.full((3, 4), 0.25)) == pytest.approx(1)
    assert inception_score(np.empty((0, 4))) is None


def test_fresh_images_cover_as_much_as_is_expected_of_them():
    random = np.random.default_rng(0)
    found = [manifold_scores(*random.normal(size=(2, 30, 3))).coverage for _ in range(200)]
    expected = expected_coverage(30, 30)
    # (29 * 28 * 27 * 26 * 25) / (59 * 58 * 57 * 56 * 55) are left.
    assert expected == pytest.approx(1 - 14250600 / 600766320)
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(200))
    assert expected_coverage(NEIGHBOURS, 30) is expected_coverage(30, NEIGHBOURS) is None
