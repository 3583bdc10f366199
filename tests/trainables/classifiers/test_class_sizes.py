import math

import pytest

from gan_study.trainables.classifiers.class_sizes import effective_number_weights, label_aware_margins, log_priors


def test_log_priors_by_hand() -> None:
    assert log_priors((6, 3, 1)) == pytest.approx([math.log(0.6), math.log(0.3), math.log(0.1)], abs=1e-12)


def test_effective_numbers_by_hand() -> None:
    # beta 1/2: 1 - 1/2 = 1/2 and 1 - 1/8 = 7/8, so 1 and 4/7, times 2 / (11/7).
    assert effective_number_weights((1, 3), beta=0.5) == pytest.approx([14 / 11, 8 / 11], abs=1e-12)


@pytest.mark.parametrize(("beta", "ratio"), [(0.0, 1.0), (1 - 1e-9, 10.0)])
def test_effective_numbers_lie_between_equal_and_inverse(beta: float, ratio: float) -> None:
    many, few = effective_number_weights((1000, 100), beta=beta)
    assert few / many == pytest.approx(ratio, rel=1e-5)
    assert many + few == pytest.approx(2.0, abs=1e-12)


def test_margins_by_hand() -> None:
    # Fourth roots of 16 and 81 are 2 and 3.
    assert label_aware_margins((81, 16), largest=0.5) == pytest.approx([1 / 3, 1 / 2], abs=1e-12)


def test_a_class_without_images_changes_nothing_for_the_others() -> None:
    assert log_priors((6, 0, 2))[1] == 0.0
    assert log_priors((6, 0, 2))[::2] == log_priors((6, 2))
    weights = effective_number_weights((6, 0, 2), beta=0.9)
    assert weights[1] == 0.0
    assert weights[2] / weights[0] == pytest.approx((1 - 0.9**6) / (1 - 0.9**2), rel=1e-12)
    assert label_aware_margins((6, 0, 2), largest=0.5)[1] == 0.0
    assert label_aware_margins((6, 0, 2), largest=0.5)[::2] == label_aware_margins((6, 2), largest=0.5)
