"""ROC and precision-recall curves of the rare classes."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    PANEL_PIXELS,
    SOLID,
    Sketch,
    by_name,
    chosen_rows,
    header,
    in_panels,
    inline,
    of_first,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records.select import CONDITION_COLUMNS, NO_BALANCING, Condition
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.curves import curve_tables

# The page shows the curves of so many rare classes, and every so manieth point of them; the table has all.
MOST_CLASSES, EVERY = 6, 2
_AXES = {"ROC": ("False alarms", "Recall"), "PR": ("Recall", "Precision")}
COLUMNS = [*CONDITION_COLUMNS, "balancer", "class", "curve", "x", "y", "n"]


def ranking_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Points of the mean curves of the methods that validation chose and of no balancing, for the first few rare
    classes.
    """
    numbers = next((table.numbers for table in curve_tables(records)), pd.DataFrame(columns=COLUMNS))
    chosen = chosen_methods(records)
    at = numbers[CONDITION_COLUMNS].itertuples(index=False)
    shown = [
        name in (NO_BALANCING, *chosen.get(Condition(*condition), ()))
        for condition, name in zip(at, numbers["balancer"], strict=True)
    ]
    found = numbers.loc[shown, COLUMNS]
    classes = found["class"].drop_duplicates()[:MOST_CLASSES]
    thinned = found[found["class"].isin(classes) & ((found["x"] * 50).round() % EVERY == 0)]
    return with_kinds(thinned.round({"y": 4}), records)


def draw_curves(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each rare class, a line for each method."""
    across, up = _AXES[str(frame["curve"].iloc[0])]
    unit, axis = alt.Scale(domain=[0, 1]), alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    dashed = alt.condition(f"datum.balancer == '{NO_BALANCING}'", alt.value([5, 4]), alt.value(list(SOLID)))
    chart = (
        alt.Chart(inline(with_places(frame.drop(columns="curve"))))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("x:Q", scale=unit, axis=axis, title=across),
            y=alt.Y("y:Q", scale=unit, axis=axis, title=up),
            color=by_name(frame),
            strokeDash=dashed,
            detail="balancer:N",
            tooltip=tips(*ARM_TIPS, "class:N", "x:Q:.2f", "y:Q:.3f", "n:Q"),
        )
        .properties(height=PANEL_PIXELS)
    )
    classes = frame["class"].drop_duplicates().tolist()
    panels = in_panels(chart, header("class:N", classes), number=len(classes))
    found: alt.FacetChart = of_first(panels.transform_filter(chosen_rows(reference=True)))
    return found


ROC, PR = (
    Sketch(
        name=name,
        section="ranking",
        title=f"{what} curves of the rare classes",
        alt=f"{what} curves of no balancing (dashed), the GAN and the simple method that validation chose, a "
        f"panel for each rare class, at most {MOST_CLASSES}; means over fits and seeds on test images.",
        draw=draw_curves,
        by_condition=True,
    )
    for name, what in (("roc", "ROC"), ("precision_recall", "Precision-recall"))
)
