"""The gains of methods: by method, against the imbalance ratio, the dose, and the number of images of a class."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.comparisons.aggregate import METRICS, estimate_of
from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.plots.chart import (
    ARM_TIPS,
    ESTIMATE_TIPS,
    FONT_PIXELS,
    KIND_SCALES,
    LETTER_PIXELS,
    PANEL_PIXELS,
    PLOT_PIXELS,
    ROW_PIXELS,
    Layers,
    Sketch,
    apart,
    base,
    by_kind,
    cells,
    chosen_rows,
    header,
    in_blocks,
    in_panels,
    inline,
    line_at,
    line_here,
    log_ticks,
    numbers,
    ratio_colours,
    rows,
    seen,
    span,
    tips,
)
from gan_study.analysis.plots.palette import kind_of, with_kinds
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import (
    ARM_COLUMNS,
    NO_BALANCING,
    MethodKind,
    Task,
)
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.dose import dose_tables
from gan_study.analysis.wording import label, ratio_text

# The lines of the chart of choices; each method is the one that validation chose at the ratio.
LINES: dict[MethodKind, str] = {"GAN": "chosen GAN", "simple": "chosen simple", "no balancing": "no balancing"}
# The least distance of two lines' names, as a share of the axis.
NAME_GAP = 0.07
# How wide the narrowest chart is, in which the names of variants have to find room.
NARROW_PIXELS = 190


def estimate_frame(study: Study) -> pd.DataFrame:
    """A row for each condition, method, metric and measure ("score" or "gain") on test: n, mean, low and high."""
    frame = verdicts.summarise(study, metrics=METRICS)
    return with_kinds(frame, study.records).assign(metric=frame["metric"].map(label))


def chosen_data(study: Study, task: Task) -> pd.DataFrame:
    """Test minority F1 with its interval, a row for each of LINES and ratio, and its method.

    No rows if no GAN was confirmed beside no balancing.
    """
    summary, kinds = verdicts.summarise(study, metrics=[select.MAIN_METRIC]), select.method_kinds(study.records)
    scores = summary[summary["measure"] == "score"].set_index(ARM_COLUMNS)
    found = [
        {"line": kinds[name], "imbalance_ratio": at.imbalance_ratio, "balancer": name, **vars(estimate_of(row))}
        for at, names in sorted(chosen_methods(study.records).items())
        if at.task == task
        for name in (*names, NO_BALANCING)
        for _, row in scores[scores.index == (*at, name)].iterrows()
    ]
    return pd.DataFrame(found, columns=["line", "imbalance_ratio", "balancer", "n", "mean", "low", "high"])


def dose_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """The table of gains against the dose; no rows if no method was tested at several doses."""
    columns = [*ARM_COLUMNS, "part", "dose", "images", "n", "mean", "low", "high"]
    numbers = next((table.numbers for table in dose_tables(records)), pd.DataFrame(columns=columns))
    several = numbers.groupby(ARM_COLUMNS)["dose"].transform("nunique") > 1
    return with_kinds(numbers.loc[several.astype(bool), columns], records)


def images_frame(classes: pd.DataFrame) -> pd.DataFrame:
    """The gains of the rare classes (of `class_frame`), if they have different numbers of images."""
    rare = classes[classes["minority"] == "minority"]
    return rare if rare["training_images"].nunique() > 1 else rare.iloc[:0]


def draw_gains(frame: pd.DataFrame) -> Layers:
    """A row for each method, the largest gain first: its mean and interval; the methods that validation chose are
    bold.
    """
    order = frame.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    chosen = sorted(set(frame.loc[frame["chosen"], "balancer"]))
    is_chosen = f"indexof({json.dumps(chosen)}, datum.value) >= 0"
    bold: Any = alt.condition(is_chosen, alt.value("bold"), alt.value("normal"))
    return _dots(frame, order, title="Gain in minority F1", low=-1.0, zero=True, labelFontWeight=bold)


def draw_scores(frame: pd.DataFrame) -> Layers:
    """The same for a score, the largest first."""
    order = frame.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    return _dots(frame, order, title=f"Test {_in_sentence(frame)}", low=0.0, zero=False)


def _dots(frame: pd.DataFrame, order: Sequence[str], *, title: str, low: float, zero: bool, **axis: Any) -> Layers:
    colour, shape = by_kind(frame)
    chart = base(frame).encode(y=rows("balancer:N", order, **axis), color=colour, tooltip=tips(*ESTIMATE_TIPS))
    scale = seen(frame, low, 1.0, *([0.0] if zero else []))
    across = alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5))
    rule = chart.mark_rule(strokeWidth=2.5, clip=True, aria=False).encode(x=across, x2="high:Q")
    point = chart.mark_point(filled=True, size=110, opacity=1).encode(x="mean:Q", shape=shape)
    layers = alt.layer(*([line_at(0.0)] if zero else []), rule, point)
    return layers.properties(height=ROW_PIXELS * len(order))


def _in_sentence(frame: pd.DataFrame) -> str:
    name = str(frame["metric"].iloc[0])
    return name[0].lower() + name[1:]


def ratio_axis(frame: pd.DataFrame) -> alt.X:
    """The imbalance ratios along a logarithmic axis."""
    return alt.X(
        "imbalance_ratio:Q",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(values=sorted(frame["imbalance_ratio"].unique()), format="~r"),
        title="Imbalance ratio (log scale)",
    )


def stack(places: Sequence[float], widths: Sequence[float]) -> list[int]:
    """A row for each label of this width, centred at its place (ascending): the first row with enough space."""
    found: list[int] = []
    ends: list[float] = []
    for place, width in zip(places, widths, strict=True):
        row = next((n for n, end in enumerate(ends) if end <= place - width / 2), len(ends))
        ends[row : row + 1] = [place + width / 2]
        found.append(row)
    return found


def _variants(named: pd.DataFrame) -> list[pd.DataFrame]:
    """The GAN's variant at each ratio at which another is chosen than before, in rows above the chart."""
    gans = named[named["line"] == "GAN"].sort_values("imbalance_ratio")
    changes = gans[gans["balancer"] != gans["balancer"].shift()]
    logs = np.log(named["imbalance_ratio"])
    pixels = NARROW_PIXELS / max(logs.max() - logs.min(), 1e-9)
    widths = [LETTER_PIXELS * (len(name) + 1) for name in changes["balancer"]]
    places = (pixels * np.log(changes["imbalance_ratio"])).tolist()
    if places:
        # It begins at its ratio (`_aligned`).
        places[0] += widths[0] / 2
    row_of = stack(places, widths)
    return [changes[[each == row for each in row_of]] for row in sorted(set(row_of))]


