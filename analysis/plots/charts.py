"""The interactive charts of the page, as Vega-Lite specifications: hovering tells numbers, menus filter."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.chart_data import class_frame, cost_frame, curve_frame, estimate_frame, time_frame
from gan_study.analysis.plots.chosen_by_ratio import LINES, chosen_data, stack
from gan_study.analysis.plots.palette import (
    CLASS_COLOURS,
    GAIN_SCHEME,
    GAN_TINTS,
    GREY,
    KIND_COLOURS,
    KIND_SHAPES,
    STAGE_COLOURS,
    Kind,
    kind_of,
)
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, NO_BALANCING, conditions
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.wording import ratio_text

# What the page's menus choose among; each is a parameter of every chart.
FILTERS = ARM_COLUMNS
ALL = "all"
# The page's own, at the size of its text.
FONT, FONT_PIXELS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif", 14
ROW_PIXELS, PLOT_PIXELS = 26, 320
# The width that a number in a cell of a map needs.
CELL_PIXELS = 52
# A map of gains says something once there are two ratios, a chart of a search once there are ten trials.
FEWEST_RATIOS = 2


# What `alt.layer` returns. No chart here is split into facets, which could not be as wide as the page.
Layers: TypeAlias = alt.LayerChart | alt.FacetChart
Drawing: TypeAlias = alt.Chart | Layers


# The beginnings of the names of charts whose one legend is that of the kinds of methods.
_BY_KIND = ("gain", "minority_", "cost")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart as the page carries it: its specification, the data behind it, and what it shows in words."""

    section: str
    name: str
    title: str
    alt: str
    data: pd.DataFrame
    specification: dict[str, Any]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of methods that have their colours and shapes in it, for the page's legend."""
        there = set(self.data["kind"]) if self.name.startswith(_BY_KIND) and self.name != "gain_map" else set()
        return tuple(kind for kind in KIND_COLOURS if kind in there)

    @property
    def on_page(self) -> dict[str, Any]:
        """The specification without the legend of kinds, for which a page has words that wrap."""
        return without_legend(self.specification, "kind") if self.kinds else self.specification


def without_legend(specification: Any, field: str) -> Any:
    """A specification in which no channel that shows `field` has a legend."""
    if isinstance(specification, list):
        return [without_legend(each, field) for each in specification]
    if not isinstance(specification, dict):
        return specification
    changed = {name: without_legend(each, field) for name, each in specification.items() if name != "values"}
    kept = {name: each for name, each in specification.items() if name == "values"}
    return {**changed, **kept, **({"legend": None} if specification.get("field") == field else {})}


