"""The gains of methods on several data sets."""

from statistics import fmean

import altair as alt
import pandas as pd

from gan_study.analysis.comparisons.studies import Compared
from gan_study.analysis.plots.chart import (
    ROW_PIXELS,
    Layers,
    Sketch,
    by_kind,
    inline,
    line_at,
    rows,
    span,
    tips,
)
from gan_study.analysis.plots.palette import kind_of


def studies_frame(compared: Compared) -> pd.DataFrame:
    """A row for each method and data set: the gain, and the mean over all data sets."""
    found = [
        (name, kind_of(name, compared.kinds[name]), dataset, gain, fmean(gains))
        for name, gains in compared.gains.items()
        for dataset, gain in zip(compared.datasets, gains, strict=True)
    ]
    return pd.DataFrame(found, columns=["balancer", "kind", "dataset", "gain", "mean_gain"])


def draw_studies(frame: pd.DataFrame) -> Layers:
    """A row for each method: a ring for each data set, and the mean filled."""
    colour, shape = by_kind(frame)
    order = frame["balancer"].drop_duplicates().tolist()
    hints = tips("balancer:N", "dataset:N", "gain:Q:+.3f", "mean_gain:Q:+.3f")
    chart = alt.Chart(inline(frame)).encode(y=rows("balancer:N", order), color=colour, tooltip=hints)
    x = alt.X(
        "gain:Q", scale=span([0.0, *frame["gain"]]), title="Gain in test minority F1", axis=alt.Axis(tickCount=6)
    )
    rings = chart.mark_point(filled=False, size=50, opacity=0.8).encode(x=x)
    means = chart.mark_point(filled=True, size=110, opacity=1).encode(x="mean_gain:Q", shape=shape)
    return alt.layer(line_at(0.0), rings, means).properties(height=ROW_PIXELS * len(order))


STUDIES = Sketch(
    name="gains_by_data_set",
    section="studies",
    title="Gain in test minority F1 over no balancing (dashed)",
    alt="A row for each method, the largest mean gain first: a ring for each data set, and a filled "
    "point for their mean.",
    draw=draw_studies,
    colours="kinds",
)
