"""The records of a study: JSON lines that are only ever appended to."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.records.record import TrialRecord, find_fault, read_line, record_lines
from gan_study.trainables.runtime.storage import append


class DuplicateRecordError(UserError):
    """A trial was recorded twice."""


class RecordStore:
    """The file `path`, one record in each line. It is the truth about a study: everything else is derived from it.

    It returns outlines of records, since a driver runs for days and needs little of them: see `outline`.
    Opening it removes an incomplete last line, since its trial will run again. Raises RecordError or
    DuplicateRecordError with the line if another one is damaged. Failing storage is retried for
    `patience_seconds`.
    """

    def __init__(self, path: Path, *, patience_seconds: float = 0.0) -> None:
        self._path = path
        self._patience_seconds = patience_seconds
        if path.exists() and not (content := read_bytes(path)).endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)
        self._records = {record.trial_id: outline(record) for record in read_records(path)}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self._records.values())

    def get(self, trial_id: str) -> TrialRecord | None:
        """The record of a trial, if it has ended."""
        return self._records.get(trial_id)

    def append(self, record: TrialRecord) -> None:
        """Write `record` to the disk and flush it; raises DuplicateRecordError if the trial already has one."""
        if record.trial_id in self._records:
            raise DuplicateRecordError(f"trial {record.trial_id} is already recorded in {self._path}")
        append(self._path, f"{record.to_line()}\n".encode(), patience_seconds=self._patience_seconds)
        self._records[record.trial_id] = outline(record)


def outline(record: TrialRecord) -> TrialRecord:
    """A record without the fields that no later trial depends on, which are most of its bytes, mainly the
    configuration.
    """
    return replace(record, config={}, arrays=None, notes=(), environment={})


def read_records(path: Path) -> list[TrialRecord]:
    """The records in the complete lines of `path`, in the order of their end; none if there is no file."""
    if not path.exists():
        return []
    lines, _ = record_lines(read_bytes(path))
    records = [read_line(line, where=f"{path}:{number}") for number, line in enumerate(lines, start=1)]
    for number, first in find_repeated(records):
        raise DuplicateRecordError(
            f"{path}:{number}: trial {records[number - 1].trial_id} is also in line {first}"
        )
    return records


def refuse_foreign(path: Path, *, study_id: str, has_seals: bool) -> None:
    """Raise DataError if a record in `path`, all of which can be read, is not as its study wrote it."""
    lines, _ = record_lines(read_bytes(path) if path.exists() else b"")
    for number, line in enumerate(lines, start=1):
        fault = find_fault(line, study_id=study_id, has_seals=has_seals)
        if fault is not None:
            raise DataError(
                f"{path}:{number}: this record {fault}; put back what the study wrote, or remove the line, and "
                f"`gan-study resume` runs its trial again"
            )


def find_repeated(records: Sequence[TrialRecord | None]) -> Iterator[tuple[int, int]]:
    """The line of each record whose trial already has one, and the line of that; None stands for a bad line."""
    first_lines: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if record is not None and (first := first_lines.setdefault(record.trial_id, number)) != number:
            yield number, first
