"""Whether a report agrees with the stored predictions: every number of its tables is recomputed and compared."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from gan_study.analysis.page import report as written
from gan_study.analysis.page.answer import answer
from gan_study.analysis.page.paper import paper_texts
from gan_study.analysis.records.load import Study, costs_of, load_study, objective_of, records_frame
from gan_study.analysis.records.select import NO_BALANCING
from gan_study.analysis.records.select import score as score_of
from gan_study.analysis.records.trial import Predictions, Trial
from gan_study.analysis.tables.markup import csv_file
from gan_study.analysis.tables.table import TRIALS_NAME, Table, table_texts
from gan_study.trainables.base.files import in_shell, read_text
from gan_study.trainables.classifiers.metrics import added_measures, improvement
from gan_study.trainables.classifiers.scores import Scores, mean_overall, score, spread, to_arrays
from gan_study.trainables.records.arrays import Array
from gan_study.trainables.records.record import Part, RecordError

# What another machine's arithmetic may change: the last digits of a mean.
RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-9, 1e-12
UNWEIGHTED = (
    "validation scores are not recomputed: they need the class proportions of the test set, which no trial "
    "has read yet"
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value in the study or its report that differs from the stored predictions."""

    where: str
    said: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.where}: {self.said}, recomputed {self.recomputed}"


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """The numbers of predictions and cells that were checked, and all differences.

    `notes` lists what is based only on records, since no predictions are stored for it.
    """

    num_predictions: int
    num_cells: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def recheck(folder: Path) -> Rechecked:
    """The records of the study in `folder`, and the tables of its report, against its stored predictions.

    Scores are computed from the predictions, gains and tables from these scores. Raises RecordError if there is no
    study or no report.
    """
    study = load_study(folder)
    report = folder / written.REPORT_FOLDER
    if not (report / written.PAGE_FILE).is_file():
        raise RecordError(f"{folder} has no report; `gan-study report {in_shell(folder)}` writes it")
    found = [_recompute(study, record) for record in study.records]
    recomputed = replace(study, records=_with_gains(study, found))
    tables, in_tables = written.report_tables(recomputed), report / written.TABLES_FOLDER
    differences = [
        *(difference for each in found for difference in each.differences),
        *_records_differences(study.records, recomputed.records),
        *_csv_differences(
            report / written.TABLES_FOLDER / f"{TRIALS_NAME}.csv", records_frame(recomputed.records)
        ),
        *(each for table in tables for each in _table_differences(in_tables, table)),
        *_text_differences(report / written.PAPER_FOLDER, paper_texts(recomputed)),
        *_page_differences(read_text(report / written.PAGE_FILE), recomputed, tables),
    ]
    return Rechecked(
        num_predictions=sum(each.num_scored for each in found),
        num_cells=sum(table.numbers.size for table in tables),
        differences=tuple(differences),
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
    )


@dataclass(frozen=True, kw_only=True)
class _Recomputed:
    """A trial with what follows from its predictions; as recorded if there are none."""

    trial: Trial
    num_scored: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def _recompute(study: Study, record: Trial) -> _Recomputed:
    recomputed = record
    differences: list[Difference] = []
    notes, num_scored = [], 0
    for part in record.scores:
        predictions = record.predictions(part)
        proportions = None if part == "test" else _test_proportions(study.records, record.dataset)
        if predictions is None or not record.class_names:
            where = f"trial {record.trial_id}, {part} predictions"
            said = "; ".join(record.problems) or "scores"
            differences.append(Difference(where=where, said=said, recomputed="nothing to compute from"))
        elif part == "validation" and proportions is None:
            notes.append(UNWEIGHTED)
        else:
            num_scored += 1
            fits = _score_fits(study, record, predictions, proportions)
            recomputed = _with_scores(recomputed, part, fits, objective_of(study))
            differences += _array_differences(record, to_arrays(part, fits))
    return _Recomputed(trial=recomputed, num_scored=num_scored, differences=tuple(differences), notes=tuple(notes))


def _with_scores(record: Trial, part: Part, fits: Sequence[Scores], metric: str) -> Trial:
    """`record` with these scores of each fit on one part; `metric` is the one that counts."""
    record = replace(record, num_fits=len(fits), scores={**record.scores, part: mean_overall(fits)})
    return replace(record, fit_spread=spread(fits, metric)) if part == "validation" else record


def _score_fits(
    study: Study, record: Trial, predictions: Predictions, proportions: Sequence[float] | None
) -> list[Scores]:
    """The scores of each fit of a trial on one part, those that the study itself brings included."""
    score_fit = partial(
        score,
        predictions.labels,
        minority=record.minority_classes,
        class_proportions=proportions,
        added=added_measures(objective_of(study), costs_of(study), record.class_names),
    )
    return [score_fit(each) for each in predictions.probabilities]


def _test_proportions(records: Sequence[Trial], dataset: str) -> tuple[float, ...] | None:
    """The share of each class in the test set, which weights validation scores; None before any trial read it."""
    for record in records:
        if record.dataset == dataset and record.class_counts and record.class_counts.test:
            counts = record.class_counts.test
            return tuple(number / sum(counts) for number in counts)
    return None


