"""A table of a study: numbers for machines (CSV), text for people (Markdown, LaTeX, HTML, terminal)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from gan_study.analysis.records.load import Study, records_frame
from gan_study.analysis.records.select import CONDITION_COLUMNS
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.markup import csv_file, encoded, to_latex, to_markdown
from gan_study.analysis.tables.row_trials import GAINS, TRIAL_IDS, Origin, row_sources
from gan_study.analysis.wording import label
from gan_study.trainables.records.record import Part

TRIALS_NAME = "trials"
PARTS: tuple[Part, ...] = ("validation", "test")


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: `numbers` as they were computed, and `rows` of text that name their condition and methods."""

    name: str
    title: str
    numbers: pd.DataFrame
    """With the ids of the trials behind each row in a last column, if the table is traced."""
    rows: pd.DataFrame
    origin: Origin = GAINS
    """The trials that a row is computed from."""
    more: tuple[str, ...] = ()
    """Columns that the page shows on demand."""
    sources: tuple[tuple[str, ...], ...] = ()
    """Their ids for each of `rows`; empty until the table is traced."""

    @property
    def text(self) -> pd.DataFrame:
        """The rows for readers, with headings; a condition that all rows share is left out."""
        constant = [name for name in CONDITION_COLUMNS if name in self.rows and self.rows[name].nunique() <= 1]
        shown = self.rows.drop(columns=constant)
        return shown.rename(columns={name: label(name) for name in map(str, shown) if name.islower()})


def traced(table: Table, records: Sequence[Trial]) -> Table:
    """`table` with the trials behind each of its rows."""
    numbers = table.numbers
    if TRIAL_IDS not in numbers:
        ids = [" ".join(trial_ids) for trial_ids in row_sources(numbers, records, table.origin)]
        numbers = numbers.assign(**{TRIAL_IDS: ids})
    if TRIAL_IDS in table.rows:
        sources, rows = [tuple(ids.split()) for ids in table.rows[TRIAL_IDS]], table.rows.drop(columns=TRIAL_IDS)
    else:
        sources, rows = row_sources(table.rows, records, table.origin), table.rows
    return replace(table, numbers=numbers, rows=rows, sources=tuple(sources))


def table_texts(table: Table) -> dict[str, str]:
    """A table's text as Markdown and as LaTeX, by the names of their files."""
    latex = to_latex(table.text, title=table.title)
    return {f"{table.name}.md": to_markdown(table.text), f"{table.name}.tex": latex}


def write_tables(study: Study, found: Sequence[Table], folder: Path) -> None:
    """Write each table as .csv (numbers), .md and .tex (text) under `folder`, and every trial as trials.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in found:
        (folder / f"{table.name}.csv").write_bytes(csv_file(table.numbers))
        for name, text in table_texts(table).items():
            (folder / name).write_bytes(encoded(text))
    (folder / f"{TRIALS_NAME}.csv").write_bytes(csv_file(records_frame(study.records)))
