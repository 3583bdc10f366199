"""The records of a study: JSON lines that are only ever appended to."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.record import TrialRecord, read_line, record_lines
from gan_study.trainables.runtime.storage import append


class DuplicateRecordError(UserError):
    """A trial was recorded twice."""


class RecordStore:
    """The file `path`, one record a line. The truth about a study: all else is derived from it.

    What it gives back are outlines of records, since a driver lives for days and asks for little: see `outline`.
    Opening cuts off a last line that was not written to its end, since its trial will run again. Raises
    RecordError or DuplicateRecordError, which name the line, where another one is wrong. Storage that fails is
    tried again for `patience_seconds`.
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
        """Write `record` through to the disk; raises DuplicateRecordError where the trial has one already."""
        if record.trial_id in self._records:
            raise DuplicateRecordError(f"trial {record.trial_id} is already recorded in {self._path}")
        append(self._path, f"{record.to_line()}\n".encode(), patience_seconds=self._patience_seconds)
        self._records[record.trial_id] = outline(record)


def outline(record: TrialRecord) -> TrialRecord:
    """A record without what no later trial depends on: most of its bytes, the configuration first of all."""
    return replace(record, config={}, arrays=None, notes=(), environment={})


def read_records(path: Path) -> list[TrialRecord]:
    """The records in the whole lines of `path`, in the order of their end; none where there is no file."""
    if not path.exists():
        return []
    lines, _ = record_lines(read_bytes(path))
    records = [read_line(line, where=f"{path}:{number}") for number, line in enumerate(lines, start=1)]
    for number, first in find_repeated(records):
        raise DuplicateRecordError(
            f"{path}:{number}: trial {records[number - 1].trial_id} is also in line {first}"
        )
    return records


def find_repeated(records: Sequence[TrialRecord | None]) -> Iterator[tuple[int, int]]:
    """The line of each record whose trial has one already, and the line of that; None stands for a bad line."""
    first_lines: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        if record is not None and (first := first_lines.setdefault(record.trial_id, number)) != number:
            yield number, first
