"""How long a study may take, and how people write it."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.record import TrialRecord

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_seconds(text: str) -> float:
    """Seconds in "90s", "30m", "1.5h", "2d" or "1h30m"; raises ConfigError for anything else."""
    spans = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text.replace(" ", ""))
    if not spans or "".join(number + unit for number, unit in spans) != text.replace(" ", ""):
        raise ConfigError(f"--time-budget {text!r}: write a time such as 90s, 30m, 2h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in spans)


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """Closes the search in time for the confirmation's first round, whose length is judged by the trials so far.

    `seconds` None is never used up. No round of the confirmation is cut: an unfinished one answers nothing. A
    further one begins only if it fits in.
    """

    seconds: float | None
    num_confirmations: int
    num_workers: int
    started_at: float = field(default_factory=time.monotonic)

    def may_search(self, trial_seconds: Iterable[float], *, num_trials: int = 1) -> bool:
        """Whether so many more search trials and then the confirmation fit in, if trials take their mean time."""
        if self.seconds is None:
            return True
        num_in_a_row = max(1.0, num_trials / self.num_workers) + self.num_confirmations / self.num_workers
        needed = fmean([*trial_seconds] or [0.0]) * num_in_a_row
        return time.monotonic() - self.started_at + needed < self.seconds

    def may_confirm(self, balancers: Sequence[str], records: Iterable[TrialRecord]) -> bool:
        """Whether a round with a trial of each of `balancers` fits in, if each takes what it took on average.

        Judged by the complete trials of the confirmation so far; by all of them for a balancer that has none.
        """
        if self.seconds is None:
            return True
        taken = [
            (record.balancer, sum(record.seconds.values()))
            for record in records
            if record.phase == "confirm" and record.status == "complete"
        ]
        overall = fmean([seconds for _, seconds in taken] or [0.0])
        means = {name: fmean([took for other, took in taken if other == name] or [overall]) for name in balancers}
        needed = sum(means[name] for name in balancers) / self.num_workers
        return time.monotonic() - self.started_at + needed < self.seconds
