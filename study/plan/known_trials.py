"""The ended search trials that TPE gets: a bounded part of them, kept as they end."""

from bisect import insort
from collections import deque
from typing import Generic, TypeVar

_Trial = TypeVar("_Trial")

# TPE takes a tenth of the points that it knows, 25 at most, for good; the others count less the older they are. Of
# more than MOST_KNOWN it is given the BEST_KNOWN and the latest others: its time does not grow with the search.
MOST_KNOWN, BEST_KNOWN = 100, 25


class KnownTrials(Generic[_Trial]):
    """Of the trials added so far: the BEST_KNOWN by value and the latest others, MOST_KNOWN together.

    Of trials with equal values the earlier is better. The time to add one and to list them does not depend on how
    many were added.
    """

    def __init__(self) -> None:
        self._num_added = 0
        # (-value, place): the best first. All that may be among the latest others are among the latest MOST_KNOWN.
        self._best: list[tuple[float, int]] = []
        self._best_trials: dict[int, _Trial] = {}
        self._latest: deque[tuple[int, _Trial]] = deque(maxlen=MOST_KNOWN)

    def add(self, trial: _Trial, value: float | None) -> None:
        """Add a trial that has ended; `value` is None unless it completed."""
        place, self._num_added = self._num_added, self._num_added + 1
        self._latest.append((place, trial))
        if value is None:
            return
        insort(self._best, (-value, place))
        self._best_trials[place] = trial
        if len(self._best) > BEST_KNOWN:
            _, dropped = self._best.pop()
            del self._best_trials[dropped]

    def listed(self) -> list[_Trial]:
        """The trials for TPE, oldest first."""
        others = [each for each in self._latest if each[0] not in self._best_trials]
        chosen = dict(others[-(MOST_KNOWN - len(self._best)) :]) | self._best_trials
        return [chosen[place] for place in sorted(chosen)]
