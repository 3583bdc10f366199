"""What a study that has run gives back."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_study.trainables.base.settings import UserError
from gan_study.trainables.record import TrialRecord

if TYPE_CHECKING:
    import pandas as pd


class EveryTrialFailedError(UserError):
    """A study in which no trial came to its end."""


class UnfinishedStudyError(UserError):
    """A study that was interrupted before its last trial."""


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """A study's folder and its trials' records."""

    folder: Path
    trials: tuple[TrialRecord, ...]

    @property
    def records(self) -> "pd.DataFrame":
        """The records as a table, one row a trial."""
        from gan_study.analysis.load import records_frame

        return records_frame(self.trials)

    def count(self, status: str) -> int:
        """Trials that ended in `status`."""
        return sum(record.status == status for record in self.trials)

    def check(self) -> "StudyResult":
        """This result; raises EveryTrialFailedError with the commonest reason where every trial failed."""
        if self.trials and self.count("failed") == len(self.trials):
            reason, times = Counter(record.failure for record in self.trials).most_common(1)[0]
            raise EveryTrialFailedError(
                f"all {len(self.trials)} trials failed; the commonest reason ({times} times): {reason}"
            )
        return self