def _aligned(names: pd.DataFrame, first: float) -> Iterator[tuple[Literal["left", "center"], pd.DataFrame]]:
    """Names at the `first` ratio begin there, as they would cover the axis' numbers; others are around theirs."""
    at_first = names["imbalance_ratio"] == first
    if at_first.any():
        yield "left", names[at_first]
    if not at_first.all():
        yield "center", names[~at_first]


def draw_chosen(frame: pd.DataFrame) -> Layers:
    """A named line for each, with its intervals as a band; the variant of the GAN is shown at each ratio."""
    kinds = {line: kind_of("", line) for line in LINES}
    named = frame.assign(name=frame["line"].map(LINES), kind=frame["line"].map(kinds))
    scale = seen(named, -0.02, 1.02)
    low, high = scale["domain"]
    ends = named.loc[named.groupby("line")["imbalance_ratio"].idxmax()].sort_values(["imbalance_ratio", "mean"])
    at = apart(ends["mean"].tolist(), gap=NAME_GAP * (high - low))
    scale = span([low, high, *at])
    colour = alt.Color("kind:N", scale=KIND_SCALES[0], legend=None)
    hints = tips("name:N", "balancer:N", "imbalance_ratio:Q", "mean:Q:.3f", "low:Q:.3f", "high:Q:.3f", "n:Q")
    chart = alt.Chart(inline(named)).encode(x=ratio_axis(named), color=colour, tooltip=hints)
    band = chart.mark_area(clip=True, opacity=0.15).encode(
        y=alt.Y("low:Q", scale=scale, title="Test minority F1"), y2="high:Q"
    )
    dashed = alt.condition("datum.line == 'no balancing'", alt.value([5, 4]), alt.value([1, 0]))
    line = chart.mark_line(strokeWidth=2.5).encode(y="mean:Q", strokeDash=dashed)
    points = chart.mark_point(filled=True, size=80, opacity=1).encode(
        y="mean:Q", shape=alt.Shape("kind:N", scale=KIND_SCALES[1], legend=None)
    )
    variants = [
        alt.Chart(inline(names))
        .mark_text(y=-8 - 17 * row, fontSize=FONT_PIXELS - 1, align=align)
        .encode(x=ratio_axis(named), text="balancer:N", color=colour)
        for row, of_row in enumerate(_variants(named))
        for align, names in _aligned(of_row, named["imbalance_ratio"].min())
    ]
    names = (
        alt.Chart(inline(ends.assign(at=at)))
        .mark_text(align="left", dx=12, fontWeight="bold", clip=False)
        .encode(x="imbalance_ratio:Q", y="at:Q", text="name:N", color=colour)
    )
    return alt.layer(band, line, points, *variants, names).properties(height=PLOT_PIXELS)


