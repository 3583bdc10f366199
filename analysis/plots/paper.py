"""The figures of a paper: vectors at the width of a column or of a page, of confirmed trials alone."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from gan_study.analysis.plots.charts import slug
from gan_study.analysis.plots.figures import Plan, plans
from gan_study.analysis.plots.style import house_style
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import confirmed

# The widths of one and of two columns of the usual two-column formats (IEEE, CVPR).
COLUMN_INCHES, PAGE_INCHES = 3.35, 6.9
# What is drawn in it, and the beginning of each file's name.
PAPER_FIGURES = {
    "gain": "gain",
    "minority_f1 by ratio": "minority_f1",
    "minority_recall by ratio": "minority_recall",
    "recall and f1": "recall_and_f1",
    "performance profiles": "performance_profiles",
    "critical difference": "critical_difference",
    "confusion differences": "confusion_differences",
}
_PRINT: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "figure.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    # Text stays text: it can be searched, and journals refuse Type 3 fonts.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def paper_plans(study: Study) -> Iterator[tuple[str, Plan]]:
    """The figures of a paper by the names of their files, not drawn yet."""
    for plan in plans(replace(study, records=confirmed(study.records))):
        if plan.kind in PAPER_FIGURES:
            yield "_".join([PAPER_FIGURES[plan.kind], *map(slug, plan.place.parts)]), plan


def draw_vectors(name: str, plan: Plan) -> dict[str, bytes]:
    """A figure as PDF and as SVG, by the names of their files."""
    with house_style(), mpl.rc_context(_PRINT):
        one_column = plan.kind == "gain" and plan.data["imbalance_ratio"].nunique() == 1
        figure = _sized(plan.draw(), wide=not one_column)
        # Without a date equal figures are equal files.
        return {
            f"{name}.{kind}": _saved(figure, kind, date)
            for kind, date in (("pdf", "CreationDate"), ("svg", "Date"))
        }


def _saved(figure: Figure, kind: str, date: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata={date: None})
    return buffer.getvalue()


def _sized(figure: Figure, *, wide: bool) -> Figure:
    """`figure` at the width of a column, or of the page; its height shrinks with its text."""
    _, height = figure.get_size_inches()
    figure.set_size_inches(PAGE_INCHES if wide else COLUMN_INCHES, 0.72 * height)
    return figure
