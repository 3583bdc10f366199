"""Counts of a study's trials, and the remaining time; loads no large library."""

import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import fmean

from gan_study.study.plan import fixed_costs
from gan_study.study.plan.summary import TrialCount
from gan_study.study.watch.terminal import duration
from gan_study.trainables.records.record import TrialRecord


@dataclass
class Tally:
    """Counts of a study's trials, and the remaining time computed from them."""

    num_workers: int
    num_trials: TrialCount
    ends_at: float | None = None
    """When a time budget ends, by `time.monotonic`; None without one."""
    num_confirmed: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    running: int = 0
    seconds: list[float] = field(default_factory=list)
    best: TrialRecord | None = None
    failures: Counter[str] = field(default_factory=Counter)

    def count(self, record: TrialRecord) -> None:
        """Count a record."""
        self.ended[record.status] += 1
        self.num_confirmed += record.phase == "confirm"
        if record.status == "complete":
            self.seconds.append(sum(record.seconds.values()))
        if record.failure is not None:
            self.failures[record.failure] += 1
        # Gains of the race, the last round and the check are of other splits.
        is_comparable = record.search is None or record.search.is_comparable
        if record.objective is not None and is_comparable:
            self.best = max(self.best or record, record, key=lambda each: each.objective or 0.0)

    def seconds_left(self) -> float | None:
        """Time until the report is written, if trials continue at their average time; None before the first has
        ended.

        The maximum, if further rounds of seeds are not decided yet.
        """
        if not self.seconds:
            return None
        num_left = max(0, self.num_trials.number - self.ended.total())
        # All that is left may be trials of the confirmation, which the report is about.
        report = fixed_costs.CLOSE_SECONDS + fixed_costs.report_seconds(self.num_confirmed + num_left)
        left = fmean(self.seconds) * num_left / self.num_workers + report
        return left if self.ends_at is None else min(left, max(0.0, self.ends_at - time.monotonic()))

    def done_text(self) -> str:
        """Number of finished trials and total number."""
        return f"{self.ended.total()} of {self.num_trials}"

    def left_text(self) -> str:
        """Approximate time left."""
        return f"{'at most ' if self.num_trials.is_most else ''}about {duration(self.seconds_left())} left"

    def best_text(self) -> str:
        """The largest validation gain of the search so far."""
        if self.best is None or self.best.objective is None:
            return "-"
        return f"{self.best.objective:+.3f} {self.best.balancer} at ratio {self.best.imbalance_ratio:g}"