def draw_against_ratio(frame: pd.DataFrame) -> Layers:
    """A line for each method over the ratios; hovering highlights one, with its band."""
    hover = alt.selection_point(name="hover", fields=["balancer"], on="pointerover", nearest=True, empty=False)
    # With few seeds an interval reaches far beyond the range of a score.
    scale, (colour, shape) = seen(frame, -0.02, 1.02), by_kind(frame)
    chart = base(frame, reference=True).encode(
        x=ratio_axis(frame),
        color=colour,
        detail=["balancer:N", "dataset:N", "classifier:N"],
        tooltip=tips(*ESTIMATE_TIPS),
    )
    band = chart.mark_area(clip=True).encode(
        y=alt.Y("low:Q", scale=scale, title=str(frame["metric"].iloc[0])),
        y2="high:Q",
        opacity=alt.condition(hover, alt.value(0.35), alt.value(0.06)),
    )
    line = chart.mark_line(strokeWidth=2).encode(
        y="mean:Q",
        opacity=alt.condition(hover, alt.value(1.0), alt.value(0.55)),
        strokeDash=alt.condition(f"datum.balancer == '{NO_BALANCING}'", alt.value([5, 4]), alt.value([1, 0])),
    )
    points = chart.mark_point(filled=True, size=55).encode(y="mean:Q", shape=shape)
    return alt.layer(band, line, points.add_params(hover)).properties(height=PLOT_PIXELS)


