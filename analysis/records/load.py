"""A study folder as values: the request, the records, and what could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from pydantic import JsonValue

from gan_study.analysis.records.trial import Trial, open_trial
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.base.files import named_path, read_bytes
from gan_study.trainables.base.settings import ConfigError, UserError, from_json, parse, settings
from gan_study.trainables.classifiers.metrics import Costs
from gan_study.trainables.records.record import RecordError, TrialRecord, find_fault, read_line, record_lines
from gan_study.trainables.records.study_header import (
    IMPORTANCE_FILE,
    Change,
    SearchImportance,
    StudyHeader,
    TimePlan,
    VerdictPlan,
    is_as_written,
    read_header,
)

HEADER_FILE = "study.json"
RECORDS_FILE = "records.jsonl"
MOST_GAPS = 10
# What a row of `records_frame` takes from a record as it is.
ROW_FIELDS = (
    *("trial_id", "setting_id", "phase", "status", "failure", "dataset", "classifier", "balancer"),
    *("imbalance_ratio", "seed", "objective", "baseline", "num_fits", "fit_spread"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """A study as read from `folder`; equal only to itself."""

    folder: Path
    name: str
    created_at: str
    config: Mapping[str, JsonValue]
    environment: Mapping[str, str]
    verdicts: VerdictPlan
    records: tuple[Trial, ...]
    changes: tuple[Change, ...] = ()
    """Changes of the study after it had begun."""
    is_as_written: bool = True
    """Whether `study.json` has not been edited by hand since."""
    foreign: tuple[str, ...] = ()
    """Records that are not as the study wrote them: which, and why."""
    time_plan: TimePlan | None = None
    """What was left out to end within a time budget."""
    read_back: tuple[str, ...] = ()
    """What was read of the data and how it was interpreted."""
    precisions: Mapping[str, str] = field(default_factory=dict)
    """What a probe measured and decided, for each GAN and the classifier where the study asked for it."""
    notes: tuple[str, ...] = ()
    """What had to be left out."""
    importance: tuple[SearchImportance, ...] = ()

    def find_gaps(self) -> tuple[str, ...]:
        """Missing or damaged files of arrays read so far; one line each."""
        for trial in self.records:
            # Every table needs it, so that a file that is missing or no `.npz` is always found.
            trial.read("classes/names")
        gone = [problem for trial in self.records for problem in trial.problems]
        shown = gone[:MOST_GAPS]
        more = [f"{len(gone) - len(shown)} more files of arrays cannot be read."] if len(gone) > len(shown) else []
        return (*(f"{problem}; it is left out wherever it is needed." for problem in shown), *more)


@checked_arguments
def load_study(folder: Path | str) -> Study:
    """The records of a study and its header, as the report reads them.

    An incomplete last line is left out, with a note.

    Parameters
    ----------
    folder : Path or str
        The folder of the study.

    Returns
    -------
    Study
        The study; `frame` has a row for each trial.

    Raises
    ------
    RecordError
        If `study.json` is missing or malformed, a line of `records.jsonl` is not a record, `importance.json` is
        malformed, or another version wrote the study.

    Examples
    --------
    >>> from gan_study import load_study
    >>> study = load_study("studies/mine")
    >>> study.name
    'quickstart'
    """
    folder = named_path(folder)
    header, is_as_written = _read_header(folder / HEADER_FILE)
    records, foreign, notes = _read_records(folder / RECORDS_FILE, header)
    return Study(
        folder=folder,
        name=header.name,
        created_at=header.created_at,
        config=header.config,
        environment=header.environment,
        verdicts=header.verdicts,
        changes=header.changes,
        is_as_written=is_as_written,
        foreign=foreign,
        time_plan=header.time_plan,
        read_back=header.read_back,
        precisions=header.precisions,
        records=tuple(open_trial(folder, record) for record in records),
        notes=notes,
        importance=_read_importance(folder / IMPORTANCE_FILE),
    )


def objective_of(study: Study) -> str:
    """The metric whose gain the study's search maximised."""
    return str(study.config["objective"])


def costs_of(study: Study) -> Costs:
    """The cost of mistakes in the study, by true and predicted class; raises ConfigError if it is not a
    mapping.
    """
    # A study that asks for nothing may have been begun before there was such a setting.
    return parse(_CostSettings, {"costs": study.config.get("costs", {})}, where="").costs


@settings
class _CostSettings:
    costs: Costs


def _read_header(path: Path) -> tuple[StudyHeader, bool]:
    """The header, and whether it is as it was written."""
    try:
        content = read_bytes(path)
        return read_header(content), is_as_written(content)
    except (FileNotFoundError, NotADirectoryError):
        raise RecordError(f"{path.parent}: this is not a study ({path.name} is missing)") from None
    except UserError as error:
        raise RecordError(f"{path}: {error}") from None


def _read_importance(path: Path) -> tuple[SearchImportance, ...]:
    if not path.exists():
        return ()
    try:
        found = from_json(read_bytes(path))
        if not isinstance(found, list):
            raise ConfigError("not a list")
        return tuple(parse(SearchImportance, each, where="") for each in found)
    except UserError as error:
        raise RecordError(f"{path}: {error}") from None


def _read_records(
    path: Path, header: StudyHeader
) -> tuple[tuple[TrialRecord, ...], tuple[str, ...], tuple[str, ...]]:
    """The records, those of them that are not as the study wrote them, and what had to be left out."""
    if not path.exists():
        return (), (), ("No trial has been recorded yet.",)
    lines, last = record_lines(read_bytes(path))
    records = [read_line(line, where=f"{path.name}:{number}") for number, line in enumerate(lines, start=1)]
    notes: tuple[str, ...] = ()
    if last:
        try:
            records.append(read_line(last, where=f"{path.name}:{len(lines) + 1}"))
            lines.append(last)
        except RecordError:
            notes = (f"The last line of {path.name} is incomplete; it is left out.",)
    faults = [find_fault(line, study_id=header.study_id, has_seals=header.has_seals) for line in lines]
    foreign = (f"{each.trial_id} {fault}" for each, fault in zip(records, faults, strict=True) if fault)
    return tuple(records), tuple(foreign), notes


def records_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """One row for each record: its trial, its status, and validation_* and test_* columns with its overall
    scores.
    """
    return pd.DataFrame([_row(record) for record in records])


def _row(record: TrialRecord) -> dict[str, object]:
    return {
        **{name: getattr(record, name) for name in ROW_FIELDS},
        "search_number": getattr(record.search, "number", None),
        "search_trials": getattr(record.selection, "search_trials", None),
        "selected_trial_id": getattr(record.selection, "trial_id", None),
        "total_seconds": sum(record.seconds.values()),
        "notes": " ".join(record.notes),
        **{
            f"{part}_{metric}": value for part, scores in record.scores.items() for metric, value in scores.items()
        },
    }
