"""Methods over all conditions: performance profiles, and mean ranks."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from gan_study.analysis.inference.ranks import Ranking
from gan_study.analysis.inference.statistics import performance_profile
from gan_study.analysis.plots.chart import (
    KIND_SCALES,
    LONGEST_LEGEND,
    PLOT_PIXELS,
    ROW_PIXELS,
    Layers,
    Sketch,
    inline,
    legend,
    line_at,
    rows,
    span,
    tips,
)
from gan_study.analysis.plots.palette import Kind, kind_of, tints
from gan_study.analysis.records.select import MethodKind
from gan_study.analysis.tables.across import Across

NUM_THRESHOLDS = 101


def profile_data(across: Across, kinds: Mapping[str, MethodKind]) -> pd.DataFrame:
    """The performance profile of every method, from the smallest gain of all to the largest.

    `share_above` is the share of a method's runs whose gain is above `gain`.
    """
    gains = [gain for by_task in across.gains.values() for seeds in by_task for gain in seeds]
    thresholds = np.linspace(min(gains), max(gains), NUM_THRESHOLDS).tolist()
    profiles = [
        pd.DataFrame(
            {"balancer": name, "gain": thresholds, "share_above": performance_profile(by_task, thresholds)}
        )
        for name, by_task in across.gains.items()
    ]
    return _with_kinds(pd.concat(profiles), kinds)


def rank_data(ranked: Ranking, kinds: Mapping[str, MethodKind]) -> pd.DataFrame:
    """Each method's mean rank, and half the critical difference on both sides of it."""
    frame = pd.DataFrame(ranked.mean_ranks.items(), columns=["balancer", "mean_rank"])
    half = ranked.critical_difference / 2
    return _with_kinds(
        frame.assign(
            low=frame["mean_rank"] - half,
            high=frame["mean_rank"] + half,
            critical_difference=ranked.critical_difference,
            num_tasks=ranked.num_tasks,
        ),
        kinds,
    )


def _with_kinds(frame: pd.DataFrame, kinds: Mapping[str, MethodKind]) -> pd.DataFrame:
    return frame.assign(kind=[kind_of(name, kinds[name]) for name in frame["balancer"]])


def draw_profiles(frame: pd.DataFrame) -> Layers:
    """A line for each method, solid for GANs and dashed for the others, in a tint of its kind's colour."""
    kinds: dict[str, Kind] = dict(zip(frame["balancer"], frame["kind"], strict=True))
    colours = tints(kinds)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    dashed = alt.condition("datum.kind == 'GAN'", alt.value([1, 0]), alt.value([5, 4]))
    line = (
        alt.Chart(inline(frame))
        .mark_line(interpolate="step-before", strokeWidth=2)
        .encode(
            x=alt.X("gain:Q", scale=span(frame["gain"], padding=2), title="Gain in test minority F1"),
            y=alt.Y("share_above:Q", scale=alt.Scale(domain=[0, 1]), title="Share of runs with a larger gain"),
            color=alt.Color("balancer:N", scale=scale, legend=legend(columns=2, labelLimit=LONGEST_LEGEND)),
            strokeDash=dashed,
            tooltip=tips("balancer:N", "gain:Q:+.3f", "share_above:Q:.0%"),
        )
    )
    return alt.layer(line_at(0.0), line).properties(height=PLOT_PIXELS)


def draw_ranks(frame: pd.DataFrame) -> Layers:
    """A row for each method, the best first: its mean rank, and half the critical difference on both sides."""
    colour = alt.Color("kind:N", scale=KIND_SCALES[0], legend=None)
    chart = alt.Chart(inline(frame)).encode(
        y=rows("balancer:N", frame["balancer"].tolist()),
        color=colour,
        tooltip=tips("balancer:N", "mean_rank:Q:.2f", "critical_difference:Q:.2f", "num_tasks:Q"),
    )
    ranks = alt.Axis(values=list(range(1, len(frame) + 1)), format="d")
    scale = span([*frame["low"], *frame["high"]])
    x = alt.X("low:Q", scale=scale, title="Mean rank (1 is the best)", axis=ranks)
    rule = chart.mark_rule(strokeWidth=2.5, aria=False).encode(x=x, x2="high:Q")
    point = chart.mark_point(filled=True, size=110, opacity=1).encode(
        x="mean_rank:Q", shape=alt.Shape("kind:N", scale=KIND_SCALES[1], legend=None)
    )
    return alt.layer(rule, point).properties(height=ROW_PIXELS * len(frame))


PROFILES = Sketch(
    name="performance_profiles",
    section="across",
    title="Performance profiles: the share of runs with a gain above each value",
    alt="For each method the share of its runs, over all conditions, whose gain is above each value. Solid lines "
    "are GANs, dashed ones other methods; the higher line gains more often.",
    draw=draw_profiles,
)
RANKS = Sketch(
    name="critical_difference",
    section="across",
    title="Mean ranks, the best first",
    alt="The mean rank of every method with half of Nemenyi's critical difference on both sides: "
    "methods whose bars do not overlap differ.",
    draw=draw_ranks,
    colours="kinds",
)