def draw_each_against_ratio(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each method, with its interval band, and no balancing dashed behind it."""
    methods = [name for name in frame["balancer"].drop_duplicates() if name != NO_BALANCING]
    none = frame[frame["balancer"] == NO_BALANCING].assign(kind="no balancing")
    behind = [none.assign(panel=name) for name in methods]
    shown = pd.concat([*behind, frame[frame["balancer"] != NO_BALANCING].assign(panel=frame["balancer"])])
    scale, (colour, shape) = seen(frame, -0.02, 1.02), by_kind(frame)
    chart = alt.Chart().encode(x=ratio_axis(frame), color=colour)
    band = chart.transform_filter(f"datum.balancer != '{NO_BALANCING}'").mark_area(clip=True, opacity=0.2)
    dashed = alt.condition(f"datum.balancer == '{NO_BALANCING}'", alt.value([5, 4]), alt.value([1, 0]))
    line = chart.mark_line(strokeWidth=2).encode(y="mean:Q", detail="balancer:N", strokeDash=dashed)
    points = chart.mark_point(filled=True, size=45, opacity=1).encode(y="mean:Q", shape=shape)
    banded = band.encode(y=alt.Y("low:Q", scale=scale, title=f"Test {_in_sentence(frame)}"), y2="high:Q")
    layers = alt.layer(banded, line, points, data=inline(shown)).properties(height=PANEL_PIXELS)
    return in_panels(layers, header("panel:N", methods), number=len(methods))


def draw_gain_map(frame: pd.DataFrame) -> alt.FacetChart:
    """Methods in rows, the largest mean gain first, ratios in columns, with the gain in each cell."""
    several = len(frame[["dataset", "classifier"]].drop_duplicates()) > 1
    tasks = " (" + frame["dataset"] + ", " + frame["classifier"] + ")" if several else ""
    ratios = sorted(frame["imbalance_ratio"].unique())
    named = frame.assign(row=frame["balancer"] + tasks, column=frame["imbalance_ratio"].map(ratios.index))
    order = named.groupby("row")["mean"].mean().sort_values(ascending=False).index.tolist()
    names = [ratio_text(ratio) for ratio in ratios]
    chart = alt.Chart().encode(
        x=alt.X("ratio:N", sort=names, title="Imbalance ratio", axis=alt.Axis(labelAngle=0, labelOverlap=False)),
        y=rows("row:N", order),
        tooltip=tips(*ESTIMATE_TIPS),
    )
    largest = float(frame["mean"].abs().max())
    layers = alt.layer(
        cells(chart, field="mean", largest=largest, title="Mean gain"),
        numbers(chart, largest=largest),
        data=inline(named),
    )
    blocks = in_blocks(layers.properties(height=ROW_PIXELS * len(order)), columns=len(ratios), names=order)
    return blocks.transform_filter(chosen_rows())


def draw_dose(frame: pd.DataFrame) -> alt.FacetChart:
    """A panel for each method: hollow points and a line for the search, filled ones with intervals for test."""
    colour = ratio_colours(frame["imbalance_ratio"])
    chart = alt.Chart().encode(
        x=alt.X("dose:Q", scale=span([0, *frame["dose"]]), title="Dose", axis=alt.Axis(tickCount=4)),
        color=colour,
        tooltip=tips(*ESTIMATE_TIPS, "part:N", "dose:Q", "images:Q:.0f"),
    )
    up = alt.Y("mean:Q", scale=seen(frame, -1.0, 1.0, 0.0), title="Mean gain")
    searched = chart.transform_filter("datum.part == 'validation'").encode(y=up)
    line = searched.mark_line(strokeWidth=1.6).encode(detail=["ratio:N", "dataset:N", "classifier:N"])
    tested = chart.transform_filter("datum.part == 'test'")
    rule = tested.mark_rule(strokeWidth=2.5, clip=True, aria=False).encode(
        y=alt.Y("low:Q", title="Mean gain"), y2="high:Q"
    )
    hollow = searched.mark_point(filled=False, size=70, opacity=1)
    filled = tested.mark_point(filled=True, size=90, opacity=1).encode(y=up)
    layers = alt.layer(line_here(0.0), line, hollow, rule, filled, data=inline(frame))
    panels = in_panels(
        layers.properties(height=PANEL_PIXELS), header("balancer:N"), number=frame["balancer"].nunique()
    )
    return panels.transform_filter(chosen_rows())


def draw_images(frame: pd.DataFrame) -> Layers:
    """A point for each rare class, method and condition, with lines between those of one method and condition."""
    hover = alt.selection_point(name="hover", fields=["balancer"], on="pointerover", nearest=True, empty=False)
    least, most = float(frame["training_images"].min()), float(frame["training_images"].max())
    colour, shape = by_kind(frame)
    chart = base(frame).encode(
        x=alt.X(
            "training_images:Q",
            scale=alt.Scale(type="log", domain=[0.9 * max(least, 0.5), 1.1 * most], nice=False),
            axis=alt.Axis(values=log_ticks(max(least, 0.5), most), format="~r"),
            title="Real training images of the class (log scale)",
        ),
        y=alt.Y("mean:Q", scale=span([0.0, *frame["mean"]]), title="Gain of the class in test F1"),
        color=colour,
        tooltip=tips(*ARM_TIPS, "class:N", "training_images:Q:.0f", "mean:Q:+.3f", "score:Q:.3f", "n:Q"),
    )
    opacity = alt.condition(hover, alt.value(1.0), alt.value(0.35))
    line = chart.mark_line(strokeWidth=1.4).encode(opacity=opacity, detail=[f"{name}:N" for name in ARM_COLUMNS])
    points = chart.mark_point(filled=True, size=60).encode(
        shape=shape, opacity=alt.condition(hover, alt.value(1.0), alt.value(0.75))
    )
    return alt.layer(line_at(0.0, across=True), line, points.add_params(hover)).properties(height=PLOT_PIXELS)


GAIN = Sketch(
    name="gain",
    section="gain",
    title="Gain in test minority F1 over no balancing (dashed)",
    alt="The mean gain of every method, the largest first, with corrected 95 % intervals (at least "
    f"{MINIMUM_SEEDS} seeds). Bold: chosen on validation images.",
    draw=draw_gains,
    colours="kinds",
)
CHOSEN = Sketch(
    name="chosen",
    section="gain",
    title="Test minority F1 against the imbalance ratio",
    alt="Lines for the GAN and the simple method that validation chose at each ratio, and for no balancing; "
    "a name above the lines is the GAN chosen from that ratio on.",
    draw=draw_chosen,
)
GAIN_MAP = Sketch(
    name="gain_map",
    section="map of gains",
    title="Gain in test minority F1 over no balancing, by method and ratio",
    alt="A map of mean gains, methods in rows and ratios in columns; teal gains, brown loses. Numbers "
    "in the cells.",
    draw=draw_gain_map,
)
F1_BY_RATIO, RECALL_BY_RATIO = (
    Sketch(
        name=name,
        section="every",
        title=f"Test {what} of every method against the imbalance ratio",
        alt=f"{what[0].upper()}{what[1:]} of every method at every ratio, mean and 95 % interval.",
        draw=draw_against_ratio,
        colours="kinds",
    )
    for name, what in (("minority_f1", "minority F1"), ("minority_recall", "minority recall"))
)
DOSE = Sketch(
    name="dose",
    section="dose",
    title="Gain against the dose, the share of the missing images that were made",
    alt="A panel for each method: hollow points are means over search trials on validation images, filled ones "
    "the confirmed dose on test images, with its interval.",
    draw=draw_dose,
)
IMAGES = Sketch(
    name="images_a_class",
    section="images",
    title="Gain of each rare class against its number of real training images",
    alt="A point for each rare class and method, with lines between the classes of one method and "
    "ratio; above the dashed line a class gains.",
    draw=draw_images,
    colours="kinds",
)
