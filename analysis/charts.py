"""The interactive charts of the page, as Vega-Lite specifications: hovering tells numbers, menus filter."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import pandas as pd

from gan_study.analysis.chart_data import class_frame, cost_frame, curve_frame, estimate_frame, time_frame
from gan_study.analysis.plots.style import BLUE, GREEN, ORANGE, SKY, VERMILION
from gan_study.analysis.select import CONDITION_COLUMNS, NO_BALANCING, Family
from gan_study.analysis.trial import Trial
from gan_study.analysis.wording import ratio_text

# What the page's menus choose among; each is a parameter of every chart.
FILTERS = (*CONDITION_COLUMNS, "balancer")
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


# Of alt.layer; nothing here is split into facets, which could not be as wide as the page.
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


@dataclass(frozen=True, kw_only=True)
class _Plan:
    section: str
    name: str
    title: str
    alt: str
    data: pd.DataFrame
    draw: Callable[[pd.DataFrame], Drawing]


def charts(records: Sequence[Trial], places: pd.DataFrame) -> tuple[Chart, ...]:
    """Every chart for which the records, and the `places` of images on their map (`map_frame`), have data."""
    return tuple(
        Chart(
            section=plan.section,
            name=plan.name,
            title=plan.title,
            alt=plan.alt,
            data=plan.data,
            specification=_specification(plan),
        )
        for plan in (*_plans(records), _map_plan(places))
        if len(plan.data)
    )


def choices(records: Sequence[Trial]) -> dict[str, tuple[str, ...]]:
    """What each menu of the page offers; a menu with one choice is left out."""
    values = {
        "dataset": sorted({record.dataset for record in records}),
        "classifier": sorted({record.classifier for record in records}),
        "imbalance_ratio": [ratio_text(ratio) for ratio in sorted({record.imbalance_ratio for record in records})],
        "balancer": sorted({record.balancer for record in records if record.balancer != NO_BALANCING}),
    }
    return {name: tuple(found) for name, found in values.items() if len(found) > 1}


def _plans(records: Sequence[Trial]) -> Iterator[_Plan]:
    estimates = estimate_frame(records)
    scores = estimates[estimates["measure"] == "score"].drop(columns="measure")
    for metric in ("Minority recall", "Minority F1"):
        data = scores[scores["metric"] == metric]
        several = data["imbalance_ratio"].nunique() > 1
        yield _Plan(
            section="scores",
            name=f"interactive_{metric.lower().replace(' ', '_')}",
            title=f"Test {metric[0].lower()}{metric[1:]}{' against the imbalance ratio' if several else ''}",
            alt=f"{metric} of every method{' at every ratio' if several else ''}, mean and 95 % interval.",
            data=data,
            draw=_against_ratio if several else _intervals,
        )
    yield _Plan(
        section="gain",
        name="gain_map",
        title="Gain in test minority F1 over no balancing, by method and ratio",
        alt="A map of mean gains, methods down and ratios across; blue gains, red loses. Numbers in the cells.",
        data=estimates[(estimates["measure"] == "gain") & (estimates["metric"] == "Minority F1")],
        draw=_gain_map,
    )
    yield _Plan(
        section="classes",
        name="classes",
        title="Gain of each class over no balancing, in test F1",
        alt="A map of mean gains, classes down and methods across; blue classes gain, red ones pay.",
        data=class_frame(records),
        draw=_class_map,
    )
    yield _Plan(
        section="cost",
        name="cost",
        title="Cost against gain, the Pareto front joined",
        alt="Seconds of balancing and training against the mean gain of every method; a line joins the methods "
        "that none beats in both.",
        data=cost_frame(records),
        draw=_cost,
    )
    yield _Plan(
        section="cost",
        name="time",
        title="Where a trial's time goes",
        alt="Bars of the mean seconds that each stage of a confirmed trial takes, by method.",
        data=time_frame(records),
        draw=_times,
    )
    curves = curve_frame(records)
    for network in ("generator", "discriminator"):
        yield _Plan(
            section="curves",
            name=f"{network}_loss",
            title=f"Training curves: {network} loss, the smallest confirmed seed of each GAN",
            alt=f"Mean {network} loss of each GAN by epoch.",
            data=curves[curves["network"] == network],
            draw=_curves,
        )


def _map_plan(places: pd.DataFrame) -> _Plan:
    shown = places.groupby(list(CONDITION_COLUMNS), sort=False).ngroup() if len(places) else None
    return _Plan(
        section="map",
        name="map",
        title="Real and generated images on one map",
        alt="Points for images, near one another where their features are alike: circles are real images, crosses "
        "generated ones, a colour for each class.",
        data=places if shown is None else places.assign(map=shown),
        draw=_map,
    )


def _map(frame: pd.DataFrame) -> alt.Chart:
    """Real images as circles, generated ones as crosses; of several maps the menus choose, the first by itself."""
    classes = frame["class"].drop_duplicates().tolist()
    chart: alt.Chart = (
        _base(frame)
        .transform_joinaggregate(first="min(map)")
        .transform_filter("datum.map == datum.first")
        .mark_point(size=34, opacity=0.8, strokeWidth=1.6)
        .encode(
            x=alt.X("x:Q", scale=_span(frame["x"]), axis=None),
            y=alt.Y("y:Q", scale=_span(frame["y"]), axis=None),
            color=alt.Color(
                "class:N",
                scale=alt.Scale(domain=classes, range=METHOD_COLOURS),
                legend=alt.Legend(orient="top", title=None, columns=4, labelLimit=120),
            ),
            shape=alt.Shape(
                "kind:N",
                scale=alt.Scale(domain=["real", "generated"], range=["circle", "cross"]),
                legend=alt.Legend(orient="top", title=None),
            ),
            tooltip=_tooltip("class:N", "kind:N"),
        )
        .properties(height=1.2 * PLOT_PIXELS)
    )
    return chart


def _specification(plan: _Plan) -> dict[str, Any]:
    """A chart as Vega-Lite, as wide as the page, with the page's menus as its parameters."""
    chart = plan.draw(plan.data)
    menus = [alt.param(name=f"pick_{name}", value=ALL) for name in FILTERS]
    found = chart.add_params(*menus).properties(
        width="container",
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        description=plan.alt,
        background="transparent",
    )
    specification: dict[str, Any] = found.configure(font=FONT).configure_view(stroke=None).to_dict()
    return specification


