"""How far a study is, from its folder alone: from any machine that sees it, whether a driver runs or not."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from gan_study.study.plan.rounds import Rounds, known_rounds, read_rounds
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.selection import ClosedSearch, read_selection
from gan_study.study.plan.trials import is_done, num_trials
from gan_study.study.run.folder import Manifest, StudyFolder, read_manifest
from gan_study.study.run.lock import Driver, running_driver
from gan_study.study.run.record_store import read_records
from gan_study.study.watch import journal
from gan_study.study.watch.progress import Tally
from gan_study.study.watch.terminal import printable
from gan_study.trainables.base.files import in_shell

_MOST_FAILURES = 3


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that has begun and not ended: what the driver's log says of it, and its own log's last line."""

    started: journal.LogLine
    latest: journal.LogLine | None

    def __str__(self) -> str:
        doing = f": {self.latest.event} {self.latest.details}" if self.latest else ""
        return f"{self.started.details} since {self.started.values.get('time', '?')}{doing}"


@dataclass(frozen=True, kw_only=True)
class StudyStatus:
    """How far a study is. `driver` None: no process runs it; `running` are then trials that were cut off."""

    manifest: Manifest
    folder: StudyFolder
    driver: Driver | None
    is_finished: bool
    tally: Tally
    rounds: Rounds
    closed: ClosedSearch | None
    running: tuple[RunningTrial, ...]

    def lines(self) -> list[str]:
        """The status for people; what files hold cannot steer their terminal."""
        tally = self.tally
        others = ", ".join(f"{number} {status}" for status, number in tally.ended.items() if status != "complete")
        done = f"{tally.done_text()} trials done" + (f" ({others})" if others else "")
        lines = [
            f"{self.manifest.config.name}: {done}",
            *self._search_lines(),
            *self._rounds_lines(),
            *(f"no time for all: {sentence}" for sentence in self._left_out()),
            f"best gain in the search: {tally.best_text()}",
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
            "name": self.manifest.config.name,
            "study_id": self.manifest.study_id,
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
            "seeds": self.rounds.num_seeds,
            "left_out": list(self._left_out()),
            "failures": dict(tally.failures),
            "report": str(self.folder.page) if self.folder.page.is_file() else None,
        }

    def _left_out(self) -> tuple[str, ...]:
        plan = self.manifest.time_plan
        return () if plan is None else plan.sentences

    def _search_lines(self) -> list[str]:
        """Why nothing was searched, or less than was asked for."""
        trials, unsearched = self.manifest.config.search.trials, plan_search(self.manifest.config).unsearched
        if unsearched is not None and trials > 0:
            return [f"search: none; {unsearched}"]
        if self.closed is None or self.closed.why_short is None:
            return []
        return [f"search: over after {self.closed.num_searched} of {trials} trials; {self.closed.why_short}"]

    def _rounds_lines(self) -> list[str]:
        number, end = len(self.rounds.rounds), self.rounds.end
        if number == 1 and end is None:
            return []
        why = "" if end is None else f"; no further round: {end}"
        return [f"seeds: {self.rounds.num_seeds} in {number} round{'s' if number > 1 else ''}{why}"]


def study_status(root: Path) -> StudyStatus:
    """The status of the study in `root`; raises UserError where there is none, or its records are damaged."""
    manifest, folder = read_manifest(root), StudyFolder(root)
    records = {record.trial_id: record for record in read_records(folder.records)}
    workers, started = _read_driver_log(folder)
    saved = read_rounds(folder.rounds)
    closed = read_selection(folder.selection)
    tally = Tally(num_workers=workers, num_trials=num_trials(manifest.config, saved, closed))
    for record in records.values():
        tally.count(record)
    return StudyStatus(
        manifest=manifest,
        folder=folder,
        driver=running_driver(root),
        is_finished=is_done(manifest.config, record_of=records.get, closed=closed, saved=saved),
        tally=tally,
        rounds=known_rounds(manifest.config, saved),
        closed=closed,
        running=tuple(
            RunningTrial(started=line, latest=next(iter(deque(journal.read_log(folder.log_of(trial)), 1)), None))
            for trial, line in started.items()
            if trial not in records
        ),
    )


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
