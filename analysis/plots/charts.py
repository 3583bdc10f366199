"""The interactive charts of the page, as Vega-Lite specifications: hovering tells numbers, menus filter."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from gan_study.analysis.plots.chart_data import class_frame, cost_frame, curve_frame, estimate_frame, time_frame
from gan_study.analysis.plots.palette import BLUE, GREEN, ORANGE, SKY, VERMILION
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, NO_BALANCING, Family
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import ratio_text

# What the page's menus choose among; each is a parameter of every chart.
FILTERS = ARM_COLUMNS
ALL = "all"
# Grey where the printed figures have black, which a dark page would swallow.
GREY = "#808080"
FAMILY_LOOKS: Mapping[Family, tuple[str, str]] = {
    "GAN": (BLUE, "circle"),
    "simple": (VERMILION, "diamond"),
    "no balancing": (GREY, "square"),
    "upper bound": (GREEN, "triangle-up"),
}
FONT = "system-ui, sans-serif"
METHOD_COLOURS = [BLUE, VERMILION, GREEN, ORANGE, SKY, GREY]
ROW_PIXELS, PLOT_PIXELS = 22, 320


# What `alt.layer` returns. No chart here is split into facets, which could not be as wide as the page.
Layers: TypeAlias = alt.LayerChart | alt.FacetChart
Drawing: TypeAlias = alt.Chart | Layers


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart as the page carries it: its specification, the data behind it, and what it shows in words."""

    section: str
    name: str
    title: str
    alt: str
    data: pd.DataFrame
    specification: dict[str, Any]


# Name -> section, title and text alternative; braces hold what a chart of several ratios says of them.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "interactive_minority_recall": (
        "scores",
        "Test minority recall{against}",
        "Minority recall of every method{at}, mean and 95 % interval.",
    ),
    "interactive_minority_f1": (
        "scores",
        "Test minority F1{against}",
        "Minority F1 of every method{at}, mean and 95 % interval.",
    ),
    "gain_map": (
        "gain",
        "Gain in test minority F1 over no balancing, by method and ratio",
        "A map of mean gains, methods down and ratios across; blue gains, red loses. Numbers in the cells.",
    ),
    "classes": (
        "classes",
        "Gain of each class over no balancing, in test F1",
        "A map of mean gains, classes down and methods across; blue classes gain, red ones pay.",
    ),
    "cost": (
        "cost",
        "Cost against gain, the Pareto front joined",
        "Seconds of balancing and training against the mean gain of every method; a line joins the methods that "
        "none beats in both.",
    ),
    "time": (
        "cost",
        "Where a trial's time goes",
        "Bars of the mean seconds that each stage of a confirmed trial takes, by method.",
    ),
    "generator_loss": (
        "curves",
        "Training curves: generator loss, the smallest confirmed seed of each GAN",
        "Mean generator loss of each GAN by generator step.",
    ),
    "discriminator_loss": (
        "curves",
        "Training curves: discriminator loss, the smallest confirmed seed of each GAN",
        "Mean discriminator loss of each GAN by generator step.",
    ),
    "map": (
        "map",
        "Real and generated images on one map",
        "Points for images, near one another where their features are alike: circles are real images, crosses "
        "generated ones, a colour for each class.",
    ),
}


def charts(study: Study, places: pd.DataFrame) -> tuple[Chart, ...]:
    """Every chart for which the records, and the `places` of images on their map (`map_frame`), have data."""
    records = study.records
    estimates, curves = estimate_frame(study), curve_frame(records)
    scores = estimates[estimates["measure"] == "score"].drop(columns="measure")
    gains = estimates[estimates["measure"] == "gain"]
    maps = places.groupby(CONDITION_COLUMNS, sort=False).ngroup() if len(places) else None
    drawn: tuple[tuple[str, pd.DataFrame, Callable[[pd.DataFrame], Drawing]], ...] = (
        ("interactive_minority_recall", scores[scores["metric"] == "Minority recall"], _scores),
        ("interactive_minority_f1", scores[scores["metric"] == "Minority F1"], _scores),
        ("gain_map", gains[gains["metric"] == "Minority F1"], _gain_map),
        ("classes", class_frame(records), _class_map),
        ("cost", cost_frame(records), _cost),
        ("time", time_frame(records), _times),
        ("generator_loss", curves[curves["network"] == "generator"], _curves),
        ("discriminator_loss", curves[curves["network"] == "discriminator"], _curves),
        ("map", places.assign(map=maps), _map),
    )
    return tuple(_chart(name, data, draw) for name, data, draw in drawn if len(data))


