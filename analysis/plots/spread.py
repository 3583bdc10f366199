"""The components of the variance of a method's scores."""

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    LONGEST_LEGEND,
    ROW_PIXELS,
    Sketch,
    base,
    legend,
    of_first,
    rows,
    span,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import SOURCE_COLOURS
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS
from gan_study.analysis.tables.spread import spread_tables

SOURCES = {
    "over_splits": "splits",
    "over_gans": "GAN trainings",
    "over_fits": "classifier fits",
    "over_images": "test images",
}
_SHAPES = ("square", "circle", "diamond", "cross")


def spread_frame(study: Study) -> pd.DataFrame:
    """The standard deviation of test minority F1, a row for each method and source that can be estimated."""
    empty = pd.DataFrame(columns=[*ARM_COLUMNS, "seeds", "fits", *SOURCES])
    numbers = next((table.numbers for table in spread_tables(study)), empty).rename(columns=SOURCES)
    names = [*ARM_COLUMNS, "seeds", "fits"]
    long = numbers.melt(names, list(SOURCES.values()), var_name="source", value_name="deviation")
    return long.dropna(subset=["deviation"]).astype({"deviation": float})


def draw_spread(frame: pd.DataFrame) -> alt.Chart:
    """A row for each method, a mark for each source."""
    there = [name for name in SOURCES.values() if name in set(frame["source"])]
    shown = legend(columns=2, values=there, labelLimit=LONGEST_LEGEND)
    colours, shapes = (
        alt.Scale(domain=list(SOURCES.values()), range=list(looks)) for looks in (SOURCE_COLOURS, _SHAPES)
    )
    order = frame.groupby("balancer")["deviation"].max().sort_values(ascending=False).index.tolist()
    chart = of_first(base(with_places(frame))).encode(y=rows("balancer:N", order, grid=True))
    points = chart.mark_point(filled=True, size=90, opacity=0.9).encode(
        x=alt.X(
            "deviation:Q",
            scale=span([0.0, *frame["deviation"]]),
            title="Standard deviation of test minority F1",
            axis=alt.Axis(tickCount=5),
        ),
        color=alt.Color("source:N", scale=colours, legend=shown),
        shape=alt.Shape("source:N", scale=shapes, legend=shown),
        tooltip=tips(*ARM_TIPS, "source:N", "deviation:Q:.4f", "seeds:Q", "fits:Q"),
    )
    found: alt.Chart = points.properties(height=ROW_PIXELS * len(order))
    return found


SPREAD = Sketch(
    name="spread",
    section="spread",
    title="Components of the variance of minority F1",
    alt="A row for each method: the standard deviation over splits of the data, trainings of the GAN, fits of the "
    "classifier, and of the gain over other test images.",
    draw=draw_spread,
    by_condition=True,
)
