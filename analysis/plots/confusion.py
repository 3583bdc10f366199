"""Confusion matrices, with each seed's rows normalised and the seeds averaged."""

from collections.abc import Callable, Mapping, Sequence

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    FONT_PIXELS,
    INK,
    LETTER_PIXELS,
    PALE_INK,
    PANEL_WIDTH,
    SMALL_FONT_PIXELS,
    Sketch,
    cells,
    chosen_rows,
    header,
    in_panels,
    inline,
    of_first,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import SHARE_RANGE
from gan_study.analysis.records.select import ARM_COLUMNS, NO_BALANCING, conditions, confirmed, under
from gan_study.analysis.records.trial import Trial

# In pixels: all rows together, one of them at least and at most, and the narrowest cells with room for a number in
# small letters and in larger ones.
ALL_ROWS, LEAST_ROW, MOST_ROW, ROOM, MORE_ROOM = 280, 9, 56, 21, 25
# Differences that changed nothing are not to be seen under a microscope, in percentage points.
SMALLEST_DIFFERENCE = 2.0
COLUMNS = [*ARM_COLUMNS, "true_class", "predicted_class", "percent"]

Matrix = npt.NDArray[np.float64]


def confusion_data(records: Sequence[Trial], balancers: Sequence[str]) -> dict[str, Matrix]:
    """Each method's mean test confusion matrix [true, predicted] over `records`, rows as fractions in [0, 1].

    A row without a test image is NaN. Methods without a test score are left out.
    """
    found = {
        name: [scores for r in records if r.balancer == name and (scores := r.class_scores("test"))]
        for name in balancers
    }
    return {
        name: np.mean([_row_normalised(scores.confusion_matrix) for scores in by_seed], axis=0)
        for name, by_seed in found.items()
        if by_seed
    }


def _row_normalised(matrix: npt.NDArray[np.int64]) -> Matrix:
    counts = matrix.astype(np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    fractions: Matrix = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    return fractions


def confusion_differences(data: Mapping[str, Matrix]) -> dict[str, Matrix]:
    """Each other method's matrix minus that of no balancing, in [-1, 1]; none without no balancing."""
    none = data.get(NO_BALANCING)
    return {} if none is None else {name: each - none for name, each in data.items() if name != NO_BALANCING}


def confusion_frames(records: Sequence[Trial]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells in per cent of the true class, and their change from no balancing, in percentage points.

    For no balancing and the methods that validation chose under each condition.
    """
    tested, chosen = confirmed(records), chosen_methods(records)
    shares: list[tuple[object, ...]] = []
    changes: list[tuple[object, ...]] = []
    for condition in conditions(tested):
        here = under(tested, condition)
        matrices = confusion_data(here, [NO_BALANCING, *chosen.get(condition, ())])
        names = next((record.class_names for record in here if record.class_names), ())
        for found, each in ((shares, matrices), (changes, confusion_differences(matrices))):
            found += [
                (*condition, balancer, names[row], names[column], 100 * value)
                for balancer, matrix in each.items()
                for (row, column), value in np.ndenumerate(matrix)
            ]
    return pd.DataFrame(shares, columns=COLUMNS), pd.DataFrame(changes, columns=COLUMNS)


def draw_confusion(frame: pd.DataFrame) -> alt.FacetChart:
    """The matrices side by side, on one colour scale."""
    scale = alt.Scale(range=list(SHARE_RANGE), domain=[0, 100])
    shown = alt.Legend(orient="top", title="% of the true class", gradientLength=160)
    colour = alt.Color("percent:Q", scale=scale, legend=shown)
    return _draw(frame, lambda chart: chart.mark_rect().encode(color=colour), dark=50, form=".0f")


def draw_changes(frame: pd.DataFrame) -> alt.FacetChart:
    """The changes side by side; teal cells have gained images, brown ones lost them."""
    most = max(float(frame["percent"].abs().max()), SMALLEST_DIFFERENCE)
    title = "Change in percentage points"
    return _draw(
        frame,
        lambda chart: cells(chart, field="percent", largest=most, title=title),
        dark=0.6 * most,
        form="+.0f",
    )


def _draw(
    frame: pd.DataFrame, coloured: Callable[[alt.Chart], alt.Chart], *, dark: float, form: str
) -> alt.FacetChart:
    """A panel for each method; numbers are white on colours beyond `dark`."""
    names = frame["true_class"].drop_duplicates().tolist()
    # A cell that rounds to none stays empty, so that the others stand out; the diagonal is always there.
    is_shown = (frame["percent"].abs() >= 0.05) | (frame["true_class"] == frame["predicted_class"])
    full = with_places(frame)[is_shown]
    limit = alt.Axis(labelLimit=110, labelOverlap=True)
    chart = alt.Chart().encode(
        x=alt.X("predicted_class:N", scale=alt.Scale(domain=names), title="Predicted class", axis=limit),
        y=alt.Y("true_class:N", scale=alt.Scale(domain=names), title="True class", axis=limit),
        tooltip=tips(*ARM_TIPS, "true_class:N", "predicted_class:N", "percent:Q:.1f"),
    )
    ink = alt.condition(f"abs(datum.percent) > {dark}", alt.value(PALE_INK), alt.value(INK))
    has_room = alt.expr(f"{PANEL_WIDTH} >= {ROOM * len(names)} ? 1 : 0")
    larger = FONT_PIXELS - (1 if len(names) <= 6 else 2)
    size = alt.expr(f"{PANEL_WIDTH} >= {MORE_ROOM * len(names)} ? {larger} : {SMALL_FONT_PIXELS}")
    text = (
        chart.transform_filter("abs(datum.percent) >= 0.5")
        .mark_text(fontSize=size, opacity=has_room)
        .encode(text=alt.Text("percent:Q", format=form), color=ink)
    )
    row = min(MOST_ROW, max(LEAST_ROW, ALL_ROWS / len(names)))
    layers = alt.layer(coloured(chart), text, data=inline(full)).properties(height=row * len(names))
    order = frame["balancer"].drop_duplicates().tolist()
    left = 60 + min(110, LETTER_PIXELS * max(map(len, names)))
    panels = in_panels(layers, header("balancer:N", order), number=len(order), left=left)
    found: alt.FacetChart = of_first(panels.transform_filter(chosen_rows()))
    return found


CONFUSION = Sketch(
    name="confusion",
    section="confusion",
    title="Confusion matrices on test images, mean over seeds",
    alt="Row-normalised confusion matrices of no balancing, the GAN and the simple method that validation chose, "
    "averaged over the confirmed seeds.",
    draw=draw_confusion,
    by_condition=True,
)
CHANGES = Sketch(
    name="confusion_differences",
    section="confusion",
    title="Confusion matrices minus that of no balancing",
    alt="The change in each cell by the GAN and the simple method that validation chose: teal cells "
    "gained images, brown ones lost them; on the diagonal teal is good.",
    draw=draw_changes,
    by_condition=True,
)