def _chart(name: str, data: pd.DataFrame, draw: Callable[[pd.DataFrame], Drawing]) -> Chart:
    """A chart as Vega-Lite, as wide as the page, with the page's menus as its parameters."""
    several = data["imbalance_ratio"].nunique() > 1
    of_ratios = {"against": " against the imbalance ratio", "at": " at every ratio"}
    said = of_ratios if several else dict.fromkeys(of_ratios, "")
    section, title, words = (text.format(**said) for text in _WORDS[name])
    menus = [alt.param(name=f"pick_{each}", value=ALL) for each in FILTERS]
    size = {"width": "container", "autosize": alt.AutoSizeParams(type="fit-x", contains="padding")}
    found = draw(data).add_params(*menus).properties(description=words, background="transparent", **size)
    specification: dict[str, Any] = found.configure(font=FONT).configure_view(stroke=None).to_dict()
    return Chart(section=section, name=name, title=title, alt=words, data=data, specification=specification)


def choices(records: Sequence[Trial]) -> dict[str, tuple[str, ...]]:
    """What each menu of the page offers; a menu with one choice is left out."""
    values = {
        "dataset": sorted({record.dataset for record in records}),
        "classifier": sorted({record.classifier for record in records}),
        "imbalance_ratio": [ratio_text(ratio) for ratio in sorted({record.imbalance_ratio for record in records})],
        "balancer": sorted({record.balancer for record in records if record.balancer != NO_BALANCING}),
    }
    return {name: tuple(found) for name, found in values.items() if len(found) > 1}


def _map(frame: pd.DataFrame) -> alt.Chart:
    """Real images as circles, generated ones as crosses; of several maps the menus choose, the first by itself."""
    colours = alt.Scale(domain=frame["class"].drop_duplicates().tolist(), range=METHOD_COLOURS)
    shapes = alt.Scale(domain=["real", "generated"], range=["circle", "cross"])
    chart: alt.Chart = (
        _base(frame)
        .transform_joinaggregate(first="min(map)")
        .transform_filter("datum.map == datum.first")
        .mark_point(size=34, opacity=0.8, strokeWidth=1.6)
        .encode(
            x=alt.X("x:Q", scale=_span(frame["x"]), axis=None),
            y=alt.Y("y:Q", scale=_span(frame["y"]), axis=None),
            color=alt.Color("class:N", scale=colours, legend=_legend(columns=4, labelLimit=120)),
            shape=alt.Shape("kind:N", scale=shapes, legend=_legend()),
            tooltip=_tips(*_ARM_TIPS, "class:N", "kind:N"),
        )
        .properties(height=1.2 * PLOT_PIXELS)
    )
    return chart


def _base(frame: pd.DataFrame, *, reference: bool = False) -> alt.Chart:
    """A chart of the rows that the menus leave; with `reference` no balancing stays whichever method is chosen.

    None stands for what is missing. Ratios get their text, by which the menus choose.
    """
    texts = frame.assign(ratio=frame["imbalance_ratio"].map(ratio_text))
    fields = {name: name for name in FILTERS} | {"imbalance_ratio": "ratio"}
    *others, method = (f"(pick_{name} == '{ALL}' || datum.{each} == pick_{name})" for name, each in fields.items())
    if reference:
        method = f"({method} || datum.balancer == '{NO_BALANCING}')"
    values = alt.InlineData(values=json.loads(texts.to_json(orient="records")))
    return alt.Chart(values).transform_filter(" && ".join([*others, method]))


def _tips(*fields: str) -> list[alt.Tooltip]:
    """What hovering shows, of `fields` given as "name:type[:format]"."""
    split = [field.split(":", maxsplit=2) for field in fields]
    return [
        alt.Tooltip(f"{name}:{kind}", format=form[0] if form else alt.Undefined) for name, kind, *form in split
    ]


_ARM_TIPS = ("balancer:N", "ratio:N", "dataset:N", "classifier:N")
_CLASS_TIPS = ("balancer:N", "class:N", "minority:N", "training_images:Q:.0f", "mean:Q:+.3f", "score:Q:.3f", "n:Q")
_ESTIMATE_TIPS = (*_ARM_TIPS, "mean:Q:.3f", "low:Q:.3f", "high:Q:.3f", "n:Q")


def _legend(**options: Any) -> alt.Legend:
    return alt.Legend(orient="top", title=None, **options)


_LOOKS = [
    alt.Scale(domain=list(FAMILY_LOOKS), range=list(looks)) for looks in zip(*FAMILY_LOOKS.values(), strict=True)
]
# Equal legends become one.
_FAMILY_COLOUR = alt.Color("family:N", scale=_LOOKS[0], legend=_legend(columns=2))
_FAMILY_SHAPE = alt.Shape("family:N", scale=_LOOKS[1], legend=_legend(columns=2))