# Name -> section, title and text alternative; braces hold what a chart of several ratios says of them.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "gain": (
        "gain",
        "Gain in test minority F1 over no balancing (dashed)",
        "The mean gain of every method, the largest first, with the interval of its verdict.",
    ),
    "chosen": (
        "gain",
        "Test minority F1 against the imbalance ratio",
        "Lines for the GAN and the simple method that validation chose at each ratio, and for no balancing.",
    ),
    "minority_f1": (
        "every",
        "Test minority F1 of every method against the imbalance ratio",
        "Minority F1 of every method at every ratio, mean and 95 % interval.",
    ),
    "minority_recall": (
        "every",
        "Test minority recall of every method against the imbalance ratio",
        "Minority recall of every method at every ratio, mean and 95 % interval.",
    ),
    "gain_map": (
        "map of gains",
        "Gain in test minority F1 over no balancing, by method and ratio",
        "A map of mean gains, methods down and ratios across; teal gains, brown loses. Numbers in the cells.",
    ),
    "classes": (
        "classes",
        "Gain of each class over no balancing, in test F1",
        "A map of mean gains, classes down and methods across; teal classes gain, brown ones pay.",
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
    gains = estimates[(estimates["measure"] == "gain") & (estimates["metric"] == "Minority F1")]
    scores = estimates[estimates["measure"] == "score"].drop(columns="measure")
    at_ratios = scores if _num_ratios(scores) >= FEWEST_RATIOS else scores.iloc[:0]
    maps = places.groupby(CONDITION_COLUMNS, sort=False).ngroup() if len(places) else None
    drawn: tuple[tuple[str, pd.DataFrame, Callable[[pd.DataFrame], Drawing]], ...] = (
        ("gain_map", gains if _num_ratios(gains) >= FEWEST_RATIOS else gains.iloc[:0], _gain_map),
        ("minority_f1", at_ratios[at_ratios["metric"] == "Minority F1"], _against_ratio),
        ("minority_recall", at_ratios[at_ratios["metric"] == "Minority recall"], _against_ratio),
        ("classes", class_frame(records), _class_map),
        ("cost", cost_frame(records), _cost),
        ("time", time_frame(records), _times),
        ("generator_loss", curves[curves["network"] == "generator"], _curves),
        ("discriminator_loss", curves[curves["network"] == "discriminator"], _curves),
        ("map", places.assign(map=maps), _map),
    )
    return (
        *_answer_charts(study, gains),
        *(_chart(name, data, draw) for name, data, draw in drawn if len(data)),
    )


def _answer_charts(study: Study, gains: pd.DataFrame) -> Iterator[Chart]:
    """What the page opens with, by data set and classifier: the gains at one ratio, or lines over several."""
    tasks = sorted({condition.task for condition in conditions(study.records)})
    for task in tasks:
        place = f" on {task.dataset} with {task.classifier}" if len(tasks) > 1 else ""
        here = gains[(gains["dataset"] == task.dataset) & (gains["classifier"] == task.classifier)]
        if _num_ratios(here) >= FEWEST_RATIOS and len(lines := chosen_data(study, task)):
            yield _chart("chosen", lines.assign(**task._asdict()), _chosen, place=place)
        elif len(here):
            chosen = {name for names in chosen_methods(study.records).values() for name in names}
            yield _chart("gain", here.assign(chosen=here["balancer"].isin(chosen)), _gains, place=place)


def _num_ratios(frame: pd.DataFrame) -> int:
    return int(frame["imbalance_ratio"].nunique())


def _chart(name: str, data: pd.DataFrame, draw: Callable[[pd.DataFrame], Drawing], *, place: str = "") -> Chart:
    """A chart as wide as the page, with the page's menus as its parameters; `place` ends its title."""
    section, title, words = _WORDS[name]
    menus = [alt.param(name=f"pick_{each}", value=ALL) for each in FILTERS]
    size = {"width": "container", "autosize": alt.AutoSizeParams(type="fit-x", contains="padding")}
    found = draw(data).add_params(*menus).properties(description=words, background="transparent", **size)
    text = {"labelFontSize": FONT_PIXELS, "titleFontSize": FONT_PIXELS, "titleFontWeight": "normal"}
    specification: dict[str, Any] = (
        found.configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(**text, labelOverlap=True)
        .configure_legend(**text, symbolSize=110)
        .configure_text(fontSize=FONT_PIXELS)
        .to_dict()
    )
    return Chart(
        section=section,
        name=slug(name + place),
        title=title + place,
        alt=words,
        data=data,
        specification=specification,
    )


# Of a chart as a file, in pixels; a PNG has twice as many.
FILE_PIXELS, PNG_SCALE = 760, 2


def to_files(chart: Chart) -> tuple[bytes, bytes]:
    """A chart as SVG and as PNG."""
    fixed = {**chart.specification, "width": FILE_PIXELS, "background": "white"}
    svg: str = vl_convert.vegalite_to_svg(fixed)
    png: bytes = vl_convert.vegalite_to_png(fixed, scale=PNG_SCALE)
    return svg.encode(), png


def slug(name: str) -> str:
    """`name` as the name of a file."""
    return re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip("_")


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
    colours = alt.Scale(domain=frame["class"].drop_duplicates().tolist(), range=list(CLASS_COLOURS))
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
    return alt.Chart(_inline(texts)).transform_filter(" && ".join([*others, method]))


def _inline(frame: pd.DataFrame) -> alt.InlineData:
    """The rows of a frame as a chart carries them."""
    return alt.InlineData(values=json.loads(frame.to_json(orient="records")))


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
    alt.Scale(domain=list(KIND_COLOURS), range=list(looks.values())) for looks in (KIND_COLOURS, KIND_SHAPES)
]


