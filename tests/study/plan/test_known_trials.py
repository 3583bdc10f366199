"""What of a long search the sampler learns from."""

from collections.abc import Iterable

import numpy as np

from gan_study.study.plan.known_trials import BEST_KNOWN, MOST_KNOWN, KnownTrials


def _listed(values: Iterable[float | None]) -> list[int]:
    """The places of those that are known."""
    known = KnownTrials[int]()
    for place, value in enumerate(values):
        known.add(place, value)
    return known.listed()


def test_a_short_history_is_known_as_it_is() -> None:
    assert _listed([0.1, None] + [0.0] * (MOST_KNOWN - 2)) == list(range(MOST_KNOWN))


def test_of_a_long_history_the_best_and_the_latest_are_known() -> None:
    oldest = [0.5 + place for place in range(BEST_KNOWN - 1)]
    latest = [0.1] * (MOST_KNOWN - BEST_KNOWN) + [0.2]
    values = [*oldest, None, *([0.0] * 200), *latest]
    end = len(values)
    assert _listed(values) == [*range(len(oldest)), *range(end - len(latest), end)]


def test_the_latest_are_known_where_nothing_came_to_its_end() -> None:
    assert _listed([None] * 2 * MOST_KNOWN) == list(range(MOST_KNOWN, 2 * MOST_KNOWN))


def test_one_that_is_no_longer_among_the_best_counts_as_one_of_the_latest() -> None:
    """At every length as by sorting all: values repeat, and some trials have none."""
    drawn = np.random.default_rng(0).integers(-10, 40, size=4 * MOST_KNOWN)
    values = [None if value < 0 else float(value) for value in drawn]
    known = KnownTrials[int]()
    for last, value in enumerate(values):
        known.add(last, value)
        best = sorted(
            (place for place in range(last + 1) if values[place] is not None), key=lambda place: -values[place]
        )[:BEST_KNOWN]
        others = [place for place in range(last + 1) if place not in best][-(MOST_KNOWN - len(best)) :]
        assert known.listed() == sorted(best + others)
