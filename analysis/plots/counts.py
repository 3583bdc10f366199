"""Images of each class: read, used for training, and after balancing."""

from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    LETTER_PIXELS,
    ROW_PIXELS,
    Sketch,
    chosen_rows,
    in_panels,
    inline,
    legend,
    of_first,
    tips,
    with_places,
)
from gan_study.analysis.plots.palette import REAL_COLOUR, SYNTHETIC_COLOUR
from gan_study.analysis.records.select import (
    ARM_COLUMNS,
    NO_BALANCING,
    conditions,
    confirmed,
    method_kinds,
    under,
)
from gan_study.analysis.records.trial import ClassCounts, Trial

# What stands in a panel, by the counts of a trial.
STAGES: Mapping[str, str] = {
    "available": "Read",
    "imbalanced": "Imbalanced",
    "training": "Training",
    "validation": "Validation",
    "test": "Test",
}
COLUMNS = [*ARM_COLUMNS, "class", "minority", "stage", "order", "made", "images"]
# Rows are lower where there are many.
MOST_HIGH_ROWS, LOW_ROW_PIXELS = 20, 14


def count_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Images of each class by stage and by origin ("real", "synthetic"), under each condition.

    For the chosen GAN's trial with the smallest seed; if nothing was confirmed, for the last method in order.
    """
    counted = [record for record in records if record.class_counts is not None]
    chosen = chosen_methods(records)
    rows: list[tuple[object, ...]] = []
    for condition in conditions(counted):
        here = under(counted, condition)
        known = confirmed(here) or here
        names = list(method_kinds(known))
        method = next((name for name in chosen.get(condition, ()) if name in names), names[-1])
        trial = min((each for each in known if each.balancer == method), key=lambda each: each.seed)
        assert trial.class_counts is not None
        for balancer, stage, made, images in _stages(trial.class_counts, method):
            order = len(STAGES) if stage not in STAGES.values() else list(STAGES.values()).index(stage)
            rows += [
                (*condition, balancer, name, label in trial.minority_classes, stage, order, made, images[label])
                for label, name in enumerate(trial.class_names)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _stages(counts: ClassCounts, method: str) -> Iterator[tuple[str, str, str, Sequence[int]]]:
    """The method, stage and kind that each number of images is of; the pool's are of no balancing."""
    for name, stage in STAGES.items():
        if images := getattr(counts, name):
            yield NO_BALANCING, stage, "real", images
    if method != NO_BALANCING:
        real = [total - made for total, made in zip(counts.balanced, counts.synthetic, strict=True)]
        yield method, f"Balanced by {method}", "real", real
        yield method, f"Balanced by {method}", "synthetic", counts.synthetic


def draw_counts(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each stage, a bar for each class with its number; rare classes have an asterisk."""
    stars = frame["minority"].map({True: " *", False: ""})
    starred = with_places(frame.assign(**{"class": frame["class"] + stars}))
    names = starred["class"].drop_duplicates().tolist()
    totals = frame.groupby([*ARM_COLUMNS, "stage", "class"])["images"].sum()
    scale = alt.Scale(domain=[0, 1.3 * max(1, int(totals.max()))])
    kinds = alt.Scale(domain=["real", "synthetic"], range=[REAL_COLOUR, SYNTHETIC_COLOUR])
    there = [kind for kind in ("real", "synthetic") if kind in set(frame["made"])]
    row = ROW_PIXELS - 4 if len(names) <= MOST_HIGH_ROWS else LOW_ROW_PIXELS
    across = alt.Axis(tickCount=3, format="~s")
    y = alt.Y("class:N", sort=names, title=None, axis=alt.Axis(labelLimit=130, labelOverlap=False))
    hints = tips("class:N", "stage:N", "made:N", "images:Q", *ARM_TIPS)
    bars = (
        alt.Chart()
        .mark_bar()
        .encode(
            y=y,
            x=alt.X("images:Q", stack="zero", scale=scale, title="Images", axis=across),
            color=alt.Color("made:N", scale=kinds, legend=legend(values=there)),
            order=alt.Order("made:O"),
            tooltip=hints,
        )
    )
    text = (
        alt.Chart()
        .transform_aggregate(total="sum(images)", groupby=["class", "stage", "order"])
        .mark_text(align="left", dx=4, fontSize=12, color="#7d858c")
        .encode(y=y, x=alt.X("total:Q", title="Images"), text=alt.Text("total:Q", format=","))
    )
    layers = alt.layer(bars, text, data=inline(starred)).properties(height=row * len(names))
    stages = alt.Facet("stage:N", title=None, sort=alt.EncodingSortField("order", op="min"))
    panels = in_panels(
        layers, stages, number=frame["order"].nunique(), left=52 + min(130, LETTER_PIXELS * max(map(len, names)))
    )
    found: alt.FacetChart = of_first(panels.transform_filter(chosen_rows(reference=True)))
    return found


COUNTS = Sketch(
    name="class_counts",
    section="counts",
    title="Images of each class: read, used for training, and after balancing",
    alt="Bars of the images of each class, a panel for each stage: read, imbalanced, training, "
    "validation, test, and balanced by the chosen method. An asterisk marks a rare class.",
    draw=draw_counts,
    by_condition=True,
)
