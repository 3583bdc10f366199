"""The progress of searches: every trial's gain, and the best so far."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    LONGEST_LEGEND,
    PANEL_PIXELS,
    Sketch,
    chosen_rows,
    header,
    in_panels,
    inline,
    legend,
    line_here,
    method_scale,
    ratio_colours,
    tips,
    whole,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records.select import Task, comparable, of_task
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.records.record import TrialRecord

# A search of fewer trials has no course to be seen.
FEWEST_SEARCHED = 10
# The gain axis, of gains in [-1, 1], spans at least this much, so that a flat search does not look like progress.
SMALLEST_SPAN = 0.02
MARGIN = 0.05
ARM = ["balancer", "imbalance_ratio"]


def progress_data(records: Sequence[TrialRecord], task: Task) -> pd.DataFrame:
    """A task's complete trials in the search's split by method, ratio and `trial`: gains, and the best so far.

    `trial` counts the method's trials there at the ratio from 1, including those without a gain.
    """
    # Trials finish in any order; their numbers say in which order they were suggested.
    searched = sorted(
        comparable(of_task(records, task)),
        key=lambda record: record.search.number if record.search else 0,
    )
    rows = [
        (each.balancer, each.imbalance_ratio, each.objective if each.status == "complete" else None)
        for each in searched
    ]
    frame = pd.DataFrame(rows, columns=[*ARM, "gain"]).astype({"gain": float}).sort_values(ARM, kind="stable")
    groups = frame.groupby(ARM)
    counted = frame.assign(trial=groups.cumcount() + 1, best_so_far=groups["gain"].cummax())
    of_all = counted.assign(**task._asdict())[[*Task._fields, *ARM, "trial", "gain", "best_so_far"]]
    return with_kinds(of_all.dropna(subset=["gain"]), records)


def gain_limits(gains: Sequence[float]) -> tuple[float, float]:
    """From below the lowest gain, or 0, to above the highest: SMALLEST_SPAN at least."""
    low, high = min(0.0, *gains), max(0.0, *gains)
    margin = max(MARGIN * (high - low), (SMALLEST_SPAN - (high - low)) / 2)
    return low - margin, high + margin


def draw_progress(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each method: trials as points, the best so far as steps, a colour for each ratio."""
    chart = alt.Chart().encode(x=_trials(frame), color=ratio_colours(frame["imbalance_ratio"]), tooltip=_TIPS)
    gain = alt.Y("gain:Q", scale=_scale(frame), title="Gain on validation")
    points = chart.mark_point(filled=True, size=40, opacity=0.6).encode(y=gain)
    steps = chart.mark_line(interpolate="step-after", strokeWidth=2).encode(y="best_so_far:Q", detail="ratio:N")
    layers = alt.layer(line_here(0.0), points, steps, data=inline(frame)).properties(height=PANEL_PIXELS)
    panels = in_panels(layers, header("balancer:N"), number=frame["balancer"].nunique())
    return panels.transform_filter(chosen_rows())


def draw_budget(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each ratio: the best gain so far of every method against its trials."""
    ratios = [ratio_text(ratio) for ratio in sorted(frame["imbalance_ratio"].unique())]
    colour = alt.Color(
        "balancer:N", scale=method_scale(frame), legend=legend(columns=2, labelLimit=LONGEST_LEGEND)
    )
    chart = alt.Chart().encode(x=_trials(frame), color=colour, tooltip=_TIPS)
    y = alt.Y("best_so_far:Q", scale=_scale(frame), title="Best gain so far")
    steps = chart.mark_line(interpolate="step-after", strokeWidth=2).encode(y=y)
    ends = chart.transform_joinaggregate(last="max(trial)", groupby=["balancer", "ratio"])
    points = ends.transform_filter("datum.trial == datum.last").mark_point(filled=True, size=50, opacity=1)
    layers = alt.layer(line_here(0.0), steps, points.encode(y=y), data=inline(frame))
    facet = alt.Facet("ratio:N", title=None, sort=ratios, header=alt.Header(labelExpr="'Ratio ' + datum.label"))
    panels = in_panels(layers.properties(height=PANEL_PIXELS), facet, number=len(ratios))
    return panels.transform_filter(chosen_rows())


_TIPS = tips("balancer:N", "ratio:N", "trial:Q", "gain:Q:+.3f", "best_so_far:Q:+.3f")


def _trials(frame: pd.DataFrame) -> alt.X:
    scale = alt.Scale(domain=[int(frame["trial"].min()), int(frame["trial"].max())], nice=False, padding=8)
    ticks = alt.Axis(values=whole(frame, "trial"))
    return alt.X("trial:Q", scale=scale, title="Search trial of the method", axis=ticks)


def _scale(frame: pd.DataFrame) -> alt.Scale:
    return alt.Scale(domain=list(gain_limits(frame["gain"].tolist())), nice=False)


PROGRESS = Sketch(
    name="search",
    section="search",
    title="Search: gain of every trial in its split, and the best so far",
    alt="A panel for each method: the validation gain of each point and default in the split of the search, and a "
    "line for the best so far.",
    draw=draw_progress,
)
BUDGET = Sketch(
    name="search_budget",
    section="search",
    title="Search budget: the best gain so far of every method",
    alt="The best validation gain so far against the trials in the split of the search, a panel for each ratio.",
    draw=draw_budget,
)
