"""The form of every chart of a report: one Vega-Lite specification for the page, SVG, PNG and PDF."""

import json
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, Literal, TypeAlias

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

from gan_study.analysis.plots.palette import (
    ALL_CLASSES_COLOUR,
    CLASS_COLOURS,
    GAIN_RANGE,
    GREY,
    KIND_COLOURS,
    KIND_SHAPES,
    Kind,
    tints,
)
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, NO_BALANCING, Condition
from gan_study.analysis.wording import ratio_text

# What the page's menus choose among; each is a parameter of every chart.
FILTERS = ARM_COLUMNS
ALL = "all"
# The page's own, at the size of its text; the second are those of files.
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
FONT_PIXELS = 14
ROW_PIXELS, PLOT_PIXELS, PANEL_PIXELS = 26, 320, 190
# The width that a number in a cell of a map needs; the same of a small number, and the size of its letters.
CELL_PIXELS, SMALL_CELL_PIXELS, SMALL_FONT_PIXELS = 52, 42, 11
MOST_COLUMNS = 3
# The parameter that tells a chart with panels how wide one is.
PANEL_WIDTH = "panel_width"
# The parameter that tells a map how many columns stand side by side; the others follow below.
BLOCK = "block"
# In pixels: the narrowest panel of a chart, what a panel has around it, and a chart as a file.
NARROWEST_PANEL, AROUND_PANEL, AROUND_OWN_AXES = 200, 22, 78
FILE_PIXELS = 760
# Below this width a drawing is for a phone: one column of legends, and titles of axes in lines of this length.
PHONE_PIXELS, PHONE_LETTERS = 480, 20
# A PNG has so many times as many.
PNG_SCALE = 2

# In pixels: a letter, the longest name of a row and of a legend, and what a map has beside names and cells.
LETTER_PIXELS, LONGEST_NAME, LONGEST_LEGEND, AROUND_BLOCK = 8, 190, 240, 24