def _values(frame: pd.DataFrame) -> alt.InlineData:
    """A frame's rows; None for what is missing. Ratios get their text, by which the menus choose."""
    texts = frame.assign(ratio=frame["imbalance_ratio"].map(ratio_text))
    return alt.InlineData(values=json.loads(texts.to_json(orient="records")))


def _base(frame: pd.DataFrame, *, reference: bool = False) -> alt.Chart:
    """A chart of the rows that the menus leave; with `reference` no balancing stays whichever method is chosen."""
    kept = {
        "dataset": _is_picked("dataset"),
        "classifier": _is_picked("classifier"),
        "imbalance_ratio": "(pick_imbalance_ratio == 'all' || datum.ratio == pick_imbalance_ratio)",
        "balancer": _is_picked("balancer"),
    }
    if reference:
        kept["balancer"] = f"({kept['balancer']} || datum.balancer == '{NO_BALANCING}')"
    return alt.Chart(_values(frame)).transform_filter(" && ".join(kept.values()))


def _is_picked(name: str) -> str:
    return f"(pick_{name} == '{ALL}' || datum.{name} == pick_{name})"


def _tooltip(*fields: str) -> list[alt.Tooltip]:
    """What hovering shows: the arm, then `fields` given as "name:type[:format]"."""
    shown = ["balancer:N", "ratio:N", "dataset:N", "classifier:N", *fields]
    return [
        alt.Tooltip(f"{name}:{kind}", format=form[0]) if form else alt.Tooltip(f"{name}:{kind}")
        for name, kind, *form in (field.split("|") for field in (each.replace(":", "|") for each in shown))
    ]


_ESTIMATE_TOOLTIP = ("mean:Q:.3f", "low:Q:.3f", "high:Q:.3f", "n:Q")


def _family_look(place: int) -> dict[str, Any]:
    """The scale and legend of a family's colour (`place` 0) or shape (1); equal legends become one."""
    return {
        "scale": alt.Scale(domain=list(FAMILY_LOOKS), range=[look[place] for look in FAMILY_LOOKS.values()]),
        "legend": alt.Legend(orient="top", title=None, columns=2),
    }


def _family_colour() -> alt.Color:
    return alt.Color("family:N", **_family_look(0))


