from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gan_study.trainables.balancing.methods.feature_smote import FeatureSmote
from gan_study.trainables.balancing.methods.smote import Smote
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Classes, TrainingSet


def made(balancer: Smote, training: TrainingSet, label: int) -> Tensor:
    (balanced,) = balancer.balance(training, seed=1)
    kept = (balanced.training.labels == label) & balanced.training.synthetic
    return balanced.training.images[kept]


def shares_on_the_way(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """U [M] such that each point is start + u (end - start); fails where one is not on that line."""
    way = (end - start).flatten()
    shares = (points - start).flatten(1) @ way / way.square().sum()
    expected = start + shares[:, None, None, None] * (end - start)
    torch.testing.assert_close(points, expected)
    return shares


def test_new_images_lie_between_two_of_the_class(training: TrainingSet) -> None:
    first, second = training.of_class(2)
    shares = shares_on_the_way(made(Smote(balance_to=5.0), training, 2), first, second)
    assert len(shares) == 28
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares.std() > 0.2


def test_only_the_nearest_neighbours_are_taken(training: TrainingSet) -> None:
    # Of three images in a row at 0, 0.1 and 0.5 the nearest to the first two are each other.
    images = training.images.clone()
    places = torch.tensor([0.0, 0.1, 0.5])
    images[training.labels == 1] = places[:, None, None, None].expand(-1, 1, 8, 8)
    in_a_row = replace(training, images=images)
    near = made(Smote(balance_to=20.0, k_neighbors=1), in_a_row, 1).mean(dim=(1, 2, 3))
    far = made(Smote(balance_to=20.0, k_neighbors=2), in_a_row, 1).mean(dim=(1, 2, 3))
    # One neighbour: the third pairs with the second, so that each half is as dense as its share of the pairs.
    assert (near < 0.1).float().mean().item() == pytest.approx(2 / 3, abs=0.15)
    # Two: from 0 to 0.5 in a third of the pairs, a fifth of these below 0.1; 0.1 to 0.5 in another third.
    assert (far < 0.1).float().mean().item() == pytest.approx(0.4, abs=0.15)


def test_a_class_too_small_for_its_neighbours_is_noted(training: TrainingSet) -> None:
    (balanced,) = Smote(k_neighbors=2).balance(training, seed=1)
    assert balanced.notes == ("class 'few' has 2 images: SMOTE takes 1 of 2 neighbours",)
    (balanced,) = FeatureSmote().balance(training, seed=1)
    assert [note.split(":")[0] for note in balanced.notes] == [
        "class 'some' has 3 images",
        "class 'few' has 2 images",
    ]
    (balanced,) = Smote(k_neighbors=1).balance(training, seed=1)
    assert balanced.notes == ()


@pytest.mark.parametrize("balancer", [Smote(), FeatureSmote()])
def test_a_class_of_one_image_is_an_error(training: TrainingSet, balancer: Smote | FeatureSmote) -> None:
    without_one = training.take(torch.arange(7))
    with pytest.raises(DataError, match="class 'few' has one image in the training set; SMOTE needs two"):
        next(balancer.balance(without_one, seed=1))
    alone_but_no_minority = replace(without_one, classes=Classes(names=training.classes.names, minority=(1,)))
    next(balancer.balance(alone_but_no_minority, seed=1))


def test_where_nothing_lacks_nothing_is_made(training: TrainingSet) -> None:
    (balanced,) = Smote(balance_to=0.1).balance(training, seed=1)
    assert torch.equal(balanced.training.images, training.images)


def test_features_get_neighbours_in_a_second_stage(training: TrainingSet) -> None:
    (balanced,) = FeatureSmote(balance_to=0.5, steps_share=0.3).balance(training, seed=1)
    assert balanced.training is training
    stage = balanced.plan.head_stage
    assert stage is not None
    assert stage.steps_share == 0.3
    features = torch.rand(11, 4, generator=torch.Generator().manual_seed(0))
    given = torch.full((11,), 0.5)
    given[training.labels == 2] = torch.tensor([1.0, 2.0])
    more, labels, weights = stage.rebalance(features, training.labels, given, 7)
    # A new row weighs as those of its class do on average.
    assert torch.equal(weights, torch.cat([given, torch.tensor([1.5])]))
    assert labels.bincount().tolist() == [6, 3, 3]
    assert torch.equal(more[:11], features)
    first, second = features[training.labels == 2]
    share = ((more[11] - first) / (second - first)).unique()
    assert share.max() - share.min() < 1e-4 and 0 <= share.min() <= 1
    again, other = (stage.rebalance(features, training.labels, training.weights, seed)[0] for seed in (7, 8))
    assert torch.equal(more, again) and not torch.equal(more, other)
