from dataclasses import replace

import pytest

from gan_study.trainables.balancing.balancer import deficits
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import Classes, TrainingSet


@pytest.mark.parametrize(
    ("balance_to", "expected"),
    [(1.0, {1: 3, 2: 4}), (0.5, {2: 1}), (0.1, {}), (1.5, {1: 6, 2: 7})],
)
def test_deficits_by_hand(training: TrainingSet, balance_to: float, expected: dict[int, int]) -> None:
    assert deficits(training, balance_to=balance_to) == expected


def test_a_minority_class_without_images_is_an_error(training: TrainingSet) -> None:
    classes = Classes(names=("many", "some", "few", "none at all"), minority=(1, 3))
    with pytest.raises(DataError, match="class 'none at all' has no image in the training set"):
        deficits(replace(training, classes=classes), balance_to=1.0)
