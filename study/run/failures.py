"""Trials that fail in the same way: when a study stops for them, and how failed trials are run again."""

import re
from collections import Counter
from dataclasses import dataclass, field

from gan_study.study.plan.config import NO_BALANCING
from gan_study.study.plan.decisions import ConfirmFits
from gan_study.study.plan.selection import read_selection
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import read_records
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.runtime.storage import append, write_atomically

# A study stops once so many trials failed alike and most that ended since the first of them did: fewer may be bad
# luck, and more would only be lost as well.
FEWEST_ALIKE = 5

# Ids, addresses and numbers, in which failures of one kind differ.
_PARTICULARS = re.compile(r"\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b", re.IGNORECASE)


class TooManyFailuresError(UserError):
    """A study in which most trials fail in the same way."""

    exit_code = 1


@dataclass
class FailureWatch:
    """Stops a study whose trials keep failing. A GAN that diverges is not an error of the study, and never
    counts.
    """

    _ended: int = 0
    _alike: Counter[str] = field(default_factory=Counter)
    _before: dict[str, int] = field(default_factory=dict)
    """For each kind of failure, the number of trials that had ended before its first."""

    def ended(self, record: TrialRecord) -> None:
        """Count a record; raises TooManyFailuresError if most trials fail in the same way."""
        reason = record.failure
        if reason is not None and not reason.startswith(DivergedError.__name__):
            kind = _PARTICULARS.sub("#", reason)
            self._alike[kind] += 1
            since = self._ended + 1 - self._before.setdefault(kind, self._ended)
            if self._alike[kind] >= FEWEST_ALIKE and 2 * self._alike[kind] > since:
                raise TooManyFailuresError(
                    f"{self._alike[kind]} of the last {since} trials failed in the same way, so the "
                    f"study was stopped: {reason}; when this is fixed, `gan-study resume DIR "
                    f"--retry-failed` runs them again"
                )
        self._ended += 1


def forget_failed(folder: StudyFolder, *, patience_seconds: float) -> int:
    """Mark the failed trials of a study to be run again; returns their number.

    Their records go to `failed.jsonl`. A search is reopened if its trials failed, or if it had no reference for
    its gains: the settings to confirm are then chosen again.
    """
    records = read_records(folder.records)
    failed = [record for record in records if record.status == "failed"]
    if not failed:
        return 0
    kept = [record for record in records if record.status != "failed"]
    append(folder.failed, _lines(failed), patience_seconds=patience_seconds)
    closed = read_selection(folder.selection)
    if closed is not None and any(map(_is_of_search, failed)):
        # Confirmed trials would be others with another number of fits.
        decided = DecisionStore(folder.decisions, patience_seconds=patience_seconds)
        if not any(isinstance(each, ConfirmFits) for each in decided.decisions):
            decided.append(ConfirmFits(fits=closed.fits))
        folder.selection.unlink()
    write_atomically(folder.records, _lines(kept), patience_seconds=patience_seconds)
    return len(failed)


def _is_of_search(record: TrialRecord) -> bool:
    return record.search is not None or (record.phase == "baseline" and record.balancer == NO_BALANCING)


def _lines(records: list[TrialRecord]) -> bytes:
    return "".join(f"{record.to_line()}\n" for record in records).encode()
