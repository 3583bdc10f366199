"""Pairs of generated and training images, and the points of a map."""

import numpy as np
import pytest

from gan_study.trainables.image_quality.class_quality import ImageSample
from gan_study.trainables.image_quality.nearest import NUM_PAIRS, pair_with_nearest, project_images


def sample(values):
    """Images of one pixel, whose only feature is its value."""
    column = np.asarray(values, dtype=np.float64)[:, None]
    return ImageSample(images=column[:, :, None, None], features=column)


def test_the_pairs_go_from_the_most_to_the_least_like_a_copy():
    # Ratios by hand: 0.4 / 0.6, 0 / 1, 0.2 / 0.8.
    found = pair_with_nearest(sample([0.4, 1.0, 1.8]), sample([0.0, 1.0, 2.0]))
    assert found.generated.ravel().tolist() == [1.0, 1.8, 0.4]
    assert found.nearest.ravel().tolist() == [1.0, 2.0, 0.0]
    assert found.distances == pytest.approx([0, 0.2, 0.4])
    assert found.ratios == pytest.approx([0, 0.25, 2 / 3])
    assert found.is_copy.tolist() == [True, True, False]


def test_of_many_images_eight_are_shown_the_worst_and_the_best_among_them():
    made = np.linspace(0.01, 0.49, 100)
    found = pair_with_nearest(sample(made), sample([0.0, 1.0]))
    assert len(found.ratios) == NUM_PAIRS
    assert (found.generated.ravel()[[0, -1]] == made[[0, -1]]).all()
    assert (np.diff(found.ratios) > 0).all()


def test_a_single_training_image_has_no_next_nearest():
    found = pair_with_nearest(sample([0.5, 0.25]), sample([0.0]))
    assert np.isnan(found.ratios).all()
    assert not found.is_copy.any()
    assert found.distances.tolist() == [0.25, 0.5]


def test_a_map_has_as_many_points_as_can_be_seen_and_keeps_distances():
    random = np.random.default_rng(0)

    def images(number):
        return ImageSample(images=np.zeros((number, 1, 1, 1)), features=random.normal(size=(number, 5)))

    both = {label: (images(100), images(20)) for label in (3, 8)}
    found = project_images(both)
    assert found.features.shape == (2 * (60 + 20), 5)
    assert found.labels.tolist() == [3] * 80 + [8] * 80
    assert found.synthetic.tolist() == ([True] * 60 + [False] * 20) * 2
    training = both[3][1].features
    wanted = np.linalg.norm(training[0] - training[1])
    assert np.linalg.norm(found.features[60] - found.features[61]) == pytest.approx(wanted)
    many = project_images({label: (images(60), images(60)) for label in range(20)})
    assert len(many.labels) == 600