def _family_shape() -> alt.Shape:
    return alt.Shape("family:N", **_family_look(1))


def _against_ratio(frame: pd.DataFrame) -> Layers:
    """A line for each method over the ratios; hovering brings one out, with its band."""
    hover = alt.selection_point(name="hover", fields=["balancer"], on="pointerover", nearest=True, empty=False)
    ratios = sorted(frame["imbalance_ratio"].unique())
    # Of few seeds an interval reaches far beyond what a score can be.
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
        color=_family_colour(),
        detail=["balancer:N", "dataset:N", "classifier:N"],
        tooltip=_tooltip(*_ESTIMATE_TOOLTIP),
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
    points = base.mark_point(filled=True, size=55).encode(y="mean:Q", shape=_family_shape())
    return alt.layer(band, line, points.add_params(hover)).properties(height=PLOT_PIXELS)


def _intervals(frame: pd.DataFrame) -> Layers:
    """A row for each method: its mean and interval."""
    order = frame.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    base = _base(frame, reference=True).encode(
        y=alt.Y("balancer:N", sort=order, title=None, axis=alt.Axis(labelLimit=150)),
        color=_family_colour(),
        tooltip=_tooltip(*_ESTIMATE_TOOLTIP),
    )
    title = str(frame["metric"].iloc[0])
    axis = alt.X("low:Q", title=title, scale=alt.Scale(zero=False))
    rule = base.mark_rule(strokeWidth=2).encode(x=axis, x2="high:Q")
    point = base.mark_point(filled=True, size=70, opacity=1).encode(x="mean:Q", shape=_family_shape())
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
        y=alt.Y("row:N", sort=order, title=None, axis=alt.Axis(labelLimit=150)),
        tooltip=_tooltip(*_ESTIMATE_TOOLTIP),
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
            tooltip=[
                alt.Tooltip("balancer:N"),
                alt.Tooltip("class:N"),
                alt.Tooltip("minority:N"),
                alt.Tooltip("training_images:Q", format=".0f"),
                alt.Tooltip("mean:Q", format="+.3f"),
                alt.Tooltip("score:Q", format=".3f"),
                alt.Tooltip("n:Q"),
            ],
        )
    )
    chart: alt.Chart = _cells(base, largest=float(frame["mean"].abs().max())).properties(
        height=ROW_PIXELS * len(order)
    )
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
        color=_family_colour(),
        shape=_family_shape(),
        tooltip=_tooltip("seconds:Q:.2f", "gain:Q:+.3f", "search_seconds:Q:.0f", "device:N", "front:N"),
    )
    zero = (
        alt.Chart(alt.InlineData(values=[{"gain": 0}])).mark_rule(color=GREY, strokeDash=[2, 2]).encode(y="gain:Q")
    )
    return alt.layer(zero, front, points).properties(height=PLOT_PIXELS)


def _times(frame: pd.DataFrame) -> alt.Chart:
    colour = alt.Color(
        "stage:N", scale=alt.Scale(range=METHOD_COLOURS), legend=alt.Legend(orient="top", title=None)
    )
    chart: alt.Chart = (
        _base(frame)
        .transform_aggregate(spent="mean(seconds)", groupby=["balancer", "stage"])
        .mark_bar()
        .encode(
            x=alt.X("spent:Q", stack="zero", title="Mean seconds a confirmed trial"),
            y=alt.Y("balancer:N", sort="-x", title=None, axis=alt.Axis(labelLimit=150)),
            color=colour,
            tooltip=[alt.Tooltip("balancer:N"), alt.Tooltip("stage:N"), alt.Tooltip("spent:Q", format=".2f")],
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
            x=alt.X("epoch:Q", scale=_span(frame["epoch"]), title="Epoch"),
            y=alt.Y("loss:Q", scale=_span(frame["loss"]), title=f"Mean {frame['network'].iloc[0]} loss"),
            color=alt.Color("balancer:N", scale=colours, legend=alt.Legend(orient="top", title=None)),
            detail=["curve:N"],
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.6)),
            strokeWidth=alt.condition(hover, alt.value(3), alt.value(1.4)),
            tooltip=_tooltip("epoch:Q", "loss:Q:.3f"),
        )
        .add_params(hover)
        .properties(height=240)
    )
    return chart
