"""The progress display at the terminal while a study runs."""

import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.watch.tally import Tally
from gan_study.study.watch.terminal import duration, say
from gan_study.trainables.records.record import TrialRecord


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