def _rows(field: str, order: Sequence[str] | str) -> alt.Y:
    """Names down the left side."""
    return alt.Y(field, sort=order, title=None, axis=alt.Axis(labelLimit=150))


def _scores(frame: pd.DataFrame) -> Layers:
    return _against_ratio(frame) if frame["imbalance_ratio"].nunique() > 1 else _intervals(frame)


def _against_ratio(frame: pd.DataFrame) -> Layers:
    """A line for each method over the ratios; hovering brings one out, with its band."""
    hover = alt.selection_point(name="hover", fields=["balancer"], on="pointerover", nearest=True, empty=False)
    ratios = sorted(frame["imbalance_ratio"].unique())
    # With few seeds an interval reaches far beyond the range of a score.
    seen = alt.Scale(domain=[max(-0.02, frame["low"].min()), min(1.02, frame["high"].max())], nice=False)
    if frame["low"].isna().all():
        seen = alt.Scale(zero=False)
    base = _base(frame, reference=True).encode(
        x=alt.X(
            "imbalance_ratio:Q",
            scale=alt.Scale(type="log", nice=False, padding=12),
            axis=alt.Axis(values=ratios, format="~r"),
            title="Imbalance ratio (log scale)",
        ),
        color=_FAMILY_COLOUR,
        detail=["balancer:N", "dataset:N", "classifier:N"],
        tooltip=_tips(*_ESTIMATE_TIPS),
    )
    band = base.mark_area(clip=True).encode(
        y=alt.Y("low:Q", scale=seen, title=str(frame["metric"].iloc[0])),
        y2="high:Q",
        opacity=alt.condition(hover, alt.value(0.35), alt.value(0.06)),
    )
    line = base.mark_line(strokeWidth=2).encode(
        y="mean:Q",
        opacity=alt.condition(hover, alt.value(1.0), alt.value(0.55)),
        strokeDash=alt.condition(f"datum.balancer == '{NO_BALANCING}'", alt.value([5, 4]), alt.value([1, 0])),
    )
    points = base.mark_point(filled=True, size=55).encode(y="mean:Q", shape=_FAMILY_SHAPE)
    return alt.layer(band, line, points.add_params(hover)).properties(height=PLOT_PIXELS)


def _intervals(frame: pd.DataFrame) -> Layers:
    """A row for each method: its mean and interval."""
    order = frame.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    arms, tooltip = _rows("balancer:N", order), _tips(*_ESTIMATE_TIPS)
    base = _base(frame, reference=True).encode(y=arms, color=_FAMILY_COLOUR, tooltip=tooltip)
    title = str(frame["metric"].iloc[0])
    axis = alt.X("low:Q", title=title, scale=alt.Scale(zero=False))
    rule = base.mark_rule(strokeWidth=2).encode(x=axis, x2="high:Q")
    point = base.mark_point(filled=True, size=70, opacity=1).encode(x="mean:Q", shape=_FAMILY_SHAPE)
    return alt.layer(rule, point).properties(height=ROW_PIXELS * len(order))


def _gain_map(frame: pd.DataFrame) -> Layers:
    """Methods down, the largest mean gain first, ratios across, with the gain in each cell."""
    several = len(frame[["dataset", "classifier"]].drop_duplicates()) > 1
    tasks = " (" + frame["dataset"] + ", " + frame["classifier"] + ")" if several else ""
    named = frame.assign(row=frame["balancer"] + tasks)
    order = named.groupby("row")["mean"].mean().sort_values(ascending=False).index.tolist()
    ratios = [ratio_text(ratio) for ratio in sorted(frame["imbalance_ratio"].unique())]
    base = _base(named).encode(
        x=alt.X("ratio:N", sort=ratios, title="Imbalance ratio", axis=alt.Axis(labelAngle=0)),
        y=_rows("row:N", order),
        tooltip=_tips(*_ESTIMATE_TIPS),
    )
    largest = float(frame["mean"].abs().max())
    is_dark = f"abs(datum.mean) > {0.6 * largest}"
    texts = base.mark_text(fontSize=11).encode(
        text=alt.Text("mean:Q", format="+.3f"), color=alt.condition(is_dark, alt.value("#fff"), alt.value("#111"))
    )
    return alt.layer(_cells(base, largest=largest), texts).properties(height=ROW_PIXELS * len(order))


