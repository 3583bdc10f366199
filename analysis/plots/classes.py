"""The gain or loss of each class under each method."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart import (
    ROW_PIXELS,
    Sketch,
    cells,
    chosen_rows,
    in_blocks,
    inline,
    numbers,
    rows,
    tips,
)
from gan_study.analysis.plots.palette import with_kinds
from gan_study.analysis.records import select
from gan_study.analysis.records.select import ARM_COLUMNS, NO_BALANCING
from gan_study.analysis.records.trial import Trial

_TIPS = ("balancer:N", "class:N", "minority:N", "training_images:Q:.0f", "mean:Q:+.3f", "score:Q:.3f", "n:Q")


def class_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """The gain or loss of each class in F1, a row for each condition, method and class.

    `mean` is the mean paired gain on test over no balancing, `score` the mean score with the method, `n` the
    seeds; `training_images` are the class's before balancing.
    """
    rows = [
        (
            *(*select.arm_of(record), record.setting_id, index, name),
            "minority" if index in record.minority_classes else "majority",
            *(record.class_counts.training[index], scores.f1[index]),
        )
        for record in select.confirmed(records)
        if record.class_counts and (scores := record.class_scores("test"))
        for index, name in enumerate(record.class_names)
    ]
    columns = [*ARM_COLUMNS, "setting_id", "label", "class", "minority", "training_images", "score"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": float}).sort_values("label", kind="stable")
    none = frame[frame["balancer"] == NO_BALANCING].set_index(["setting_id", "label"])["score"].rename("none")
    paired = frame[frame["balancer"] != NO_BALANCING].join(none, on=["setting_id", "label"])
    values = paired.assign(value=paired["score"] - paired["none"]).dropna(subset=["value"])
    groups = values.groupby([*ARM_COLUMNS, "class", "minority"], as_index=False, sort=False)
    classes = groups.agg(
        n=("value", "size"),
        mean=("value", "mean"),
        score=("score", "mean"),
        training_images=("training_images", "mean"),
    )
    return with_kinds(classes, records)


def draw_class_map(frame: pd.DataFrame) -> alt.FacetChart:
    """Classes in rows, the smallest first, methods in columns; the mean over all conditions selected by the
    menus.
    """
    order = frame.sort_values("training_images")["class"].drop_duplicates().tolist()
    methods = sorted(frame["balancer"].unique())
    placed = frame.assign(column=frame["balancer"].map(methods.index))
    columns = alt.Axis(labelAngle=-90, labelLimit=170, labelOverlap=False)
    chart = alt.Chart().encode(
        x=alt.X("balancer:N", title=None, axis=columns),
        y=rows("class:N", order),
        tooltip=tips(*_TIPS),
    )
    largest = float(frame["mean"].abs().max())
    layers = alt.layer(
        cells(chart, field="mean", largest=largest, title="Mean gain"),
        numbers(chart, largest=largest),
        data=inline(placed),
    )
    found: alt.FacetChart = (
        in_blocks(layers.properties(height=ROW_PIXELS * len(order)), columns=len(methods), names=order)
        .transform_filter(chosen_rows())
        .transform_aggregate(
            mean="mean(mean)",
            score="mean(score)",
            training_images="mean(training_images)",
            n="sum(n)",
            groupby=["balancer", "part", "class", "minority"],
        )
    )
    return found


CLASSES = Sketch(
    name="classes",
    section="classes",
    title="Gain of each class over no balancing, in test F1",
    alt="A map of mean gains, classes in rows, the smallest first, and methods in columns; teal classes gain, "
    "brown ones lose.",
    draw=draw_class_map,
)
