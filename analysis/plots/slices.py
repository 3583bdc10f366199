"""Each searched parameter separately: the gain of every trial against its value."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    Sketch,
    base,
    log_ticks,
    ratio_colours,
    side_by_side,
    tips,
)
from gan_study.analysis.plots.gan_training import thinned
from gan_study.analysis.plots.search import gain_limits
from gan_study.analysis.records.select import Task, comparable, of_task
from gan_study.analysis.tables.importance import plain
from gan_study.trainables.records.record import TrialRecord

# A parameter whose largest value is so many times its smallest one was searched on a logarithmic scale, as a rule.
LOG_SPAN = 10
# More hide each other, and make a page large.
MOST_POINTS = 500
# What every trial of a cell has in common, or what a panel shows by its colour.
NOT_SLICED = frozenset({"balancing/name", "imbalance/ratio"})
COLUMNS = ("balancer", "parameter", "value", "imbalance_ratio", "gain")


def slice_data(records: Sequence[TrialRecord], task: Task) -> pd.DataFrame:
    """A row for each complete trial in the search's split and parameter that varied: its value and the gain."""
    rows = [
        (record.balancer, parameter, value, record.imbalance_ratio, record.objective)
        for record in comparable(of_task(records, task))
        if record.search is not None and record.objective is not None and record.status == "complete"
        for parameter, value in record.search.params.items()
        if parameter not in NOT_SLICED
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": object}).assign(**task._asdict())
    taken = frame.groupby(["balancer", "parameter"])["value"].transform("nunique")
    return frame[taken > 1].sort_values(["balancer", "parameter"], kind="stable").reset_index(drop=True)


def draw_slices(frame: pd.DataFrame) -> alt.ConcatChart:
    """A panel for each method and parameter, a colour for each ratio, with MOST_POINTS trials at most.

    Of more, as many are drawn that lie evenly among them by gain, the best and the worst with them.
    """
    frame = frame.groupby(["balancer", "parameter"], sort=False, group_keys=False)[[*frame.columns]].apply(_evenly)
    colour = ratio_colours(frame["imbalance_ratio"])
    limits = alt.Scale(domain=list(gain_limits(frame["gain"].tolist())), nice=False)
    panels = [
        base(trials.assign(value=_values(trials["value"])))
        .mark_point(filled=True, size=45, opacity=0.7)
        .encode(
            x=_axis(trials["value"], name=plain(str(parameter))),
            y=alt.Y("gain:Q", scale=limits, title="Gain"),
            color=colour,
            tooltip=tips("balancer:N", "ratio:N", "parameter:N", "value:N", "gain:Q:+.3f"),
        )
        .properties(height=150, title=str(balancer))
        for (balancer, parameter), trials in frame.groupby(["balancer", "parameter"], sort=False)
    ]
    return side_by_side(panels)


def _evenly(trials: pd.DataFrame) -> pd.DataFrame:
    if len(trials) <= MOST_POINTS:
        return trials
    by_gain = trials.sort_values("gain", kind="stable")
    return by_gain.iloc[thinned(len(trials), most=MOST_POINTS)].sort_index()


def _is_numeric(values: pd.Series) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _values(values: pd.Series) -> pd.Series:
    return values if _is_numeric(values) else values.map(str)


def _axis(values: pd.Series, *, name: str) -> alt.X:
    """Numbers along a line, logarithmic where they were searched so; names side by side."""
    if not _is_numeric(values):
        return alt.X("value:N", title=name, axis=alt.Axis(labelLimit=80))
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low >= LOG_SPAN:
        ticks = log_ticks(low, high)
        return alt.X(
            "value:Q",
            scale=alt.Scale(type="log", domain=[low, high], nice=False, padding=8),
            title=name,
            axis=alt.Axis(values=ticks, format="~g"),
        )
    step = 1 if all(isinstance(value, int) for value in values) else 0
    scale = alt.Scale(domain=[low, high], nice=True, padding=8)
    return alt.X("value:Q", scale=scale, title=name, axis=alt.Axis(tickCount=3, format="~g", tickMinStep=step))


SLICES = Sketch(
    name="search_slices",
    section="slices",
    title="Gain of trials in the search's split against each parameter",
    alt="A panel for each method and parameter: the validation gain of each complete trial in the split of the "
    f"search against the parameter's value; of more than {MOST_POINTS} trials as many, evenly by gain.",
    draw=draw_slices,
)