# What every object of JavaScript has (ECMA-262, Object.prototype): Vega looks names up in objects, finds these in
# each of them, and draws nothing, or no chart at all. A space of no width makes other names of them.
PROPERTIES_OF_OBJECTS = (
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
    *("valueOf", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
)
NO_WIDTH = "\u200b"

# What `alt.layer` and `facet` return.
Layers: TypeAlias = alt.LayerChart | alt.FacetChart
Drawing: TypeAlias = alt.Chart | Layers | alt.ConcatChart
Dash: TypeAlias = Sequence[float]
SOLID: Dash = (1, 0)
DASHED: Dash = (5, 4)


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A chart's name, its place on the page, its description in words, and its drawing."""

    name: str
    section: str
    title: str
    alt: str
    draw: Callable[[pd.DataFrame], Drawing]
    colours: Literal["kinds", "others"] = "others"
    """Whether its only legend is that of the kinds of methods."""
    by_condition: bool = False
    """Whether it shows one condition at a time: the first, until a menu chooses another; each has a file."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart in the page: its specification, its data, and its description in words."""

    section: str
    name: str
    title: str
    alt: str
    data: pd.DataFrame
    specification: dict[str, Any]
    kinds: tuple[Kind, ...] = ()
    """The kinds of methods whose colours and shapes it uses, for the page's legend."""
    conditions: tuple[Condition, ...] = ()
    """The conditions that it shows one at a time, if there are several."""

    @property
    def on_page(self) -> dict[str, Any]:
        """The specification without the legend of kinds, for which a page has words that wrap, and with what is
        different on a phone.
        """
        found = without_legend(self.specification, "kind") if self.kinds else self.specification
        return {**found, "usermeta": {**found.get("usermeta", {}), "phone": phone_changes(found)}}

    @property
    def files(self) -> dict[str, Condition | None]:
        """The names of its files without their endings, and the condition of each."""
        if not self.conditions:
            return {self.name: None}
        return {f"{self.name}_{slug(told_apart(each, self.conditions))}": each for each in self.conditions}

    def of(self, condition: Condition | None) -> dict[str, Any]:
        """The specification as if the menus had chosen a condition."""
        if condition is None:
            return self.specification
        values = {**condition._asdict(), "imbalance_ratio": ratio_text(condition.imbalance_ratio)}
        chosen = {f"pick_{name}": value for name, value in values.items()}
        params = [
            {**each, "value": chosen.get(each["name"], each.get("value"))} if each["name"] in chosen else each
            for each in self.specification["params"]
        ]
        return {**self.specification, "params": params}


def told_apart(condition: Condition, among: Sequence[Condition]) -> str:
    """The columns that identify a condition."""
    told = {name: {getattr(each, name) for each in among} for name in CONDITION_COLUMNS}
    ratio = f"ratio {ratio_text(condition.imbalance_ratio)}" if len(told["imbalance_ratio"]) > 1 else ""
    names = [getattr(condition, name) for name in CONDITION_COLUMNS[:2] if len(told[name]) > 1]
    return " ".join([*names, ratio])


def without_legend(specification: Any, field: str) -> Any:
    """A specification without a legend for any channel that shows `field`."""
    if isinstance(specification, list):
        return [without_legend(each, field) for each in specification]
    if not isinstance(specification, dict):
        return specification
    changed = {name: without_legend(each, field) for name, each in specification.items() if name != "values"}
    kept = {name: each for name, each in specification.items() if name == "values"}
    return {**changed, **kept, **({"legend": None} if specification.get("field") == field else {})}


def make_chart(sketch: Sketch, data: pd.DataFrame, *, place: str = "") -> Chart:
    """A chart as wide as the page, with the page's menus as its parameters; `place` ends its title."""
    menus = [alt.param(name=f"pick_{each}", value=ALL) for each in FILTERS]
    menus += [alt.param(name=PANEL_WIDTH, value=NARROWEST_PANEL), alt.param(name=BLOCK, value=1)]
    found = (
        sketch.draw(_drawable(data))
        .add_params(*menus)
        .properties(description=sketch.alt, background="transparent")
    )
    if not isinstance(found, alt.FacetChart | alt.ConcatChart):
        fit = alt.AutoSizeParams(type="fit-x", contains="padding")
        found = found.properties(width="container", autosize=fit)
    text = {"labelFontSize": FONT_PIXELS, "titleFontSize": FONT_PIXELS, "titleFontWeight": "normal"}
    specification: dict[str, Any] = (
        found.configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(**text, labelOverlap=True, labelSeparation=6)
        .configure_legend(**text, symbolSize=110)
        .configure_header(labelFontSize=FONT_PIXELS, labelFontWeight="bold", labelLimit=220, labelPadding=4)
        .configure_title(fontSize=FONT_PIXELS, limit=200)
        .configure_text(fontSize=FONT_PIXELS)
        .to_dict()
    )
    # Several legends stand below one another: side by side they are wider than a phone. Altair does not know it.
    specification["config"]["legend"]["layout"] = {"top": {"direction": "vertical", "anchor": "start"}}
    specification["datasets"] = {
        name: json.loads(values) if isinstance(values, str) else values
        for name, values in specification["datasets"].items()
    }
    kinds = set(data["kind"]) if sketch.colours == "kinds" else set()
    conditions = (
        sorted({Condition(*each) for each in data[CONDITION_COLUMNS].itertuples(index=False)})
        if (sketch.by_condition)
        else []
    )
    return Chart(
        section=sketch.section,
        name=slug(sketch.name + place),
        title=sketch.title + place,
        alt=sketch.alt,
        data=data,
        specification=specification,
        kinds=tuple(kind for kind in KIND_COLOURS if kind in kinds),
        conditions=tuple(conditions) if len(conditions) > 1 else (),
    )


def _drawable(data: pd.DataFrame) -> pd.DataFrame:
    """`data` without names that Vega cannot draw; those that the page's menus compare are this package's own."""
    names = [column for column in data.columns if column not in FILTERS and data[column].dtype.kind not in "biufM"]
    changed = {name: f"{name}{NO_WIDTH}" for name in PROPERTIES_OF_OBJECTS}
    return data.assign(
        **{
            column: data[column].map(lambda value: changed.get(value, value) if isinstance(value, str) else value)
            for column in names
        }
    )


def slug(name: str) -> str:
    """`name` as the name of a file."""
    return re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip("_")


def fitted(specification: Mapping[str, Any], pixels: int) -> dict[str, Any]:
    """A specification of this width; panels are side by side if there is room (`page.js` does the same)."""
    found = deepcopy(dict(specification))
    if pixels < PHONE_PIXELS:
        for change in phone_changes(found):
            *path, last = change["path"]
            reduce(getitem, path, found)[last] = change["value"]
    values, columns = _layout(found, pixels)
    if not values:
        return {**found, "width": pixels}
    for each in found["params"]:
        each["value"] = values.get(each["name"], each.get("value"))
    found["columns"] = columns
    for each in found.get("concat", None) or [found["spec"]]:
        each["width"] = values[PANEL_WIDTH]
    return found


def _layout(specification: Mapping[str, Any], pixels: int) -> tuple[dict[str, int], int]:
    """The parameters of a chart with panels or blocks at this width, and the columns of its panels."""
    meta = specification.get("usermeta", {})
    if "panels" in meta:
        panels = meta["panels"]
        room = pixels - panels["left"]
        columns = max(1, min(panels["columns"], room // (NARROWEST_PANEL + panels["around"])))
        return {PANEL_WIDTH: room // columns - panels["around"]}, columns
    if "blocks" in meta:
        blocks = meta["blocks"]
        room = pixels - blocks["left"]
        number = math.ceil(blocks["columns"] / max(1, room // blocks["cell"]))
        return {PANEL_WIDTH: room, BLOCK: math.ceil(blocks["columns"] / number)}, 1
    return {}, 1


def phone_changes(specification: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is different on a phone, where and with which value: legends in one column, titles in short lines."""
    return [
        {"path": path, "value": value}
        for path, part in _parts(specification, [])
        for value in [_on_a_phone(path, part)]
        if value is not None
    ]


def _parts(part: Any, path: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """All parts of a specification but its data, with the way to each."""
    yield path, part
    inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, each in inside:
        if key not in ("datasets", "values", "config", "usermeta"):
            yield from _parts(each, [*path, key])


def _on_a_phone(path: Sequence[Any], part: Any) -> Any:
    """What a phone has in place of a part; None if it has the same."""
    if path[-1:] == ["columns"] and path[-2:-1] == ["legend"] and part > 1:
        return 1
    if path[-1:] == ["title"] and path[-2:-1] in (["x"], ["y"]) and isinstance(part, str):
        lines = textwrap.wrap(part, PHONE_LETTERS)
        return lines if len(lines) > 1 else None
    return None


def to_files(chart: Chart) -> dict[str, bytes]:
    """A chart as SVG and as PNG, by the names of its files."""
    files: dict[str, bytes] = {}
    for stem, condition in chart.files.items():
        fixed = {**fitted(chart.of(condition), FILE_PIXELS), "background": "white"}
        svg: str = vl_convert.vegalite_to_svg(fixed)
        files |= {f"{stem}.svg": svg.encode(), f"{stem}.png": vl_convert.svg_to_png(svg, scale=PNG_SCALE)}
    return files


# The rows of a chart, and which of them it shows.


def inline(frame: pd.DataFrame) -> alt.InlineData:
    """The rows of a frame as chart data, None for missing values; ratios also as text.

    As one text until the chart is built: Altair copies lists, row by row, whenever a chart is extended.
    """
    if "imbalance_ratio" in frame:
        frame = frame.assign(ratio=frame["imbalance_ratio"].map(ratio_text))
    return alt.InlineData(values=frame.to_json(orient="records"))


def chosen_rows(*, reference: bool = False) -> str:
    """The rows selected by the menus; with `reference` no balancing is kept for every chosen method."""
    fields = {name: name for name in FILTERS} | {"imbalance_ratio": "ratio"}
    *others, method = (f"(pick_{name} == '{ALL}' || datum.{each} == pick_{name})" for name, each in fields.items())
    if reference:
        method = f"({method} || datum.balancer == '{NO_BALANCING}')"
    return " && ".join([*others, method])


def base(frame: pd.DataFrame, *, reference: bool = False) -> alt.Chart:
    """A chart of the rows selected by the menus (`chosen_rows`)."""
    return alt.Chart(inline(frame)).transform_filter(chosen_rows(reference=reference))


def with_places(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the number of each row's condition, for `of_first`."""
    return frame.assign(place=frame.groupby(CONDITION_COLUMNS).ngroup())


def of_first(chart: Any) -> Any:
    """`chart` for the first of the remaining conditions only; its rows are `with_places`."""
    return chart.transform_joinaggregate(first="min(place)").transform_filter("datum.place == datum.first")


def in_panels(drawn: Layers | alt.Chart, facet: alt.Facet, *, number: int, left: int = 70) -> alt.FacetChart:
    """A panel for each of the `number` values of `facet`, with one vertical axis, `left` pixels wide."""
    columns = min(MOST_COLUMNS, number)
    found: alt.FacetChart = drawn.facet(facet, columns=columns).properties(
        usermeta={"panels": {"columns": columns, "left": left, "around": AROUND_PANEL}}
    )
    return found


def side_by_side(charts: Sequence[alt.Chart | Layers]) -> alt.ConcatChart:
    """Charts beside one another, each with its own axes."""
    columns = min(MOST_COLUMNS, len(charts))
    panels = {"columns": columns, "left": 0, "around": AROUND_OWN_AXES}
    found: alt.ConcatChart = alt.concat(*charts, columns=columns).properties(usermeta={"panels": panels})
    return found


# Parts of charts.


def header(field: str, order: Sequence[str] | None = None) -> alt.Facet:
    """The columns that name panels."""
    return alt.Facet(field, title=None, sort=list(order) if order else alt.Undefined, header=alt.Header())


def tips(*fields: str) -> list[alt.Tooltip]:
    """The tooltip, of `fields` given as "name:type[:format]"."""
    split = [field.split(":", maxsplit=2) for field in fields]
    return [
        alt.Tooltip(f"{name}:{kind}", format=form[0] if form else alt.Undefined) for name, kind, *form in split
    ]


ARM_TIPS = ("balancer:N", "ratio:N", "dataset:N", "classifier:N")
ESTIMATE_TIPS = (*ARM_TIPS, "mean:Q:.3f", "low:Q:.3f", "high:Q:.3f", "n:Q")


def legend(**options: Any) -> alt.Legend:
    """A legend above the chart."""
    return alt.Legend(orient="top", title=None, **options)


KIND_SCALES = [
    alt.Scale(domain=list(KIND_COLOURS), range=list(looks.values())) for looks in (KIND_COLOURS, KIND_SHAPES)
]


def by_kind(frame: pd.DataFrame) -> tuple[alt.Color, alt.Shape]:
    """The colour and the shape of each kind of method; their common legend lists the kinds that are present."""
    there = [kind for kind in KIND_COLOURS if kind in set(frame["kind"])]
    shared = legend(columns=2, values=there, labelLimit=LONGEST_LEGEND, symbolOpacity=1)
    return alt.Color("kind:N", scale=KIND_SCALES[0], legend=shared), alt.Shape(
        "kind:N", scale=KIND_SCALES[1], legend=shared
    )


def by_name(frame: pd.DataFrame) -> alt.Color:
    """The name of each method in the colour of its kind."""
    kinds = dict(zip(frame["balancer"], frame["kind"], strict=True))
    scale = alt.Scale(domain=list(kinds), range=[KIND_COLOURS[kind] for kind in kinds.values()])
    return alt.Color("balancer:N", scale=scale, legend=legend(columns=2, labelLimit=LONGEST_LEGEND))


# What a GAN of all classes is trained on.
ALL_CLASSES = "all classes"


def method_scale(frame: pd.DataFrame) -> alt.Scale:
    """A tint of the colour of its `kind` for each `balancer` in `frame`."""
    shades = tints(dict(sorted(zip(frame["balancer"], frame["kind"], strict=True))))
    return alt.Scale(domain=list(shades), range=list(shades.values()))


def class_scale(names: Iterable[str]) -> alt.Scale:
    """A colour for each of the rare classes, in the order of their labels, and one for all together."""
    classes = [name for name in names if name != ALL_CLASSES]
    colours = [CLASS_COLOURS[place % len(CLASS_COLOURS)] for place in range(len(classes))]
    return alt.Scale(domain=[*classes, ALL_CLASSES], range=[*colours, ALL_CLASSES_COLOUR])


def ratio_colours(ratios: Iterable[float]) -> alt.Color:
    """A colour for each of the distinct `ratios`, dark to light; a legend where there are several."""
    names = [ratio_text(ratio) for ratio in sorted(set(ratios))]
    shown = (
        alt.Legend(orient="top", title="Imbalance ratio", values=names, symbolOpacity=1)
        if len(names) > 1
        else None
    )
    scale = alt.Scale(domain=names, scheme=alt.SchemeParams(name="viridis", extent=[0.3, 0.8]))
    return alt.Color("ratio:O", scale=scale, legend=shown)


def rows(field: str, order: Sequence[str] | str, **axis: Any) -> alt.Y:
    """Names down the left side."""
    return alt.Y(field, sort=order, title=None, axis=alt.Axis(labelLimit=LONGEST_NAME, **axis))


def line_at(value: float, *, across: bool = False, dash: Dash = (4, 3)) -> alt.Chart:
    """A dashed line at a value of the other axis."""
    line = alt.Chart(alt.InlineData(values=[{"at": value}])).mark_rule(
        color=GREY, strokeDash=list(dash), aria=False
    )
    found: alt.Chart = line.encode(y="at:Q") if across else line.encode(x="at:Q")
    return found


def line_here(value: float) -> alt.Chart:
    """The same across each panel of a chart with panels, whose layers share their rows."""
    found: alt.Chart = alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3], aria=False).encode(y=alt.datum(value))
    return found


def span(values: Iterable[float], *, padding: float = 8) -> alt.Scale:
    """From the smallest to the largest of `values`, also if a menu leaves none of them."""
    found = list(values)
    return alt.Scale(domain=[min(found), max(found)], nice=True, padding=padding)


def seen(frame: pd.DataFrame, low: float, high: float, *others: float) -> alt.Scale:
    """The means, `others`, and the parts of the intervals between `low` and `high`."""
    values = pd.concat([frame["mean"], frame["low"].clip(low, high), frame["high"].clip(low, high)]).dropna()
    return span([*values, *others])


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between `low` and `high`; only the powers if these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [float(f"{factor * 10.0**power:.6g}") for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high] or [low]


def whole(frame: pd.DataFrame, field: str, *, most: int = 5) -> list[int]:
    """Some of the integers between the smallest and the largest of a column, evenly spaced."""
    low, high = int(frame[field].min()), int(frame[field].max())
    return list(range(low, high + 1, max(1, math.ceil((high - low) / most))))


# In cells: ink on pale colours, which a dark page has its own of (`page.css`), and on deep ones.
INK, PALE_INK = "#111", "#fff"


def cells(chart: alt.Chart, *, field: str, largest: float, title: str) -> alt.Chart:
    """Cells coloured by gains or changes, symmetric about 0."""
    scale = alt.Scale(range=list(GAIN_RANGE), domain=[-largest, 0, largest], type="linear")
    shown = alt.Legend(orient="top", title=title, gradientLength=160, titleLimit=300)
    found: alt.Chart = chart.mark_rect(stroke="#888", strokeWidth=0.3).encode(
        color=alt.Color(f"{field}:Q", scale=scale, legend=shown)
    )
    return found


def numbers(chart: alt.Chart, *, largest: float) -> alt.Chart:
    """The gain in each cell of `in_blocks`, in smaller letters where columns are narrow."""
    ink = alt.condition(f"abs(datum.mean) > {0.6 * largest}", alt.value(PALE_INK), alt.value(INK))
    size = alt.expr(f"{PANEL_WIDTH} / {BLOCK} >= {CELL_PIXELS} ? {FONT_PIXELS - 1} : {SMALL_FONT_PIXELS}")
    # A loss that rounds to nothing is nothing, and no "−0.000".
    rounded = chart.transform_calculate(shown="abs(datum.mean) < 0.0005 ? 0 : datum.mean")
    texts: alt.Chart = rounded.mark_text(fontSize=size).encode(text=alt.Text("shown:Q", format="+.3f"), color=ink)
    return texts


def in_blocks(cells_and_numbers: Layers, *, columns: int, names: Iterable[str]) -> alt.FacetChart:
    """A map whose columns continue below where a window is too narrow for all of them.

    Rows have `names`, and the data a field `column`, from 0 on.
    """
    left = AROUND_BLOCK + min(LONGEST_NAME, LETTER_PIXELS * max(map(len, names), default=0))
    blocks = {"columns": columns, "left": left, "cell": SMALL_CELL_PIXELS}
    found: alt.FacetChart = (
        cells_and_numbers.facet(
            alt.Facet("part:O", title=None, header=alt.Header(labelExpr="''", labelFontSize=1)), columns=1
        )
        .transform_calculate(part=f"floor(datum.column / {BLOCK})")
        .resolve_scale(x="independent")
        .properties(usermeta={"blocks": blocks})
    )
    return found


def apart(places: Sequence[float], *, gap: float) -> list[float]:
    """`places`, moved up if one is nearer than `gap` to the one below."""
    found: list[float] = []
    for place in sorted(places):
        found.append(max(place, found[-1] + gap) if found else place)
    return [found[rank] for rank in np.argsort(np.argsort(places, kind="stable"), kind="stable")]