def _by_kind(frame: pd.DataFrame) -> tuple[alt.Color, alt.Shape]:
    """The colour and the shape of each kind of method; the one legend of both names the kinds that are there."""
    there = [kind for kind in KIND_COLOURS if kind in set(frame["kind"])]
    legend = _legend(columns=3, values=there, labelLimit=200)
    return alt.Color("kind:N", scale=_LOOKS[0], legend=legend), alt.Shape("kind:N", scale=_LOOKS[1], legend=legend)


def _rows(field: str, order: Sequence[str] | str, **axis: Any) -> alt.Y:
    """Names down the left side."""
    return alt.Y(field, sort=order, title=None, axis=alt.Axis(labelLimit=190, **axis))


def _line_at(value: float, *, across: bool = False) -> alt.Chart:
    """A dashed line at a value of the other axis."""
    line = alt.Chart(alt.InlineData(values=[{"at": value}])).mark_rule(color=GREY, strokeDash=[4, 3])
    found: alt.Chart = line.encode(y="at:Q") if across else line.encode(x="at:Q")
    return found


def _seen(frame: pd.DataFrame, low: float, high: float, *others: float) -> alt.Scale:
    """The means, `others`, and the intervals as far as they lie between `low` and `high`."""
    values = pd.concat([frame["mean"], frame["low"].clip(low, high), frame["high"].clip(low, high)]).dropna()
    return _span([*values, *others])


def _gains(frame: pd.DataFrame) -> Layers:
    """A row for each method, the largest gain first: its mean and interval; what validation chose is bold."""
    order = frame.sort_values("mean", ascending=False)["balancer"].drop_duplicates().tolist()
    chosen = sorted(set(frame.loc[frame["chosen"], "balancer"]))
    is_chosen = f"indexof({json.dumps(chosen)}, datum.value) >= 0"
    bold: Any = alt.condition(is_chosen, alt.value("bold"), alt.value("normal"))
    colour, shape = _by_kind(frame)
    title = "Gain in minority F1"
    base = _base(frame).encode(
        y=_rows("balancer:N", order, labelFontWeight=bold), color=colour, tooltip=_tips(*_ESTIMATE_TIPS)
    )
    axis = alt.X("low:Q", title=title, scale=_seen(frame, -1.0, 1.0, 0.0), axis=alt.Axis(tickCount=6))
    rule = base.mark_rule(strokeWidth=2.5, clip=True, aria=False).encode(x=axis, x2="high:Q")
    point = base.mark_point(filled=True, size=110, opacity=1).encode(x="mean:Q", shape=shape)
    return alt.layer(_line_at(0.0), rule, point).properties(height=ROW_PIXELS * len(order))


def _ratio_axis(frame: pd.DataFrame) -> alt.X:
    return alt.X(
        "imbalance_ratio:Q",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(values=sorted(frame["imbalance_ratio"].unique()), format="~r"),
        title="Imbalance ratio (log scale)",
    )


# The least distance of two lines' names, as a share of the axis.
NAME_GAP = 0.07


def _apart(places: Sequence[float], *, gap: float) -> list[float]:
    """`places`, moved up where one is nearer than `gap` to the one below."""
    found: list[float] = []
    for place in sorted(places):
        found.append(max(place, found[-1] + gap) if found else place)
    return [found[rank] for rank in np.argsort(np.argsort(places, kind="stable"), kind="stable")]


# How wide the narrowest chart is, in which the names of variants have to find room.
NARROW_PIXELS, LETTER_PIXELS = 190, 8.0