def _array_differences(record: Trial, recomputed: Mapping[str, Array]) -> Iterator[Difference]:
    """What is off in the stored scores of each fit and class."""
    for name, anew in recomputed.items():
        stored = record.read(name)
        said = dict(_leaves(stored[0].tolist(), name)) if stored else {}
        yield from _value_differences(str(record.arrays), said, dict(_leaves(anew.tolist(), name)))


def _value_differences(
    where: str, said: Mapping[str, object], found: Mapping[str, object]
) -> Iterator[Difference]:
    """What is off in values by their places in `where`."""
    for place in dict.fromkeys((*said, *found)):
        if not _agree(said.get(place), found.get(place)):
            yield Difference(
                where=f"{where}, {place}", said=str(said.get(place)), recomputed=str(found.get(place))
            )


def _with_gains(study: Study, found: Sequence[_Recomputed]) -> tuple[Trial, ...]:
    """The trials with their recomputed scores, and gains over the baselines' recomputed scores."""
    metric = objective_of(study)
    records = [each.trial for each in found]
    baselines = {
        record.setting_id: score_of(record, metric, "validation")
        for record in records
        if record.phase == "baseline" and record.balancer == NO_BALANCING
    }
    gained = []
    for record in records:
        reached, baseline = score_of(record, metric, "validation"), baselines.get(record.setting_id)
        if not (record.objective is None or baseline is None or reached is None):
            record = replace(record, baseline=baseline, objective=improvement(metric, reached, baseline))
        gained.append(record)
    return tuple(gained)


def _records_differences(records: Sequence[Trial], recomputed: Sequence[Trial]) -> Iterator[Difference]:
    """What is off in the records, of all that follows from predictions."""
    for record, anew in zip(records, recomputed, strict=True):
        where = f"records.jsonl, trial {record.trial_id}"
        yield from _value_differences(where, dict(_numbers(record)), dict(_numbers(anew)))


def _numbers(record: Trial) -> Iterator[tuple[str, object]]:
    """All of a record that follows from predictions, each with its path: test.accuracy."""
    for name in ("objective", "baseline", "num_fits", "fit_spread"):
        yield name, getattr(record, name)
    for part, overall in record.scores.items():
        yield from _leaves(overall, part)


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Every value inside nested mappings and lists, by its path: "test.accuracy", "test/recall[0][2]"."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{place}]")
    else:
        yield name, value


def _table_differences(folder: Path, table: Table) -> Iterator[Difference]:
    """What is off in a table's files: cell by cell in the numbers, line by line in the texts."""
    yield from _csv_differences(folder / f"{table.name}.csv", table.numbers)
    yield from _text_differences(folder, table_texts(table))


def _text_differences(folder: Path, texts: Mapping[str, str]) -> Iterator[Difference]:
    """What is off in files in `folder`, by their names, whose lines ought to be these."""
    for name, text in texts.items():
        path, expected = folder / name, text.splitlines()
        found = read_text(path).splitlines() if path.is_file() else ["no such file"]
        if len(found) != len(expected):
            yield Difference(where=name, said=f"{len(found)} lines", recomputed=f"{len(expected)}")
            continue
        for number, (line, other) in enumerate(zip(found, expected, strict=True), start=1):
            if line != other:
                yield Difference(where=f"{name}:{number}", said=line, recomputed=other)


def _csv_differences(path: Path, expected: pd.DataFrame) -> Iterator[Difference]:
    if not path.is_file():
        yield Difference(where=path.name, said="no such file", recomputed=f"{len(expected)} rows")
        return
    found, anew = _cells(read_text(path)), _cells(csv_file(expected).decode())
    # The order of scores in a record is not that in which they are computed.
    if set(found.columns) != set(anew.columns) or len(found) != len(anew):
        shapes = [f"{len(each)} rows of {', '.join(each.columns)}" for each in (found, anew)]
        yield Difference(where=path.name, said=shapes[0], recomputed=shapes[1])
        return
    for column in found.columns:
        for row, (said, recomputed) in enumerate(zip(found[column], anew[column], strict=True), start=1):
            if not _agree(_value(said), _value(recomputed)):
                yield Difference(where=f"{path.name}, row {row}, {column}", said=said, recomputed=recomputed)


def _cells(csv: str) -> pd.DataFrame:
    """A CSV's cells as text; no columns where it is empty."""
    if not csv.strip():
        return pd.DataFrame()
    return pd.read_csv(io.StringIO(csv), dtype=str, keep_default_na=False)


def _value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _agree(said: object, recomputed: object) -> bool:
    if isinstance(said, float) and isinstance(recomputed, float):
        # NaN is the score of a class without images.
        if math.isnan(said) and math.isnan(recomputed):
            return True
        return math.isclose(said, recomputed, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
    return said == recomputed


def _page_differences(page: str, study: Study, tables: Sequence[Table]) -> Iterator[Difference]:
    """What the page shows, and not as it is recomputed: the answer, and tables by the rows that are not there."""
    if written.answer_html(study) not in page:
        yield Difference(where=written.PAGE_FILE, said="another answer", recomputed=" ".join(answer(study)))
    shown = {table.name: written.table_html(table) for table in tables if f'id="table-{table.name}"' in page}
    for name, table in {**shown, TRIALS_NAME: written.trial_table_html(study.records)}.items():
        if table not in page:
            rows = [row for row in table.splitlines() if row not in page] or ["the same rows in another order"]
            yield from (
                Difference(where=f"{written.PAGE_FILE}, {name}", said="absent", recomputed=row) for row in rows
            )
