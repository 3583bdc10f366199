"""Simulated studies, few of each: what is said falsely, and how often a gain is found (see docs/statistics.md)."""

import numpy as np

from benchmarks.verdict_simulation import MARGIN, Design, Spreads, rates, simulate


def test_without_a_gain_hardly_a_study_says_that_there_is_one() -> None:
    found = rates(Design(gains=(0.0,) * 8), studies=150, seed=0)
    # At most 0.05: of 150 studies 14 and more have a chance below one in a hundred.
    assert found.false_differences < 0.09
    assert found.seeds < 6


def test_gains_as_large_as_the_margin_are_hardly_called_none() -> None:
    found = rates(Design(gains=(MARGIN,) * 4, images=1_000, seeds=(4, 6, 8)), studies=60, seed=1)
    assert found.false_equivalences < 0.14
    assert found.false_differences == 0.0


def test_large_gains_are_decided_and_the_wrong_way_round_by_none() -> None:
    found = rates(Design(gains=(0.15,) * 4, images=400), studies=30, seed=2)
    assert found.decided > 0.95
    assert found.false_differences == 0.0


def test_the_true_recall_is_the_one_that_was_asked_for() -> None:
    rng = np.random.default_rng(3)
    alone = Spreads(image=0.1, method_on_image=0.0, split=0.0, method_on_split=0.0, fit=0.0)
    outcome = simulate(Design(gains=(0.1,), images=2_000, spreads=alone, seeds=(8,)), rng)
    (decision,) = outcome.decisions
    low, high = decision.interval or (0.0, 0.0)
    assert low < 0.1 < high
    assert high - low < 0.05
