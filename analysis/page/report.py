"""The report of a study: one self-contained page, with its tables and plots as files."""

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from gan_study.analysis.page.answer import answer, contrast_table
from gan_study.analysis.page.caveats import weighed_caveats
from gan_study.analysis.page.drawing import Drawings, draw_apart
from gan_study.analysis.page.overview import Overview, overview
from gan_study.analysis.page.paper import paper_texts
from gan_study.analysis.page.people import people_tables, study_answers
from gan_study.analysis.page.pictures import MOST_PAGE_BYTES, PagePictures, SamplePair
from gan_study.analysis.page.real_or_fake import PAGE_FILE as QUIZ_FILE
from gan_study.analysis.page.real_or_fake import Round, page_rounds
from gan_study.analysis.plots.chart import Chart, told_apart
from gan_study.analysis.plots.charts import charts, choices
from gan_study.analysis.plots.image_map import map_frame
from gan_study.analysis.plots.images import data_uri
from gan_study.analysis.plots.nearest import Pair
from gan_study.analysis.plots.palette import KIND_COLOURS, KIND_MARKS
from gan_study.analysis.records.load import Study, load_study
from gan_study.analysis.records.select import MAIN_METRIC, score
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables import scores
from gan_study.analysis.tables.across import across_tables, across_tasks, ranking, ranking_text
from gan_study.analysis.tables.best_epoch import best_epoch_tables
from gan_study.analysis.tables.calibration import calibration_tables
from gan_study.analysis.tables.classes import class_tables
from gan_study.analysis.tables.classifier_curves import classifier_curve_tables
from gan_study.analysis.tables.crossover import crossover_tables
from gan_study.analysis.tables.curves import curve_tables
from gan_study.analysis.tables.dose import dose_tables
from gan_study.analysis.tables.gan_time import gan_time_tables
from gan_study.analysis.tables.generated import (
    FIDELITY,
    SYNTHETIC,
    VARIETY,
    features_of,
    generated_tables,
    with_features,
)
from gan_study.analysis.tables.importance import importance_gaps, importance_tables
from gan_study.analysis.tables.lengths import length_tables
from gan_study.analysis.tables.markup import csv_file, encoded
from gan_study.analysis.tables.one_run import one_run_tables
from gan_study.analysis.tables.quality_gain import quality_gain_tables
from gan_study.analysis.tables.results import results_table
from gan_study.analysis.tables.searched import nothing_searched
from gan_study.analysis.tables.spread import spread_tables
from gan_study.analysis.tables.table import PARTS, Table, traced, write_tables
from gan_study.analysis.tables.threshold import threshold_sentences, threshold_tables
from gan_study.analysis.tables.verdicts import verdict_table
from gan_study.analysis.wording import ABSENT, label, listing, number, ratio_text
from gan_study.trainables.base.arguments import checked_arguments
from gan_study.trainables.runtime.folders import replaced_files

TEMPLATES = Path(__file__).parent / "templates"
REPORT_FOLDER, PAGE_FILE = "report", "report.html"
TABLES_FOLDER, PLOTS_FOLDER, PAPER_FOLDER = "tables", "plots", "paper"


# So many trials behind a row are named; nobody follows more.
MOST_LINKS = 100


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """The page of a report, and a sentence for each picture or chart that could not be drawn."""

    page: Path
    failures: tuple[str, ...]


def write_report(folder: Path) -> Path:
    """Write the report of the study in `folder`, and return its page, which says what is missing.

    See `write_report_of`. Raises RecordError if there is no study.
    """
    return write_report_of(load_study(folder)).page


def write_report_of(study: Study) -> WrittenReport:
    """Write report.html, real_or_fake.html, tables/, plots/ and paper/ below the study's folder.

    They replace those of an earlier report when all of them are written. Missing or damaged arrays leave gaps, and
    so do failed drawings; the page names both. Raises UserError if there are links, or other files, in the place
    of the report, and OSError if it cannot be written.
    """
    report = study.folder / REPORT_FOLDER
    with replaced_files(report) as folder:
        plotted = charts(study, map_frame(study))
        # Before the tables, since it notes what of the arrays it could not read.
        drawn, found = draw_apart(study, plotted), report_tables(study)
        write_tables(study, found, folder / TABLES_FOLDER)
        for name, content in _other_files(study, found, drawn, plotted).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return WrittenReport(page=report / PAGE_FILE, failures=drawn.failures)


