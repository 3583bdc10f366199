"""The report of a study: one page that needs nothing beside it, with its tables and plots as files."""

import base64
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pandas as pd
import yaml

from analysis.across import across_tables, across_tasks, ranking, ranking_text
from analysis.answer import answer, contrast_table
from analysis.best_epoch import best_epoch_tables
from analysis.caveats import caveats
from analysis.crossover import crossover_tables
from analysis.generated import FIDELITY, VARIETY, features_of, generated_tables, with_features
from analysis.load import Study, load_study
from analysis.one_run import one_run_tables
from analysis.plots.figures import Drawn, figures
from analysis.plots.samples import SampleGrid, sample_data, shrunk
from analysis.tables import Table, answer_table, class_count_table, tables, write_tables
from analysis.verdicts import verdict_table
from analysis.wording import listing, ratio_text
from trainables.record import TrialRecord

TEMPLATES = Path(__file__).parent / "templates"
# Base64 adds a third: all grids together stay below 6 MB of page, and one below 300 kB.
ALL_GRIDS_BYTES, ONE_GRID_BYTES = 4_500_000, 220_000


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image as the page carries it; `uri` is a data URI, or None where the file is gone."""

    section: str
    title: str
    alt: str
    uri: str | None


def write_report(folder: Path) -> Path:
    """Write `folder`/report with report.html, tables/ and plots/; the path of report.html.

    Tables and plots of an earlier report are replaced. Raises RecordError where the study cannot be read.
    """
    study = load_study(folder)
    report = folder / "report"
    for stale in ("tables", "plots"):
        shutil.rmtree(report / stale, ignore_errors=True)
    records = study.records
    found = (
        verdict_table(records),
        *one_run_tables(study),
        contrast_table(study),
        *tables(study),
        *across_tables(records),
        *crossover_tables(records),
        class_count_table(records),
        *_special(records),
    )
    write_tables(study, found, report / "tables")
    drawn = list(_written(figures(records), report / "plots"))
    path = report / "report.html"
    path.write_text(render(study, found, drawn), encoding="utf-8")
    return path


def _special(records: Sequence[TrialRecord]) -> tuple[Table, ...]:
    """The tables that only some studies have."""
    return (*generated_tables(records), *best_epoch_tables(records))


def terminal_summary(study: Study) -> tuple[str, pd.DataFrame]:
    """The two sentences as one text, and the table to print under them."""
    return " ".join(answer(study)), answer_table(study)


def _written(drawn: Iterator[Drawn], folder: Path) -> Iterator[Picture]:
    folder.mkdir(parents=True, exist_ok=True)
    for figure in drawn:
        (folder / f"{figure.name}.png").write_bytes(figure.png)
        (folder / f"{figure.name}.svg").write_bytes(figure.svg)
        yield Picture(
            section=figure.section,
            title=figure.title,
            alt=figure.alt,
            uri=data_uri(figure.svg, "image/svg+xml"),
        )


def render(study: Study, found: Sequence[Table], drawn: Sequence[Picture]) -> str:
    """The page, with every name and note in it escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections: dict[str, list[Picture]] = {}
    for picture in drawn:
        sections.setdefault(picture.section, []).append(picture)
    return environment.get_template("report.html.j2").render(
        study=study,
        sentences=answer(study),
        caveats=caveats(study),
        tables={table.name: table for table in found},
        pictures=sections,
        across=_across_text(study.records),
        samples=_samples(study),
        lost=[record for record in study.records if record.status != "complete"],
        statuses=sorted(Counter((r.phase, r.status) for r in study.records).items()),
        minority=_minority(study.records),
        fidelity=with_features(FIDELITY, study.records),
        features=features_of(study.records),
        variety=VARIETY,
        configuration=yaml.safe_dump(dict(study.config), sort_keys=False, allow_unicode=True),
        ratio_text=ratio_text,
    )


def _across_text(records: Sequence[TrialRecord]) -> list[str]:
    """What is to be said of all conditions together, beside their table and plots."""
    across = across_tasks(records)
    if across is None:
        return []
    ranked = ranking(across)
    left_out = f"Not confirmed under every condition and so left out: {listing(across.left_out)}."
    return [*([ranking_text(ranked)] if ranked else []), *([left_out] if across.left_out else [])]


def _samples(study: Study) -> list[Picture]:
    grids = sample_data(study.records)
    most_bytes = min(ONE_GRID_BYTES, ALL_GRIDS_BYTES // max(1, len(grids)))
    return [_sample_picture(study.folder, grid, most_bytes) for grid in grids]


def _sample_picture(folder: Path, grid: SampleGrid, most_bytes: int) -> Picture:
    path = folder / grid.path
    image = shrunk(path, most_bytes=most_bytes) if path.is_file() else None
    condition = grid.condition
    where = (
        f"{condition.dataset}, {condition.classifier}, ratio {ratio_text(condition.imbalance_ratio)}, "
        f"{grid.phase} seed {grid.seed}"
    )
    return Picture(
        section="samples",
        title=f"{grid.balancer}: {where}",
        alt=f"Real images on the left, images of {grid.balancer} on the right, a row for each minority class.",
        uri=data_uri(image.content, image.media_type) if image else None,
    )


def _minority(records: Sequence[TrialRecord]) -> dict[str, list[str]]:
    """The minority classes of each data set, by name, in the order of their labels."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        names = [record.class_names[index] for index in record.minority_classes] if record.class_names else []
        found.setdefault(record.dataset, {}).update(dict.fromkeys(names))
    return {dataset: list(names) for dataset, names in found.items()}


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as a URI that carries it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
