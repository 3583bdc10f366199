"""How far a study is, from its folder alone: from any machine that sees it, whether a driver runs or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gan_study.study.plan.selection import read_selection
from gan_study.study.plan.trials import is_done, num_trials
from gan_study.study.run.folder import Manifest, StudyFolder, read_manifest
from gan_study.study.run.lock import Driver, running_driver
from gan_study.study.run.record_store import read_records
from gan_study.study.watch.journal import (
    DRIVER_BEGAN,
    NUM_WORKERS,
    TRIAL_ENDED,
    TRIAL_ID,
    TRIAL_STARTED,
    LogLine,
    read_log,
)
from gan_study.study.watch.progress import Tally
from gan_study.study.watch.terminal import duration, printable

_MOST_FAILURES = 3


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that has begun and not ended: what the driver's log says of it, and its own log's last line."""

    started: LogLine
    latest: LogLine | None

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
    running: tuple[RunningTrial, ...]

    def lines(self) -> list[str]:
        """The status for people; what files hold cannot steer their terminal."""
        return [printable(line) for line in self._lines()]

    def _lines(self) -> list[str]:
        tally = self.tally
        others = ", ".join(f"{number} {status}" for status, number in tally.ended.items() if status != "complete")
        done = f"{tally.ended.total()} of {tally.num_trials} trials done" + (f" ({others})" if others else "")
        lines = [f"{self.manifest.config.name}: {done}", f"best gain in the search: {tally.best_text()}"]
        if self.is_finished:
            return [*lines, *self._failures()]
        if self.driver is None:
            lines.append(f"no process runs it; `gan-study resume {self.folder.root}` goes on")
        else:
            lines.append(f"run by {self.driver}; about {duration(tally.seconds_left())} left")
        word = "running" if self.driver else "cut off"
        return [*lines, *(f"{word}: {trial}" for trial in self.running), *self._failures()]

    def _failures(self) -> list[str]:
        return [f"failed {n}x: {reason}" for reason, n in self.tally.failures.most_common(_MOST_FAILURES)]


def study_status(root: Path) -> StudyStatus:
    """The status of the study in `root`; raises UserError where there is none, or its records are damaged."""
    manifest, folder = read_manifest(root), StudyFolder(root)
    records = read_records(folder.records)
    journal = since_the_driver_began(read_log(folder.driver_log))
    workers = journal[0].values.get(NUM_WORKERS) if journal else None
    tally = Tally(
        num_workers=workers if isinstance(workers, int) and workers > 0 else 1,
        num_trials=num_trials(manifest.config),
    )
    for record in records:
        tally.count(record)
    recorded = {record.trial_id: record for record in records}
    return StudyStatus(
        manifest=manifest,
        folder=folder,
        driver=running_driver(root),
        is_finished=is_done(
            manifest.config,
            record_of=recorded.get,
            selected=read_selection(folder.selection),
        ),
        tally=tally,
        running=tuple(
            RunningTrial(started=line, latest=latest(folder, str(line.values[TRIAL_ID])))
            for line in under_way(journal)
            if line.values[TRIAL_ID] not in recorded
        ),
    )


def since_the_driver_began(journal: Iterable[LogLine]) -> list[LogLine]:
    """What the driver that came last has written."""
    lines: list[LogLine] = []
    for line in journal:
        lines = [line] if line.event == DRIVER_BEGAN else [*lines, line]
    return lines


def under_way(journal: Iterable[LogLine]) -> list[LogLine]:
    """The start of each trial that has not ended."""
    started: dict[str, LogLine] = {}
    for line in journal:
        trial = line.values.get(TRIAL_ID)
        if not isinstance(trial, str):
            continue
        if line.event == TRIAL_STARTED:
            started[trial] = line
        elif line.event == TRIAL_ENDED:
            started.pop(trial, None)
    return list(started.values())


def latest(folder: StudyFolder, trial_id: str) -> LogLine | None:
    """The last event in a trial's log; None where there is none yet."""
    lines = list(read_log(folder.log_of(trial_id)))
    return lines[-1] if lines else None
