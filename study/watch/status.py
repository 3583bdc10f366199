"""The progress of a study, from its folder alone: on any machine that sees it, with or without a running driver.

Where the driver has left a summary of the plan, no large library is loaded.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from gan_study.study.plan.summary import PlanSummary
from gan_study.study.run.layout import StudyFolder, read_manifest_file
from gan_study.study.run.lock import Driver, running_driver
from gan_study.study.run.record_store import read_records
from gan_study.study.run.summary_file import read_summary
from gan_study.study.watch import journal
from gan_study.study.watch.tally import Tally
from gan_study.study.watch.terminal import printable
from gan_study.trainables.base.files import in_shell
from gan_study.trainables.records.study_header import StudyHeader

_MOST_FAILURES = 3


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that has started and not ended: its entry in the driver's log, and the last line of its own log."""

    started: journal.LogLine
    latest: journal.LogLine | None

    def __str__(self) -> str:
        doing = f": {self.latest.event} {self.latest.details}" if self.latest else ""
        return f"{self.started.details} since {self.started.values.get('time', '?')}{doing}"


@dataclass(frozen=True, kw_only=True)
class StudyStatus:
    """The progress of a study. `driver` None: no process runs it; `running` are then interrupted trials."""

    header: StudyHeader
    folder: StudyFolder
    driver: Driver | None
    is_finished: bool
    tally: Tally
    plan: PlanSummary
    running: tuple[RunningTrial, ...]

    def lines(self) -> list[str]:
        """The status for people; control characters from files are escaped."""
        tally = self.tally
        others = ", ".join(f"{number} {status}" for status, number in tally.ended.items() if status != "complete")
        done = f"{tally.done_text()} trials done" + (f" ({others})" if others else "")
        lines = [
            f"{self.header.name}: {done}",
            *self._search_lines(),
            *self._rounds_lines(),
            *(f"no time for all: {sentence}" for sentence in self._left_out()),
            *(f"precision of {name}: {found}" for name, found in self.header.precisions.items()),
            *([] if tally.best is None else [f"best gain in the search: {tally.best_text()}"]),
        ]
        if self.is_finished and self.driver is None:
            there = self.folder.page.is_file()
            lines.append(
                f"finished; report: {self.folder.page}"
                if there
                else f"finished; `gan-study report {in_shell(self.folder.root)}` writes the report"
            )
        if not self.is_finished:
            if self.driver is None:
                lines.append(f"no process runs it; `gan-study resume {in_shell(self.folder.root)}` continues")
            else:
                lines.append(f"run by {self.driver}; {tally.left_text()}")
            lines += [f"{'running' if self.driver else 'cut off'}: {trial}" for trial in self.running]
        lines += [f"failed {n}x: {reason}" for reason, n in tally.failures.most_common(_MOST_FAILURES)]
        return [printable(line) for line in lines]

    @property
    def state(self) -> Literal["running", "finished", "interrupted"]:
        """Whether a process runs the study now, and if none does, whether anything is left to do."""
        if self.driver is not None:
            return "running"
        return "finished" if self.is_finished else "interrupted"

    def as_json(self) -> dict[str, JsonValue]:
        """The status for programs."""
        tally = self.tally
        return {
            "name": self.header.name,
            "study_id": self.header.study_id,
            "state": self.state,
            "driver": None if self.driver is None else str(self.driver),
            "trials": {
                "done": tally.ended.total(),
                "planned": tally.num_trials.number,
                "planned_is_most": tally.num_trials.is_most,
                **{status: tally.ended[status] for status in ("complete", "pruned", "failed")},
            },
            "running": [line.started.values.get(journal.TRIAL_ID) for line in self.running],
            "seconds_left": None if self.is_finished else tally.seconds_left(),
            "seeds": self.plan.num_seeds,
            "left_out": list(self._left_out()),
            "failures": dict(tally.failures),
            "report": str(self.folder.page) if self.folder.page.is_file() else None,
        }

    def _left_out(self) -> tuple[str, ...]:
        plan = self.header.time_plan
        return () if plan is None else plan.sentences

    def _search_lines(self) -> list[str]:
        return [] if self.plan.why_short_search is None else [f"search: {self.plan.why_short_search}"]

    def _rounds_lines(self) -> list[str]:
        number, end = self.plan.num_rounds, self.plan.why_no_round
        if number == 1 and end is None:
            return []
        why = "" if end is None else f"; no further round: {end}"
        return [f"seeds: {self.plan.num_seeds} in {number} round{'s' if number > 1 else ''}{why}"]


def study_status(root: Path) -> StudyStatus:
    """The status of the study in `root`; raises UserError if there is none, or its records are damaged."""
    header, folder = read_manifest_file(root), StudyFolder(root)
    plan = read_summary(folder) or _summarise_anew(folder)
    records = {record.trial_id: record for record in read_records(folder.records)}
    workers, started = _read_driver_log(folder)
    tally = Tally(num_workers=workers, num_trials=plan.num_trials)
    for record in records.values():
        tally.count(record)
    return StudyStatus(
        header=header,
        folder=folder,
        driver=running_driver(root),
        is_finished=plan.last_trials is not None and records.keys() >= {*plan.last_trials},
        tally=tally,
        plan=plan,
        running=tuple(
            RunningTrial(started=line, latest=next(iter(deque(journal.read_log(folder.log_of(trial)), 1)), None))
            for trial, line in started.items()
            if trial not in records
        ),
    )


def _summarise_anew(folder: StudyFolder) -> PlanSummary:
    """The summary of a plan that has none saved; raises UserError if a file is damaged."""
    # Torch, for the settings of every GAN.
    from gan_study.study.run.folder import summarise_study

    return summarise_study(folder.root)


def _read_driver_log(folder: StudyFolder) -> tuple[int, dict[str, journal.LogLine]]:
    """How many workers the latest driver has (1 if unknown), and the start of each of its trials not yet ended."""
    workers: JsonValue = None
    started: dict[str, journal.LogLine] = {}
    for line in journal.read_log(folder.driver_log):
        trial = line.values.get(journal.TRIAL_ID)
        if line.event == journal.DRIVER_BEGAN:
            workers, started = line.values.get(journal.NUM_WORKERS), {}
        elif isinstance(trial, str) and line.event == journal.TRIAL_STARTED:
            started[trial] = line
        elif isinstance(trial, str) and line.event == journal.TRIAL_ENDED:
            started.pop(trial, None)
    return workers if isinstance(workers, int) and workers > 0 else 1, started
