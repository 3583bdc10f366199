"""Borderline- and Safe-Level-SMOTE on points whose neighbours are known."""

import numpy as np
import pytest
import torch

from gan_study.trainables.balancing.methods.neighbourhood_smote import (
    BorderlineSmote,
    SafeLevelSmote,
    between_safe,
    safe_levels,
)
from gan_study.trainables.balancing.methods.smote import Smote
from gan_study.trainables.data.images import Classes, TrainingSet, real_set


def on_a_line(many: list[float], few: list[float]) -> TrainingSet:
    """One-pixel images, whose distances are those of the numbers."""
    images = torch.tensor([*many, *few], dtype=torch.float32).reshape(-1, 1, 1, 1)
    labels = torch.tensor([0] * len(many) + [1] * len(few))
    return real_set(images, labels, Classes(names=("many", "few"), minority=(1,)))


def made(balancer: BorderlineSmote | SafeLevelSmote | Smote, training: TrainingSet) -> torch.Tensor:
    (balanced,) = balancer.balance(training, seed=1)
    return balanced.training.images[balanced.training.synthetic].flatten()


def test_only_images_at_the_border_are_drawn_from() -> None:
    # 0.30 has 0.35 and 0.40 of the others and 0.20 of its own nearest: in danger, as two of three are of others.
    # The four at -0.9 have one another.
    training = on_a_line([0.35, 0.40, *np.linspace(0.5, 0.9, 18)], [-0.92, -0.91, -0.90, -0.89, 0.20, 0.30])
    balancer = BorderlineSmote(k_neighbors=1, m_neighbors=3)
    found = made(balancer, training)
    assert len(found) == 14
    assert found.min() >= 0.20 - 1e-6 and found.max() <= 0.30 + 1e-6
    assert made(Smote(k_neighbors=1), training).min() < -0.85


def test_where_no_image_lies_at_the_border_all_are_drawn_from_and_a_note_says_so() -> None:
    training = on_a_line([*np.linspace(0.5, 0.9, 9)], [-0.9, -0.8, -0.7])
    (balanced,) = BorderlineSmote(k_neighbors=2, m_neighbors=2).balance(training, seed=1)
    assert balanced.training.class_counts() == (9, 9)
    [note] = balanced.notes
    assert note.startswith("class 'few': no image is at the border of its class; ")


def test_a_safe_level_counts_the_neighbours_of_the_class() -> None:
    rows = np.array([[0.0], [1.0], [2.5], [4.5], [4.6], [4.7]], dtype=np.float32)
    is_own = np.array([True, True, False, True, False, False])
    # Two nearest: of 0 are 1 and 2.5; of 1 are 0 and 2.5; of 4.5 are 4.6 and 4.7.
    assert safe_levels(rows, is_own, k_neighbors=2).tolist() == [1, 1, 0]


def test_an_image_that_lies_in_both_classes_is_not_its_own_neighbour() -> None:
    rows = np.array([[0.0], [0.0], [3.0], [2.5]], dtype=np.float32)
    is_own = np.array([True, False, True, False])
    assert safe_levels(rows, is_own, k_neighbors=1).tolist() == [0, 0]


def between(levels: list[int]) -> np.ndarray:
    """What is made between 0 and 1, which have these safe levels."""
    own = np.array([[0.0], [1.0]], dtype=np.float32)
    found = between_safe(own, np.array(levels), 4000, k_neighbors=1, random=np.random.default_rng(0))
    assert found is not None
    return found[:, 0]


def test_new_images_are_nearer_to_the_safer_one() -> None:
    # Levels 4 and 1: at most a quarter of the way from the first.
    found = between([4, 1])
    assert found.max() == pytest.approx(0.25, abs=1e-3) and found.min() == pytest.approx(0.0, abs=1e-3)
    assert found.mean() == pytest.approx(0.125, abs=0.005)
    assert between([1, 4]).min() == pytest.approx(0.75, abs=1e-3)
    # Of equal levels anywhere, and from one of level 0 nowhere but at the other.
    assert between([2, 2]).mean() == pytest.approx(0.5, abs=0.02)
    assert between([2, 2]).std() == pytest.approx(1 / np.sqrt(12), abs=0.01)
    assert set(between([3, 0]).tolist()) == {0.0}


def test_between_two_that_others_surround_there_is_nothing_safe() -> None:
    own = np.array([[0.0], [1.0]], dtype=np.float32)
    assert between_safe(own, np.array([0, 0]), 5, k_neighbors=1, random=np.random.default_rng(0)) is None
    training = on_a_line([-0.51, -0.49, 0.49, 0.51, 0.9], [-0.5, 0.5])
    (balanced,) = SafeLevelSmote(k_neighbors=1).balance(training, seed=1)
    assert balanced.training.class_counts() == (5, 5)
    assert "no image is near another of its class" in balanced.notes[-1]


def test_noise_is_left_alone() -> None:
    # 0.7 lies among the others: nothing is made on the way to it.
    training = on_a_line([*np.linspace(0.6, 0.9, 12)], [-0.9, -0.88, -0.86, -0.84, 0.7])
    found = made(SafeLevelSmote(k_neighbors=3), training)
    assert found.max() <= -0.84 + 1e-6
