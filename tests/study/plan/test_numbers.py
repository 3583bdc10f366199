"""A set of numbers that is filled from 0 on."""

import random

from gan_study.study.plan.numbers import Numbers
from gan_study.trainables.records.record import to_ranges


def test_it_is_a_set_of_numbers_and_their_ranges_whatever_their_order():
    order, numbers, added = list(range(40)), Numbers(), set()
    assert (len(numbers), numbers.ranges()) == (0, "")
    random.Random(0).shuffle(order)
    for number in [*order, 3]:
        numbers.add(number)
        added.add(number)
        assert (len(numbers), numbers.ranges()) == (len(added), to_ranges(added))
        assert all((each in numbers) == (each in added) for each in range(-1, 42))
    assert numbers.ranges() == "0-39"