def _variants(named: pd.DataFrame) -> list[pd.DataFrame]:
    """The GAN's variant at each ratio at which another is chosen than before, in rows above the chart."""
    gans = named[named["line"] == "GAN"].sort_values("imbalance_ratio")
    changes = gans[gans["balancer"] != gans["balancer"].shift()]
    logs = np.log(named["imbalance_ratio"])
    pixels = NARROW_PIXELS / max(logs.max() - logs.min(), 1e-9)
    rows = stack(
        (pixels * np.log(changes["imbalance_ratio"])).tolist(),
        [LETTER_PIXELS * (len(name) + 1) for name in changes["balancer"]],
    )
    return [changes[[each == row for each in rows]] for row in sorted(set(rows))]


def _chosen(frame: pd.DataFrame) -> Layers:
    """A named line for each, with its intervals as a band; the variant of the GAN stands at each ratio."""
    kinds = {line: kind_of("", line) for line in LINES}
    named = frame.assign(name=frame["line"].map(LINES), kind=frame["line"].map(kinds))
    seen = _seen(named, -0.02, 1.02)
    low, high = seen["domain"]
    ends = named.loc[named.groupby("line")["imbalance_ratio"].idxmax()].sort_values(["imbalance_ratio", "mean"])
    at = _apart(ends["mean"].tolist(), gap=NAME_GAP * (high - low))
    seen = _span([low, high, *at])
    colour = alt.Color("kind:N", scale=_LOOKS[0], legend=None)
    tips = _tips("name:N", "balancer:N", "imbalance_ratio:Q", "mean:Q:.3f", "low:Q:.3f", "high:Q:.3f", "n:Q")
    base = alt.Chart(_inline(named)).encode(x=_ratio_axis(named), color=colour, tooltip=tips)
    band = base.mark_area(clip=True, opacity=0.15).encode(
        y=alt.Y("low:Q", scale=seen, title="Test minority F1"), y2="high:Q"
    )
    dashed = alt.condition("datum.line == 'no balancing'", alt.value([5, 4]), alt.value([1, 0]))
    line = base.mark_line(strokeWidth=2.5).encode(y="mean:Q", strokeDash=dashed)
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="mean:Q", shape=alt.Shape("kind:N", scale=_LOOKS[1], legend=None)
    )
    variants = [
        alt.Chart(_inline(names))
        .mark_text(y=-8 - 17 * row, fontSize=FONT_PIXELS - 1)
        .encode(x=_ratio_axis(named), text="balancer:N", color=colour)
        for row, names in enumerate(_variants(named))
    ]
    names = (
        alt.Chart(_inline(ends.assign(at=at)))
        .mark_text(align="left", dx=12, fontWeight="bold", clip=False)
        .encode(x="imbalance_ratio:Q", y="at:Q", text="name:N", color=colour)
    )
    layers = alt.layer(band, line, points, *variants, names)
    return layers.properties(height=PLOT_PIXELS)


def _against_ratio(frame: pd.DataFrame) -> Layers:
    """A line for each method over the ratios; hovering brings one out, with its band."""
    hover = alt.selection_point(name="hover", fields=["balancer"], on="pointerover", nearest=True, empty=False)
    # With few seeds an interval reaches far beyond the range of a score.
    seen, (colour, shape) = _seen(frame, -0.02, 1.02), _by_kind(frame)
    base = _base(frame, reference=True).encode(
        x=_ratio_axis(frame),
        color=colour,
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
    points = base.mark_point(filled=True, size=55).encode(y="mean:Q", shape=shape)
    return alt.layer(band, line, points.add_params(hover)).properties(height=PLOT_PIXELS)


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
    cells, numbers = _cells(base, largest=largest), _numbers(base, columns=len(ratios), largest=largest)
    return alt.layer(cells, numbers).properties(height=ROW_PIXELS * len(order))


def _numbers(base: alt.Chart, *, columns: int, largest: float) -> alt.Chart:
    """The gain in each cell, where so many `columns` leave room for it."""
    is_dark = f"abs(datum.mean) > {0.6 * largest}"
    ink = alt.condition(is_dark, alt.value("#fff"), alt.value("#111"))
    has_room = alt.expr(f"width > {CELL_PIXELS * columns} ? 1 : 0")
    # A loss that rounds to nothing is nothing, and no "−0.000".
    rounded = base.transform_calculate(shown="abs(datum.mean) < 0.0005 ? 0 : datum.mean")
    texts: alt.Chart = rounded.mark_text(fontSize=FONT_PIXELS - 1, opacity=has_room).encode(
        text=alt.Text("shown:Q", format="+.3f"), color=ink
    )
    return texts


def _class_map(frame: pd.DataFrame) -> Layers:
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
            x=alt.X("balancer:N", title=None, axis=alt.Axis(labelAngle=-90, labelLimit=170, labelOverlap=False)),
            y=alt.Y("class:N", sort=order, title="Class, the smallest first", axis=alt.Axis(labelLimit=120)),
            tooltip=_tips(*_CLASS_TIPS),
        )
    )
    largest = float(frame["mean"].abs().max())
    cells = _cells(base, largest=largest)
    numbers = _numbers(base, columns=frame["balancer"].nunique(), largest=largest)
    return alt.layer(cells, numbers).properties(height=ROW_PIXELS * len(order))


