"""A set of numbers that is filled from 0 on, nearly in order."""

from gan_study.trainables.records.record import Ranges, to_ranges


class Numbers:
    """Whole numbers from 0 on. The time of `ranges` depends on the gaps, not on how many numbers there are."""

    def __init__(self) -> None:
        self._first_missing = 0
        self._later: set[int] = set()

    def add(self, number: int) -> None:
        """Add a number."""
        if number >= self._first_missing:
            self._later.add(number)
        while self._first_missing in self._later:
            self._later.remove(self._first_missing)
            self._first_missing += 1

    def __contains__(self, number: int) -> bool:
        return 0 <= number < self._first_missing or number in self._later

    def __len__(self) -> int:
        return self._first_missing + len(self._later)

    def ranges(self) -> Ranges:
        """What `to_ranges` makes of them."""
        # The first missing number is a gap, so the rest begins a range of its own.
        last = self._first_missing - 1
        first = f"0-{last}" if last > 0 else to_ranges(range(self._first_missing))
        return ",".join(filter(None, (first, to_ranges(self._later))))
