"""The race of the defaults: who is left after each round."""

from itertools import count, pairwise

import pytest

from gan_study.study.plan.race import RaceRound, Standing, race_rounds, rank, standing


def test_eight_become_four_and_two_and_the_second_round_has_two_more_splits():
    assert race_rounds(8, survivors=2, splits=count(3)) == (
        RaceRound(num_variants=8, splits=(0,)),
        RaceRound(num_variants=4, splits=(3, 4)),
    )
    assert [each.num_variants for each in race_rounds(14, survivors=1, splits=count(3))] == [14, 7, 4, 2]
    assert race_rounds(2, survivors=2, splits=count(3)) == (RaceRound(num_variants=2, splits=(0,)),)
    assert race_rounds(1, survivors=1, splits=count(3)) == (RaceRound(num_variants=1, splits=(0,)),)


@pytest.mark.parametrize("survivors", [1, 2])
@pytest.mark.parametrize("num_variants", range(2, 20))
def test_no_survivor_is_decided_upon_in_one_split(num_variants, survivors):
    rounds = race_rounds(num_variants, survivors=survivors, splits=count(3))
    splits = [split for each in rounds for split in each.splits]
    assert len(set(splits)) == len(splits)
    sizes = [each.num_variants for each in rounds]
    assert all(earlier > later >= -(-earlier // 2) for earlier, later in pairwise(sizes))
    if num_variants > survivors:
        assert len(splits) >= 3 and sizes[-1] > survivors >= sizes[-1] // 2


def test_four_become_three_and_then_two():
    first, second = race_rounds(4, survivors=2, splits=count(3))
    assert (first.num_variants, first.splits, second.num_variants, second.splits) == (4, (0,), 3, (3, 4))
    # Of two, one of whom is to be lost, both are tried in all splits.
    assert race_rounds(2, survivors=1, splits=count(3)) == (RaceRound(num_variants=2, splits=(0, 3, 4)),)


ROUNDS = race_rounds(4, survivors=1, splits=count(3))


def test_a_round_is_over_once_all_have_ended_in_all_of_its_splits():
    gains = {"a": {0: 0.1}, "b": {0: 0.3}, "c": {0: None}}
    assert standing("abcd", ROUNDS, gains, survivors=1) == Standing(variants=tuple("abcd"), round=0)
    gains["d"] = {0: 0.2}
    assert standing("abcd", ROUNDS, gains, survivors=1) == Standing(variants=("b", "d"), round=1)
    gains["b"] |= {3: 0.1, 4: 0.1}
    gains["d"] |= {3: 0.3}
    assert standing("abcd", ROUNDS, gains, survivors=1).round == 1
    # Means over three splits: (0.3 + 0.1 + 0.1) / 3 and (0.2 + 0.3 + 0.2) / 3.
    gains["d"] |= {4: 0.2}
    assert standing("abcd", ROUNDS, gains, survivors=1) == Standing(variants=("d",), round=None)


def test_with_nobody_to_lose_nothing_is_waited_for():
    assert standing("a", race_rounds(1, survivors=1, splits=count(3)), {}, survivors=1).round is None


def test_a_failed_trial_does_not_count_and_one_without_a_gain_comes_last():
    gains = {"a": {0: None}, "b": {0: -0.5}, "c": {0: 0.2, 3: None}}
    assert rank("abcd", gains) == ("c", "b", "a", "d")