def _cells(base: alt.Chart, *, largest: float) -> alt.Chart:
    """Cells coloured by the gain `mean`, symmetric about 0."""
    scale = alt.Scale(scheme=GAIN_SCHEME, domain=[-largest, largest], domainMid=0)
    legend = alt.Legend(orient="top", title="Mean gain", gradientLength=160)
    colour = alt.Color("mean:Q", scale=scale, legend=legend)
    cells: alt.Chart = base.mark_rect(stroke="#888", strokeWidth=0.3).encode(color=colour)
    return cells


def _span(values: Iterable[float]) -> alt.Scale:
    """From the least to the largest of `values`, also where a menu leaves none of them."""
    found = list(values)
    return alt.Scale(domain=[min(found), max(found)], nice=True, padding=8)


def _cost(frame: pd.DataFrame) -> Layers:
    colour, shape = _by_kind(frame)
    base = _base(frame).encode(
        x=alt.X(
            "seconds:Q",
            scale=alt.Scale(type="symlog", domain=[0, 1.05 * frame["seconds"].max()]),
            title="Seconds a trial: balancing and classifier",
            axis=alt.Axis(tickCount=6),
        ),
        y=alt.Y("gain:Q", scale=_span([0.0, *frame["gain"]]), title="Gain in test minority F1"),
    )
    front = (
        base.transform_filter("datum.front")
        .mark_line(color=GREY, strokeDash=[4, 3], interpolate="step-after")
        .encode(detail=["ratio:N", "dataset:N", "classifier:N"])
    )
    points = base.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=colour,
        shape=shape,
        tooltip=_tips(*_ARM_TIPS, "seconds:Q:.2f", "gain:Q:+.3f", "search_seconds:Q:.0f", "device:N", "front:N"),
    )
    return alt.layer(_line_at(0.0, across=True), front, points).properties(height=PLOT_PIXELS)


def _times(frame: pd.DataFrame) -> alt.Chart:
    colour = alt.Color("stage:N", scale=alt.Scale(range=list(STAGE_COLOURS)), legend=_legend(columns=3))
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
    colours = alt.Scale(domain=sorted(set(frame["balancer"])), range=list(GAN_TINTS))
    chart: alt.Chart = (
        _base(frame)
        .mark_line()
        .encode(
            x=alt.X("generator_steps:Q", scale=_span(frame["generator_steps"]), title="Generator steps"),
            y=alt.Y("loss:Q", scale=_span(frame["loss"]), title=f"Mean {frame['network'].iloc[0]} loss"),
            color=alt.Color("balancer:N", scale=colours, legend=_legend(columns=3)),
            detail=["curve:N"],
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.6)),
            strokeWidth=alt.condition(hover, alt.value(3), alt.value(1.4)),
            tooltip=_tips(*_ARM_TIPS, "generator_steps:Q", "loss:Q:.3f"),
        )
        .add_params(hover)
        .properties(height=240)
    )
    return chart
