"""Several studies on one page: their answers, links to their reports, and a comparison of their methods."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import vl_convert
from markupsafe import Markup

from gan_study.analysis.comparisons.studies import Compared, compare_studies
from gan_study.analysis.page.overview import Overview, overview
from gan_study.analysis.page.report import PAGE_FILE, REPORT_FOLDER, TEMPLATES, table_html, templates
from gan_study.analysis.plots.across import RANKS, rank_data
from gan_study.analysis.plots.chart import Chart, fitted, make_chart, to_files
from gan_study.analysis.plots.studies import STUDIES, studies_frame
from gan_study.analysis.records.load import Study, load_study
from gan_study.analysis.tables.markup import csv_file, encoded
from gan_study.analysis.tables.studies import studies_sentences, studies_table
from gan_study.analysis.tables.table import table_texts
from gan_study.trainables.runtime.folders import replaced_files

INDEX_FILE, TABLES_FOLDER, PLOTS_FOLDER = "index.html", "tables", "plots"
# What the narrowest phones have room for.
PHONE_SVG_PIXELS = 330


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A study in the list of studies; `link` leads to its report, or is empty if it has none."""

    name: str
    began: str
    overview: Overview
    link: str


@dataclass(frozen=True, kw_only=True)
class WrittenStudies:
    """The page of several studies, and the tests over their methods."""

    page: Path
    sentences: tuple[str, ...]
    table: pd.DataFrame


def write_studies(folders: Sequence[Path], out: Path) -> WrittenStudies:
    """Write the page of several studies, its tables and charts into `out`.

    Raises RecordError if there is no study, and UserError if `out` contains other files.
    """
    studies = [load_study(folder) for folder in folders]
    compared = compare_studies(studies)
    charts = studies_charts(compared)
    table = studies_table(compared)
    with replaced_files(out) as folder:
        drawn = {name: content for chart in charts for name, content in to_files(chart).items()}
        files = {
            INDEX_FILE: encoded(_page([_entry(each, out) for each in studies], compared, charts, drawn)),
            f"{TABLES_FOLDER}/{table.name}.csv": csv_file(table.numbers),
            **{f"{TABLES_FOLDER}/{name}": encoded(text) for name, text in table_texts(table).items()},
            **{f"{PLOTS_FOLDER}/{name}": content for name, content in drawn.items()},
        }
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return WrittenStudies(page=out / INDEX_FILE, sentences=tuple(studies_sentences(compared)), table=table.text)


def studies_charts(compared: Compared) -> tuple[Chart, ...]:
    """The gains by data set, and the mean ranks if there are enough data sets."""
    gains = [make_chart(STUDIES, studies_frame(compared))] if compared.gains else []
    ranked = compared.ranking
    return (*gains, *([make_chart(RANKS, rank_data(ranked, compared.kinds))] if ranked else []))


def _entry(study: Study, out: Path) -> Entry:
    page = study.folder / REPORT_FOLDER / PAGE_FILE
    link = Path(os.path.relpath(page, out)).as_posix() if page.is_file() else ""
    return Entry(name=study.name, began=study.created_at[:10], overview=overview(study), link=link)


def _page(entries: Sequence[Entry], compared: Compared, charts: Sequence[Chart], drawn: dict[str, bytes]) -> str:
    table = studies_table(compared)
    pictures = {
        chart.name: [Markup(_for_both(svg)) for svg in (drawn[f"{chart.name}.svg"].decode(), phone_svg(chart))]
        for chart in charts
    }
    return (
        templates()
        .get_template("studies.html.j2")
        .render(
            entries=entries,
            compared=compared,
            table=table,
            frame=Markup(table_html(table)),
            sentences=studies_sentences(compared),
            charts=charts,
            pictures=pictures,
            style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        )
    )


def phone_svg(chart: Chart) -> str:
    """A chart for a phone, in letters of the same size as for a wide window."""
    svg: str = vl_convert.vegalite_to_svg({**fitted(chart.specification, PHONE_SVG_PIXELS), "background": "white"})
    return svg


def _for_both(svg: str) -> str:
    """A drawing that shows the page behind it, be it light or dark."""
    return svg.replace('fill="white"', 'fill="none"', 1)
