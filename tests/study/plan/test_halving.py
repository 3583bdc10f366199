"""Who is trained on at a rung."""

import pytest

from gan_study.study.plan.halving import Rung


@pytest.mark.parametrize(
    ("value", "others", "factor", "expected"),
    [
        (-1.0, [], 2, True),
        (0.1, [0.2], 2, False),
        (0.3, [0.2], 2, True),
        # Of three the better two, as half of three is rounded up; of four two.
        (0.2, [0.1, 0.3], 2, True),
        (0.2, [0.1, 0.3, 0.4], 2, False),
        (0.0, [0.9], 3, True),
        (0.5, [0.1, 0.2, 0.3, 0.6, 0.4], 3, True),
        (0.4, [0.1, 0.2, 0.3, 0.6, 0.5], 3, False),
    ],
)
def test_the_best_share_of_those_that_came_so_far(value, others, factor, expected):
    rung = Rung()
    for number, each in enumerate([value, *others]):
        rung.note(number, each)
    assert rung.goes_on(0, reduction_factor=factor) is expected


def test_a_trial_that_is_run_again_counts_once():
    rung = Rung()
    for number, value in [(0, 0.2), (1, 0.9), (1, 0.1), (2, 0.3)]:
        rung.note(number, value)
    # Of 0.2, 0.1 and 0.3 the better two.
    assert [rung.goes_on(number, reduction_factor=2) for number in range(3)] == [True, False, True]
