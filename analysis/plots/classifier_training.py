"""The classifier's losses by epoch."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    PLOT_PIXELS,
    Layers,
    Sketch,
    base,
    by_name,
    legend,
    of_first,
    span,
    tips,
    whole,
    with_places,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, NO_BALANCING, Condition
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.classifier_curves import classifier_curve_tables

_LOSSES = {"training_loss": "training", "validation_loss": "validation"}


def classifier_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """A row for each epoch and part, for the methods that validation chose and for no balancing."""
    empty = pd.DataFrame(columns=[*ARM_COLUMNS, "epoch", *_LOSSES, "fits"])
    numbers = next((table.numbers for table in classifier_curve_tables(records)), empty)
    chosen = chosen_methods(records)
    at = numbers[CONDITION_COLUMNS].itertuples(index=False)
    shown = [
        name in (NO_BALANCING, *chosen.get(Condition(*condition), ()))
        for condition, name in zip(at, numbers["balancer"], strict=True)
    ]
    kept = numbers.loc[shown].rename(columns=_LOSSES)
    long = kept.melt([*ARM_COLUMNS, "epoch", "fits"], list(_LOSSES.values()), var_name="part", value_name="loss")
    return with_kinds(long.dropna(subset=["loss"]).astype({"loss": float}), records)


def draw_classifier(frame: pd.DataFrame) -> Layers:
    """A colour for each kind of method, dashed on training images and solid on validation images."""
    dashes = alt.Scale(domain=["validation", "training"], range=[[1, 0], [4, 3]])
    there = [part for part in ("validation", "training") if part in set(frame["part"])]
    chart = of_first(base(with_places(frame), reference=True)).encode(
        x=alt.X("epoch:Q", scale=span(frame["epoch"]), title="Epoch", axis=alt.Axis(values=whole(frame, "epoch"))),
        y=alt.Y("loss:Q", scale=span([0.0, *frame["loss"]]), title="Mean loss"),
        color=by_name(frame),
        tooltip=tips(*ARM_TIPS, "part:N", "epoch:Q", "loss:Q:.3f", "fits:Q"),
    )
    line = chart.mark_line(strokeWidth=2).encode(
        strokeDash=alt.StrokeDash("part:N", scale=dashes, legend=legend(values=there)), detail="balancer:N"
    )
    # Few epochs are validated after: a point shows where.
    points = chart.transform_filter("datum.part == 'validation'").mark_point(filled=True, size=40, opacity=1)
    return alt.layer(line, points).properties(height=0.8 * PLOT_PIXELS)


CLASSIFIER = Sketch(
    name="classifier_loss",
    section="classifier",
    title="The classifier's losses by epoch",
    alt="Mean training loss (dashed) and validation loss (solid) of no balancing, the GAN and the simple method "
    "that validation chose. Each method has its own training loss, so only validation losses can be compared.",
    draw=draw_classifier,
    by_condition=True,
)