def _other_files(
    study: Study, found: Sequence[Table], drawn: Drawings, plotted: Sequence[Chart]
) -> dict[str, bytes]:
    """All of a report but its tables, by their places in it."""
    return {
        **drawn.files,
        **{f"{PLOTS_FOLDER}/{chart.name}.csv": csv_file(chart.data) for chart in plotted},
        **{f"{PAPER_FOLDER}/{name}": encoded(text) for name, text in paper_texts(study).items()},
        PAGE_FILE: encoded(render(study, found, drawn, plotted)),
        QUIZ_FILE: encoded(render_quiz(study, drawn.rounds)),
    }


def report_tables(study: Study) -> tuple[Table, ...]:
    """Every table of the report, each row with the trials that it is computed from."""
    records = study.records
    found = (
        results_table(study),
        verdict_table(study),
        *one_run_tables(study),
        contrast_table(study),
        *scores.tables(study),
        *across_tables(records),
        *crossover_tables(study),
        *threshold_tables(study),
        *class_tables(records),
        *curve_tables(records),
        *calibration_tables(records),
        *spread_tables(study),
        scores.class_count_table(records),
        *dose_tables(records),
        *importance_tables(study),
        *generated_tables(records),
        *quality_gain_tables(records),
        *people_tables(study),
        *best_epoch_tables(records),
        *classifier_curve_tables(records),
        *gan_time_tables(records),
        *length_tables(records),
    )
    return tuple(traced(table, records) for table in found)


@checked_arguments
def terminal_summary(study: Study) -> tuple[str, pd.DataFrame]:
    """What the command prints when a study ends.

    Parameters
    ----------
    study : Study
        A study that `load_study` has read.

    Returns
    -------
    answer : str
        The answer in sentences.
    table : pandas.DataFrame
        A row for each method: its scores and gains on the test set.

    Raises
    ------
    RecordError
        If a file of a trial's arrays is damaged.

    Examples
    --------
    >>> from gan_study import load_study, terminal_summary
    >>> answer, table = terminal_summary(load_study("studies/mine"))
    >>> table.columns[0]
    'Balancer'
    """
    return " ".join(answer(study)), scores.answer_table(study).text


def table_html(table: Table) -> str:
    """A table in the page."""
    return _macro("table.html.j2", "frame", table)


def trial_table_html(records: Sequence[Trial]) -> str:
    """The table of all trials in the page; empty if there are none."""
    rows = _trial_rows(records)
    return _macro("table.html.j2", "trial_table", rows) if rows else ""


def _macro(template: str, name: str, content: object) -> str:
    """What a macro of a template makes of `content`."""
    macro: Callable[[object], str] = getattr(templates().get_template(template).module, name)
    return str(macro(content))


def answer_html(study: Study) -> str:
    """The answer in the page."""
    content = {"overview": overview(study), "sentences": " ".join(answer(study))}
    return _macro("answer.html.j2", "answer", content)


