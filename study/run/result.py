"""The result of a study."""

import html
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.files import in_shell
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.records.record import TrialRecord

if TYPE_CHECKING:
    import pandas as pd


class EveryTrialFailedError(UserError):
    """A study in which no trial completed."""

    exit_code = 1


class MostTrialsFailedError(UserError):
    """A study in which more trials failed than completed."""

    exit_code = 1


class UnfinishedStudyError(UserError):
    """A study that was interrupted before its last trial."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True, repr=False)
class StudyResult:
    """A study's folder and its trials' records."""

    folder: Path
    trials: tuple[TrialRecord, ...]

    @property
    def records(self) -> "pd.DataFrame":
        """The records as a table, one row for each trial."""
        from gan_study.analysis.records.load import records_frame

        return records_frame(self.trials)

    @property
    def answer(self) -> str:
        """The answer in sentences, as the command prints it; raises RecordError if files are damaged."""
        return self._summary()[0]

    @property
    def verdicts(self) -> "pd.DataFrame":
        """A row for each comparison: its gain, interval and verdict, by F1 and by recall (`verdicts.csv`)."""
        from gan_study.analysis.records.load import load_study
        from gan_study.analysis.tables.verdicts import verdict_table

        return verdict_table(load_study(self.folder)).numbers

    def report(self) -> Path:
        """The page of the study's report, which is written again; raises OSError if it cannot be."""
        from gan_study.analysis.page.report import write_report

        return write_report(self.folder)

    @checked_arguments
    def best_gan(self, imbalance_ratio: float | None = None) -> TrialRecord:
        """The record of the confirmed trial whose GAN `balance --from` exports; the choice uses only validation
        data.

        Raises UserError if no GAN was confirmed, or if the ratio is not one of several imbalance ratios.
        """
        from gan_study.study.run.retention import best_confirmed

        found = {record.imbalance_ratio: record for record in best_confirmed(self.trials)}
        if not found:
            raise UserError(f"{self.folder}: no GAN was confirmed")
        if imbalance_ratio is None and len(found) == 1:
            return next(iter(found.values()))
        chosen = found.get(imbalance_ratio) if imbalance_ratio is not None else None
        if chosen is None:
            known = ", ".join(f"{ratio:g}" for ratio in sorted(found))
            raise UserError(f"imbalance_ratio: {imbalance_ratio!r} cannot be used; choose one of {known}")
        return chosen

    def __repr__(self) -> str:
        return f"StudyResult(folder={str(self.folder)!r}, {len(self.trials)} trials)"

    def _repr_html_(self) -> str:
        """The answer and its table, as a notebook shows them."""
        answer, table = self._summary()
        return f"<p>{html.escape(answer)}</p>{table.to_html(index=False, border=0, escape=True)}"

    def _summary(self) -> tuple[str, "pd.DataFrame"]:
        from gan_study.analysis.page.report import terminal_summary
        from gan_study.analysis.records.load import load_study

        return terminal_summary(load_study(self.folder))

    def count(self, status: str) -> int:
        """Trials with this `status`."""
        return sum(record.status == status for record in self.trials)

    def failures(self) -> str | None:
        """How many trials failed, and the most common reason; None if none did."""
        reasons = Counter(record.failure for record in self.trials if record.status == "failed")
        if not reasons:
            return None
        (reason, times), failed = reasons.most_common(1)[0], reasons.total()
        which = f"all {failed}" if failed == len(self.trials) else f"{failed} of {len(self.trials)}"
        return (
            f"{which} trials failed; the most common reason ({times} times): {reason}; "
            f"`gan-study resume {in_shell(self.folder)} --retry-failed` runs them again"
        )

    def check(self) -> "StudyResult":
        """This result; raises EveryTrialFailedError or MostTrialsFailedError, with the most common reason."""
        failed, message = self.count("failed"), self.failures()
        if message is not None and 2 * failed > len(self.trials):
            raise (EveryTrialFailedError if failed == len(self.trials) else MostTrialsFailedError)(message)
        return self
