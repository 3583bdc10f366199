"""Who is trained on at a rung."""

import pytest

from gan_study.study.plan.halving import goes_on


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
    assert goes_on(value, others, reduction_factor=factor) is expected
