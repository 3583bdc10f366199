"""The race of the defaults: who is left after each round."""

from itertools import count

from gan_study.study.plan.race import RaceRound, Standing, race_rounds, rank, standing


def test_eight_become_four_and_two_and_the_second_round_has_two_more_splits():
    assert race_rounds(8, survivors=2, splits=count(3)) == (
        RaceRound(num_variants=8, splits=(0,)),
        RaceRound(num_variants=4, splits=(3, 4)),
    )
    assert [each.num_variants for each in race_rounds(14, survivors=1, splits=count(3))] == [14, 7, 4, 2]
    assert race_rounds(1, survivors=1, splits=count(3)) == (RaceRound(num_variants=1, splits=(0,)),)


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
