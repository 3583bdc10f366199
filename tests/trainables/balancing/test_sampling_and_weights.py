import pytest
import torch

from gan_study.trainables.balancing.methods.class_weights import ClassWeights
from gan_study.trainables.balancing.methods.quantity import Quantity
from gan_study.trainables.balancing.methods.random_oversampling import RandomOversampling
from gan_study.trainables.balancing.methods.random_undersampling import RandomUndersampling
from gan_study.trainables.data.images import TrainingSet


def test_oversampling_repeats_images_of_the_class(training: TrainingSet) -> None:
    (balanced,) = RandomOversampling(balance_to=2.0).balance(training, seed=1)
    assert balanced.training.class_counts() == (6, 12, 12)
    assert not balanced.training.synthetic.any()
    for label in (1, 2):
        originals, copies = training.of_class(label), balanced.training.of_class(label)
        assert all(any(torch.equal(copy, original) for original in originals) for copy in copies)


def test_oversampling_to_less_than_there_is_changes_nothing(training: TrainingSet) -> None:
    (balanced,) = RandomOversampling(balance_to=0.1).balance(training, seed=1)
    assert torch.equal(balanced.training.images, training.images)


def test_undersampling_keeps_as_many_as_the_smallest_class_has(training: TrainingSet) -> None:
    (balanced,) = RandomUndersampling().balance(training, seed=1)
    assert balanced.training.class_counts() == (2, 2, 2)
    rows = [
        next(i for i, image in enumerate(training.images) if torch.equal(image, kept))
        for kept in balanced.training.images
    ]
    assert rows == sorted(set(rows))
    assert {3, 7} <= set(rows)
    assert torch.equal(balanced.training.labels, training.labels[rows])


def test_class_weights_by_hand(training: TrainingSet) -> None:
    (balanced,) = ClassWeights().balance(training, seed=1)
    # 11 / (3 * 6), 11 / (3 * 3), 11 / (3 * 2) for labels 0, 1, 2.
    expected = torch.tensor([11 / 18, 11 / 9, 11 / 6])[training.labels]
    torch.testing.assert_close(balanced.training.weights, expected)
    assert balanced.training.weights.dtype == torch.float32
    assert balanced.training.weights.sum().item() == pytest.approx(11.0, abs=1e-5)


def test_quantity_is_balanced_and_as_many_in_all(training: TrainingSet) -> None:
    # Six, three and two: four, four and three.
    (balanced,) = Quantity().balance(training, seed=1)
    assert balanced.training.class_counts() == (4, 3, 2)
    assert balanced.wanted == {1: 1, 2: 1}
    assert sum(balanced.training.class_counts()) + sum(balanced.wanted.values()) == len(training)
    first, second = (
        {image.sum().item() for image in next(iter(Quantity().balance(training, seed=seed))).training.of_class(0)}
        for seed in (1, 2)
    )
    assert first != second
