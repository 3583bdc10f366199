"""What the person at the terminal sees while a study runs."""

import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import fmean
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gan_study.study.plan import costs
from gan_study.study.plan.trials import PlannedTrial, TrialCount
from gan_study.study.watch.terminal import duration, say
from gan_study.trainables.record import TrialRecord


@dataclass
class Tally:
    """Counts of a study's trials, and from them the time left."""

    num_workers: int
    num_trials: TrialCount
    ends_at: float | None = None
    """When a time budget is used up, by `time.monotonic`; None without one."""
    num_confirmed: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    running: int = 0
    seconds: list[float] = field(default_factory=list)
    best: TrialRecord | None = None
    failures: Counter[str] = field(default_factory=Counter)

    def count(self, record: TrialRecord) -> None:
        """Take a record into account."""
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
        """Time until the report is written, if trials take what they took; None before the first has ended.

        The most, where further rounds of seeds are still to be decided.
        """
        if not self.seconds:
            return None
        num_left = max(0, self.num_trials.number - self.ended.total())
        # All that is left may be trials of the confirmation, which the report is about.
        report = costs.CLOSE_SECONDS + costs.report_seconds(self.num_confirmed + num_left)
        left = fmean(self.seconds) * num_left / self.num_workers + report
        return left if self.ends_at is None else min(left, max(0.0, self.ends_at - time.monotonic()))

    def done_text(self) -> str:
        """How many trials are done, of how many."""
        return f"{self.ended.total()} of {self.num_trials}"

    def left_text(self) -> str:
        """About how much time is left."""
        return f"{'at most ' if self.num_trials.is_most else ''}about {duration(self.seconds_left())} left"

    def best_text(self) -> str:
        """The largest validation gain of the search so far."""
        if self.best is None or self.best.objective is None:
            return "-"
        return f"{self.best.objective:+.3f} {self.best.balancer} at ratio {self.best.imbalance_ratio:g}"


class ProgressDisplay:
    """An observer: one live table on a terminal, plain lines elsewhere."""

    def __init__(self, tally: Tally, console: Console) -> None:
        self._tally = tally
        self._console = console
        self._phase = "starting Ray"
        self._started_at = time.monotonic()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def started(self, trial: PlannedTrial) -> None:
        """Count the trial as running."""
        self._tally.running += 1
        self._phase = trial.purpose.phase

    def finished(self, record: TrialRecord) -> None:
        """Count the trial as ended."""
        self._tally.running -= 1
        self._tally.count(record)
        if not self._console.is_terminal:
            what = f"{record.phase} {record.balancer} ratio {record.imbalance_ratio:g} seed {record.seed}"
            done, left = self._tally.done_text(), self._tally.left_text()
            say(self._console, f"[{done}] {what}: {_outcome(record)} ({left})")

    def _table(self) -> Table:
        tally = self._tally
        cells = {
            "phase": self._phase,
            "done": tally.done_text(),
            "running": str(tally.running),
            "failed": str(tally.ended["failed"]),
            "pruned": str(tally.ended["pruned"]),
            "best gain so far": tally.best_text(),
            "elapsed": duration(time.monotonic() - self._started_at),
            "left": duration(tally.seconds_left()),
        }
        table = Table(*cells, header_style="bold")
        table.add_row(*cells.values())
        return table


def _outcome(record: TrialRecord) -> str:
    if record.status != "complete":
        return f"{record.status}{f' ({record.failure})' if record.failure else ''}"
    part = "test" if "test" in record.scores else "validation"
    minority_f1 = record.scores[part]["minority_f1"]  # type: ignore[index]
    gain = "" if record.objective is None else f", gain {record.objective:+.3f}"
    return f"{part} minority F1 {'-' if minority_f1 is None else f'{minority_f1:.3f}'}{gain}"
