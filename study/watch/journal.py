"""The driver's log entries, and how logs are read."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch.terminal import printable
from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.records.record import TrialRecord

# Reading a log loads no large library.
if TYPE_CHECKING:
    from gan_study.study.plan.rounds import Rounds
    from gan_study.study.plan.trials import PlannedTrial

_log = logging.getLogger(__name__)

# Events of the driver's log that `gan-study status` asks for, and the keys that come with them.
DRIVER_BEGAN, TRIAL_STARTED, TRIAL_ENDED = "driver began", "trial started", "trial ended"
TRIAL_ID, NUM_WORKERS = "trial_id", "workers"

# Told of every line; the rest of a line is what is special about its event.
_COMMON = frozenset({"time", "level", "logger", "host", "process", "event", "traceback"})


class Journal:
    """An observer that writes a line for each trial that starts or ends."""

    def started(self, trial: "PlannedTrial") -> None:
        """Name the trial and the reason why it runs."""
        why = {"phase": trial.purpose.phase, "balancer": trial.arm.balancer, "imbalance_ratio": trial.arm.ratio}
        _log.info(TRIAL_STARTED, extra={TRIAL_ID: trial.trial_id, **why, "seed": trial.config.seed})

    def finished(self, record: TrialRecord) -> None:
        """Name its result."""
        became = {"status": record.status, "failure": record.failure, "objective": record.objective}
        seconds = round(sum(record.seconds.values()), 3)
        told = {TRIAL_ID: record.trial_id, "phase": record.phase, **became, "seconds": seconds}
        _log.info(TRIAL_ENDED, extra=told)


def driver_began(*, num_records: int, num_trials: int, num_workers: int) -> None:
    """Log that a driver continues the study, and from where."""
    _log.info(DRIVER_BEGAN, extra={"records": num_records, "trials": num_trials, NUM_WORKERS: num_workers})


def rounds_decided(rounds: "Rounds") -> None:
    """Log the seeds and the number of arms of the latest round, or why there is none."""
    latest = rounds.rounds[-1]
    _log.info(
        "rounds decided",
        extra={"round": len(rounds.rounds), "seeds": latest.seeds, "arms": len(latest.arms), "end": rounds.end},
    )


@dataclass(frozen=True)
class LogLine:
    """One event of a log."""

    values: Mapping[str, JsonValue]

    @property
    def event(self) -> str:
        """What happened."""
        return str(self.values.get("event", ""))

    @property
    def details(self) -> str:
        """The details of this event, as `key=value` words; null ones are left out."""
        special = {k: v for k, v in self.values.items() if k not in _COMMON and v is not None}
        return " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in special.items())

    @property
    def text(self) -> str:
        """The event for people, with its traceback below; control characters are escaped."""
        head = f"{self.values.get('time', '?')} {self.values.get('level', '?'):7} {self.event} {self.details}"
        trace = str(self.values.get("traceback", "")).splitlines()
        return "\n".join(printable(line.rstrip()) for line in (head, *(f"    {line}" for line in trace)))


def read_log(path: Path) -> Iterator[LogLine]:
    """The events in a log, oldest first; incomplete or invalid lines are left out, and a missing log is empty."""
    if not path.exists():
        return
    for line in read_text(path, errors="replace").splitlines():
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            yield LogLine(values)


def log_named(folder: StudyFolder, trial: str | None) -> Path:
    """The driver's log, or that of the trial whose id begins with `trial`.

    Raises UserError if no trial's id does, or several do.
    """
    if trial is None:
        return folder.driver_log
    found = [path for path in sorted(folder.logs.glob("*.jsonl")) if path.stem.startswith(trial)]
    if len(found) != 1:
        which = f"{len(found)} trials have ids that begin with this" if found else "no trial has an id that begins"
        raise UserError(f"{folder.root}: {which} with {trial!r}")
    return found[0]
