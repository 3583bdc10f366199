"""What a study that has run gives back."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_study.trainables.base.files import in_shell
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.record import TrialRecord

if TYPE_CHECKING:
    import pandas as pd


class EveryTrialFailedError(UserError):
    """A study in which no trial came to its end."""

    exit_code = 1


class MostTrialsFailedError(UserError):
    """A study in which more trials failed than came to their end."""

    exit_code = 1


class UnfinishedStudyError(UserError):
    """A study that was interrupted before its last trial."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """A study's folder and its trials' records."""

    folder: Path
    trials: tuple[TrialRecord, ...]

    @property
    def records(self) -> "pd.DataFrame":
        """The records as a table, one row a trial."""
        from gan_study.analysis.records.load import records_frame

        return records_frame(self.trials)

    def count(self, status: str) -> int:
        """Trials that ended in `status`."""
        return sum(record.status == status for record in self.trials)

    def failures(self) -> str | None:
        """How many trials failed, and the commonest reason; None where none did."""
        reasons = Counter(record.failure for record in self.trials if record.status == "failed")
        if not reasons:
            return None
        (reason, times), failed = reasons.most_common(1)[0], reasons.total()
        which = f"all {failed}" if failed == len(self.trials) else f"{failed} of {len(self.trials)}"
        return (
            f"{which} trials failed; the commonest reason ({times} times): {reason}; "
            f"`gan-study resume {in_shell(self.folder)} --retry-failed` runs them again"
        )

    def check(self) -> "StudyResult":
        """This result; raises EveryTrialFailedError or MostTrialsFailedError, with the commonest reason."""
        failed, message = self.count("failed"), self.failures()
        if message is not None and 2 * failed > len(self.trials):
            raise (EveryTrialFailedError if failed == len(self.trials) else MostTrialsFailedError)(message)
        return self
