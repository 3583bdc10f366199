"""What a filter rejects; features are the pixels themselves, of images that are points of a plane."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.images import Classes, real_set
from gan_study.trainables.image_quality import image_filter
from gan_study.trainables.image_quality.image_filter import ImageFilter, largest_distance, passed_share


def points(*places: tuple[float, float]) -> Tensor:
    return torch.tensor(places)[:, None, None, :]


def by_side(features: Tensor) -> Tensor:
    """Logits of a classifier that takes what lies to the right for class 1."""
    return torch.stack([-features[:, 0], features[:, 0]], dim=1)


# Class 1 lies on a line, a tenth apart; class 0 far to the left.
TRAINING = real_set(
    points((-0.9, 0.0), (-0.8, 0.0), *((0.5, place / 10) for place in range(5))),
    torch.tensor([0, 0, 1, 1, 1, 1, 1]),
    Classes(names=("left", "right"), minority=(1,)),
)
FILTER = ImageFilter(classifier=FittedClassifier(body=nn.Flatten(), head=by_side), training=TRAINING)


@pytest.mark.parametrize(
    ("place", "reasons"),
    [
        # Between two real ones, nearer to neither by half; and as near to a real one as another real one is.
        ((0.5, 0.05), []),
        ((0.59, 0.2), []),
        ((0.5, 0.21), ["copy"]),
        ((0.5, 0.55), ["outlier"]),
        ((-0.1, 0.2), ["another class", "outlier"]),
    ],
)
def test_reasons_by_hand(place: tuple[float, float], reasons: list[str]) -> None:
    found = FILTER(points(place), 1)
    assert [reason for reason, rejected in found.items() if rejected.item()] == reasons
    assert passed_share(found) == (not reasons)


def test_an_image_is_judged_by_the_class_that_it_was_made_for() -> None:
    assert not FILTER(points((-0.85, 0.0)), 0)["another class"].item()
    assert FILTER(points((-0.85, 0.0)), 1)["another class"].item()


def test_duplicates_among_the_training_images_hide_no_copy() -> None:
    twice = TRAINING.extended(TRAINING.images, TRAINING.labels, synthetic=False)
    assert replace(FILTER, training=twice)(points((0.5, 0.21)), 1)["copy"].item()


@pytest.mark.parametrize("most", [1, 100, 10**9])
def test_of_twenty_real_images_one_may_be_an_outlier(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_filter, "MOST_DISTANCES", most)
    # Pairs, 1 apart and then 5; each image's nearest other is 1 away but for the last two of forty.
    places = [100.0 * pair + end for pair in range(19) for end in (0, 1)] + [5000.0, 5005.0]
    assert largest_distance(np.array(places)[:, None]) == pytest.approx(np.quantile([1.0] * 38 + [5.0] * 2, 0.95))
    assert largest_distance(np.zeros((1, 2))) == math.inf