def _class_map(frame: pd.DataFrame) -> alt.Chart:
    """Classes down, the smallest first, methods across; the mean over all conditions that the menus leave."""
    order = frame.sort_values("training_images")["class"].drop_duplicates().tolist()
    base = (
        _base(frame)
        .transform_aggregate(
            mean="mean(mean)",
            score="mean(score)",
            training_images="mean(training_images)",
            n="sum(n)",
            groupby=["balancer", "class", "minority"],
        )
        .encode(
            x=alt.X("balancer:N", title=None, axis=alt.Axis(labelAngle=-50, labelLimit=120)),
            y=alt.Y("class:N", sort=order, title="Class, the smallest first", axis=alt.Axis(labelLimit=120)),
            tooltip=_tips(*_CLASS_TIPS),
        )
    )
    largest = float(frame["mean"].abs().max())
    chart: alt.Chart = _cells(base, largest=largest).properties(height=ROW_PIXELS * len(order))
    return chart


def _cells(base: alt.Chart, *, largest: float) -> alt.Chart:
    """Cells coloured by the gain `mean`, symmetric about 0."""
    # Diverging, blue for gains: readers who confuse red and green tell its ends apart.
    scale = alt.Scale(scheme="redblue", domain=[-largest, largest], domainMid=0)
    legend = alt.Legend(orient="top", title="Mean gain", gradientLength=160)
    colour = alt.Color("mean:Q", scale=scale, legend=legend)
    cells: alt.Chart = base.mark_rect(stroke="#888", strokeWidth=0.3).encode(color=colour)
    return cells


def _span(values: Iterable[float]) -> alt.Scale:
    """From the least to the largest of `values`, also where a menu leaves none of them."""
    found = list(values)
    return alt.Scale(domain=[min(found), max(found)], nice=True)


def _cost(frame: pd.DataFrame) -> Layers:
    base = _base(frame).encode(
        x=alt.X(
            "seconds:Q",
            scale=alt.Scale(type="symlog", domain=[0, 1.05 * frame["seconds"].max()]),
            title="Seconds a trial: balancing and classifier",
        ),
        y=alt.Y("gain:Q", scale=_span([0.0, *frame["gain"]]), title="Gain in test minority F1"),
    )
    front = (
        base.transform_filter("datum.front")
        .mark_line(color=GREY, strokeDash=[4, 3], interpolate="step-after")
        .encode(detail=["ratio:N", "dataset:N", "classifier:N"])
    )
    points = base.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=_FAMILY_COLOUR,
        shape=_FAMILY_SHAPE,
        tooltip=_tips(*_ARM_TIPS, "seconds:Q:.2f", "gain:Q:+.3f", "search_seconds:Q:.0f", "device:N", "front:N"),
    )
    line = alt.Chart(alt.InlineData(values=[{"gain": 0}]))
    zero = line.mark_rule(color=GREY, strokeDash=[2, 2]).encode(y="gain:Q")
    return alt.layer(zero, front, points).properties(height=PLOT_PIXELS)


def _times(frame: pd.DataFrame) -> alt.Chart:
    colour = alt.Color("stage:N", scale=alt.Scale(range=METHOD_COLOURS), legend=_legend())
    chart: alt.Chart = (
        _base(frame)
        .transform_aggregate(spent="mean(seconds)", groupby=["balancer", "stage"])
        .mark_bar()
        .encode(
            x=alt.X("spent:Q", stack="zero", title="Mean seconds a confirmed trial"),
            y=_rows("balancer:N", "-x"),
            color=colour,
            tooltip=_tips("balancer:N", "stage:N", "spent:Q:.2f"),
        )
        .properties(height=ROW_PIXELS * frame["balancer"].nunique())
    )
    return chart


def _curves(frame: pd.DataFrame) -> alt.Chart:
    hover = alt.selection_point(name="hover", fields=["curve"], on="pointerover", empty=False)
    # Named, since Vega cannot lay out a legend without an entry, where a menu leaves no GAN.
    colours = alt.Scale(domain=sorted(set(frame["balancer"])), range=METHOD_COLOURS)
    chart: alt.Chart = (
        _base(frame)
        .mark_line()
        .encode(
            x=alt.X("generator_steps:Q", scale=_span(frame["generator_steps"]), title="Generator steps"),
            y=alt.Y("loss:Q", scale=_span(frame["loss"]), title=f"Mean {frame['network'].iloc[0]} loss"),
            color=alt.Color("balancer:N", scale=colours, legend=_legend()),
            detail=["curve:N"],
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.6)),
            strokeWidth=alt.condition(hover, alt.value(3), alt.value(1.4)),
            tooltip=_tips(*_ARM_TIPS, "generator_steps:Q", "loss:Q:.3f"),
        )
        .add_params(hover)
        .properties(height=240)
    )
    return chart
