"""Every seed of every method, with their mean."""

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    ESTIMATE_TIPS,
    ROW_PIXELS,
    Layers,
    Sketch,
    base,
    by_kind,
    chosen_rows,
    inline,
    of_first,
    rows,
    seen,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study


def seed_frame(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """Test minority F1: rows of `scores` (estimates, without a seed), and a row for each confirmed trial."""
    trials = select.scores_frame(select.confirmed(study.records), select.MAIN_METRIC, "test")
    seeds = with_kinds(trials.drop(columns="setting_id"), study.records)
    found: pd.DataFrame = pd.concat([scores.drop(columns="metric"), seeds], ignore_index=True)
    return found


def draw_seeds(frame: pd.DataFrame) -> Layers:
    """A row for each method: its seeds as rings, and below them the mean with its interval."""
    placed = with_places(frame)
    means, seeds = placed[placed["seed"].isna()], placed[placed["seed"].notna()]
    order = means.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    scale = seen(means, 0.0, 1.0, *seeds["value"])
    y, (colour, shape) = rows("balancer:N", order), by_kind(frame)
    summary = of_first(base(means)).encode(y=y, color=colour, tooltip=tips(*ESTIMATE_TIPS))
    each = of_first(alt.Chart(inline(seeds)).transform_filter(chosen_rows())).encode(
        y=y, color=colour, tooltip=tips(*ARM_TIPS, "seed:Q", "value:Q:.3f")
    )
    rule = summary.mark_rule(strokeWidth=2.5, clip=True, yOffset=6, aria=False).encode(
        x=alt.X("low:Q", scale=scale, title="Test minority F1", axis=alt.Axis(tickCount=6)), x2="high:Q"
    )
    point = summary.mark_point(filled=True, size=80, opacity=1, yOffset=6).encode(x="mean:Q", shape=shape)
    rings = each.mark_point(filled=False, size=38, opacity=0.8, yOffset=-6).encode(x="value:Q")
    return alt.layer(rule, point, rings).properties(height=1.3 * ROW_PIXELS * len(order))


SEEDS = Sketch(
    name="f1_by_seed",
    section="seeds",
    title="Test minority F1 of every seed",
    alt="A row for each method: a ring for each seed, and below them the mean with its 95 % interval.",
    draw=draw_seeds,
    colours="kinds",
    by_condition=True,
)
