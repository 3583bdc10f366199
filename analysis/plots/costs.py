"""The cost of methods: seconds against the gain, and the time of a trial by stage."""

from collections import defaultdict
from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    PLOT_PIXELS,
    ROW_PIXELS,
    Layers,
    Sketch,
    base,
    by_kind,
    legend,
    line_at,
    rows,
    span,
    tips,
)
from gan_study.analysis.plots.palette import GREY, STAGE_COLOURS, with_kinds
from gan_study.analysis.records import select
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, MAIN_METRIC, NO_BALANCING
from gan_study.analysis.records.trial import Trial

COST_STAGES = ("balancing", "classifier")


def cost_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """The cost and gain of each method: a row for each condition and method that was confirmed.

    `seconds` is the mean wall time of balancing and of the classifier's training, on `device`; `gain` the mean
    paired gain in test minority F1, 0 for no balancing. `front` if no other method of the condition is at least as
    cheap and gains at least as much, and is better in one of the two. `search_seconds` is the time of the search
    for its settings.
    """
    spent = [
        (
            *select.arm_of(record),
            sum(record.seconds.get(stage, 0.0) for stage in COST_STAGES),
            record.environment.get("device", "unknown"),
        )
        for record in select.confirmed(records)
    ]
    arms = pd.DataFrame(spent, columns=[*ARM_COLUMNS, "seconds", "device"])
    costs = arms.groupby(ARM_COLUMNS, as_index=False).agg(seconds=("seconds", "mean"), device=("device", "first"))
    gains = select.paired_gains(records, MAIN_METRIC).groupby(ARM_COLUMNS)["value"].mean().rename("gain")
    found = costs.join(gains, on=ARM_COLUMNS)
    found["gain"] = found["gain"].where(found["balancer"] != NO_BALANCING, 0.0)
    found = found.dropna(subset=["gain"]).reset_index(drop=True)
    searched: defaultdict[tuple[object, ...], float] = defaultdict(float)
    for record in records:
        if record.phase == "search":
            searched[select.arm_of(record)] += sum(record.seconds.values())
    found["search_seconds"] = [searched[tuple(row)] for row in found[ARM_COLUMNS].to_numpy()]
    fronts = [pareto_front(group["seconds"], group["gain"]) for _, group in found.groupby(CONDITION_COLUMNS)]
    found["front"] = pd.concat(fronts).sort_index() if fronts else pd.Series(dtype=bool)
    return with_kinds(found, records)


def pareto_front(cost: pd.Series, gain: pd.Series) -> pd.Series:
    """Which points are on the Pareto front: no other point costs no more and gains no less, unless it is equal in
    both.
    """
    unbeaten = [
        not ((cost <= c) & (gain >= g) & ((cost < c) | (gain > g))).any() for c, g in zip(cost, gain, strict=True)
    ]
    return pd.Series(unbeaten, index=cost.index)


def time_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Mean seconds of each stage of the confirmed trials, a row for each condition, method and stage."""
    spent = [
        (*select.arm_of(record), stage, seconds)
        for record in select.confirmed(records)
        for stage, seconds in record.seconds.items()
    ]
    frame = pd.DataFrame(spent, columns=[*ARM_COLUMNS, "stage", "seconds"])
    return frame.groupby([*ARM_COLUMNS, "stage"], as_index=False, sort=False).agg(
        seconds=("seconds", "mean"), n=("seconds", "size")
    )


def draw_cost(frame: pd.DataFrame) -> Layers:
    """A point for each method, and a line through the Pareto front."""
    colour, shape = by_kind(frame)
    chart = base(frame).encode(
        x=alt.X(
            "seconds:Q",
            scale=alt.Scale(type="symlog", domain=[0, 1.05 * frame["seconds"].max()]),
            title="Seconds a trial: balancing and classifier",
            axis=alt.Axis(tickCount=6),
        ),
        y=alt.Y("gain:Q", scale=span([0.0, *frame["gain"]]), title="Gain in test minority F1"),
    )
    front = (
        chart.transform_filter("datum.front")
        .mark_line(color=GREY, strokeDash=[4, 3], interpolate="step-after")
        .encode(detail=["ratio:N", "dataset:N", "classifier:N"])
    )
    points = chart.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=colour,
        shape=shape,
        tooltip=tips(*ARM_TIPS, "seconds:Q:.2f", "gain:Q:+.3f", "search_seconds:Q:.0f", "device:N", "front:N"),
    )
    return alt.layer(line_at(0.0, across=True), front, points).properties(height=PLOT_PIXELS)


def draw_times(frame: pd.DataFrame) -> alt.Chart:
    """A bar for each method, a colour for each stage."""
    colour = alt.Color("stage:N", scale=alt.Scale(range=list(STAGE_COLOURS)), legend=legend(columns=3))
    chart: alt.Chart = (
        base(frame)
        .transform_aggregate(spent="mean(seconds)", groupby=["balancer", "stage"])
        .mark_bar()
        .encode(
            x=alt.X("spent:Q", stack="zero", title="Mean seconds a confirmed trial"),
            y=rows("balancer:N", "-x"),
            color=colour,
            tooltip=tips("balancer:N", "stage:N", "spent:Q:.2f"),
        )
        .properties(height=ROW_PIXELS * frame["balancer"].nunique())
    )
    return chart


COST = Sketch(
    name="cost",
    section="cost",
    title="Cost against gain, with the Pareto front",
    alt="Seconds of balancing and training against the mean gain of every method; a line joins the "
    "methods that no other method beats in both.",
    draw=draw_cost,
    colours="kinds",
)
TIMES = Sketch(
    name="time",
    section="cost",
    title="Time of a trial by stage",
    alt="Mean seconds of each stage of a confirmed trial, by method.",
    draw=draw_times,
)