@cache
def templates() -> jinja2.Environment:
    """The templates, in which every name and note is escaped; each is compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ratio_text": ratio_text,
        "label": label,
        "csv_uri": _csv_uri,
        "nearness": _nearness,
        "shell": shlex.quote,
        "heading": _heading,
        "told": told_apart,
        "kind_colour": KIND_COLOURS.__getitem__,
        "kind_mark": KIND_MARKS.__getitem__,
    }
    environment.globals["most_links"] = MOST_LINKS
    return environment


def render(study: Study, found: Sequence[Table], drawn: Drawings, plotted: Sequence[Chart]) -> str:
    """The page, with as many pictures as fit into 10 MB."""
    frames = {table.name: Markup(table_html(table)) for table in found}
    bare = _page(study, found, frames, drawn, drawn.pictures.within(0), plotted)
    shown = drawn.pictures.within(MOST_PAGE_BYTES - len(encoded(bare)))
    return _page(study, found, frames, drawn, shown, plotted)


def _page(
    study: Study,
    found: Sequence[Table],
    frames: Mapping[str, Markup],
    drawn: Drawings,
    shown: PagePictures,
    plotted: Sequence[Chart],
) -> str:
    records, first = study.records, overview(study)
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            study=study,
            answer=Markup(answer_html(study)),
            overview=first,
            caveats=weighed_caveats(study),
            pair=_first_pair(shown, first),
            tables={table.name: table for table in found},
            frames=frames,
            trial_table=Markup(trial_table_html(records)),
            # Without the script that draws them there are no charts.
            charts=_by_section(plotted if drawn.script else ()),
            choices=choices(records) if plotted else {},
            vega=Markup(drawn.script if plotted else ""),
            failures=drawn.failures,
            style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
            script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
            across=_across_text(records),
            threshold=threshold_sentences(study),
            shown=shown,
            answers_left_out=study_answers(study).left_out,
            importance_gaps=importance_gaps(study.importance),
            nothing_searched=nothing_searched(records),
            lost=lost_trials(records),
            statuses=sorted(Counter((r.phase, r.status) for r in records).items()),
            minority=_minority(records),
            fidelity=with_features(FIDELITY, records),
            features=features_of(records),
            variety=VARIETY,
            synthetic=SYNTHETIC,
            configuration=yaml.safe_dump(dict(study.config), sort_keys=False, allow_unicode=True),
        )
    )


def _first_pair(shown: PagePictures, first: Overview) -> SamplePair | None:
    """The samples of the first screen: of the condition that its numbers are of, or else of any."""
    here = [each for each in shown.pairs if first.chosen is not None and each.arm[:3] == first.chosen]
    return next(iter([*here, *shown.pairs]), None)


@dataclass(frozen=True, kw_only=True)
class LostTrials:
    """Trials without a result for one reason, as a row says them."""

    status: str
    phase: str
    method: str
    ratio: str
    reason: str
    trial_ids: tuple[str, ...]


def lost_trials(records: Sequence[Trial]) -> list[LostTrials]:
    """The trials that did not complete, those alike but for seed and settings together, in the records' order."""
    found: dict[tuple[str, ...], list[str]] = {}
    for record in records:
        if record.status != "complete":
            default = "stopped early by the search" if record.status == "pruned" else "no reason was recorded"
            ratio, reason = ratio_text(record.imbalance_ratio), record.failure or default
            key = (record.status, record.phase, record.balancer, ratio, reason)
            found.setdefault(key, []).append(record.trial_id)
    return [
        LostTrials(
            status=status, phase=phase, method=method, ratio=ratio, reason=reason, trial_ids=tuple(trial_ids)
        )
        for (status, phase, method, ratio, reason), trial_ids in found.items()
    ]


def render_quiz(study: Study, rounds: tuple[Round, ...]) -> str:
    """The page that asks a person which images are real."""
    template = templates().get_template("real_or_fake.html.j2")
    return template.render(name=study.name, rounds=page_rounds(rounds))


def _by_section(items: Sequence[Chart]) -> dict[str, list[Chart]]:
    """Charts by the section that they stand in, in their order."""
    found: dict[str, list[Chart]] = {}
    for item in items:
        found.setdefault(item.section, []).append(item)
    return found


def _across_text(records: Sequence[Trial]) -> list[str]:
    """What is to be said of all conditions together, beside their table and plots."""
    across = across_tasks(records)
    if across is None:
        return []
    ranked = ranking(across)
    left_out = f"Left out because they were not confirmed under every condition: {listing(across.left_out)}."
    return [*([ranking_text(ranked)] if ranked else []), *([left_out] if across.left_out else [])]


def _nearness(pair: Pair) -> str:
    """How near a pair is, in a few words."""
    ratio = ABSENT if pair.ratio is None else f"{pair.ratio:.2f}"
    return f"{ratio}, a copy" if pair.is_copy else ratio


def _heading(name: str) -> str:
    """A column's heading as the page has it."""
    return "Method" if name == "Balancer" else name


def _csv_uri(frame: pd.DataFrame) -> str:
    """A frame as a link that downloads it."""
    return data_uri(csv_file(frame), "text/csv")


def _trial_rows(records: Sequence[Trial]) -> list[dict[str, str]]:
    """Every trial in a few words, in the order of the records."""
    return [
        {
            "trial_id": record.trial_id,
            "what": f"{record.phase}, {record.status}",
            "balancer": record.balancer,
            "ratio": ratio_text(record.imbalance_ratio),
            "seed": str(record.seed),
            **{part: number(score(record, MAIN_METRIC, part)) for part in PARTS},
            "objective": number(record.objective, signed=True),
            "seconds": f"{sum(record.seconds.values()):.1f}",
        }
        for record in records
    ]


def _minority(records: Sequence[Trial]) -> dict[str, list[str]]:
    """The minority classes of each data set, by name, in the order of their labels."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        names = [record.class_names[index] for index in record.minority_classes]
        found.setdefault(record.dataset, {}).update(dict.fromkeys(names))
    return {dataset: list(names) for dataset, names in found.items()}
