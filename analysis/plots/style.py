"""One look for every figure: explicit Figure objects, whatever matplotlib is set to elsewhere."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from gan_study.analysis.inference.estimates import Estimate
from gan_study.analysis.plots.palette import FAMILY_COLOURS, FAMILY_MARKERS
from gan_study.analysis.records.select import Family
from gan_study.analysis.wording import ratio_text

WIDTH_INCHES = 9.2
ROW_INCHES = 0.36

# It comes with matplotlib.
HOUSE_FONT = "DejaVu Sans"
# Fonts with letters that it has not: for names of classes, where installed.
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "IPAexGothic",
    "NanumGothic",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)


def font_families(installed: Collection[str]) -> list[str]:
    """The fonts of the figures: a letter is taken from the first that has it."""
    return [HOUSE_FONT, *(name for name in _OTHER_SCRIPTS if name in installed)]


_RC: dict[Any, Any] = {
    "font.family": font_families(get_font_names()),
    "font.size": 10.5,
    "figure.labelsize": 10.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "savefig.dpi": 150,
    # Names come from the data: a dollar in them is no formula.
    "text.parse_math": False,
    # Equal figures give equal files.
    "svg.hashsalt": "gan-study",
}

_font_log = logging.getLogger("matplotlib.font_manager")

Panels: TypeAlias = tuple[Figure, list[Axes]]


@contextmanager
def house_style() -> Iterator[None]:
    """The look of the house, for figures drawn and saved inside."""
    level = _font_log.level
    # Fonts of other scripts have few weights; the nearest does.
    _font_log.setLevel(logging.ERROR)
    try:
        with mpl.rc_context(_RC):
            yield
    finally:
        _font_log.setLevel(level)


def panels(number: int, *, columns: int, row_inches: float, sharex: bool = True, sharey: bool = True) -> Panels:
    """A figure with `number` panels of `row_inches` height, row by row; the places left over stay empty."""
    columns = min(columns, number)
    rows = -(-number // columns)
    figure = Figure(figsize=(WIDTH_INCHES, rows * row_inches + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    axes = list(grid.flat)
    for spare in axes[number:]:
        spare.set_axis_off()
    for above in axes[max(0, number - columns) : number]:
        above.tick_params(labelbottom=True)
    return figure, axes[:number]


def draw_interval(axes: Axes, estimate: Estimate, *, at: float, family: Family) -> None:
    """A horizontal interval with its mean; the mean alone where there is none."""
    colour = FAMILY_COLOURS[family]
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [at, at], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot([estimate.mean], [at], FAMILY_MARKERS[family], color=colour, markersize=6)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a horizontal chart, the first at the top."""
    axes.set_yticks(range(len(names)), [shortened(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def ratio_colours(ratios: Iterable[float]) -> dict[float, tuple[float, ...]]:
    """A colour for each of the distinct `ratios`, ascending: dark to light, all of them visible on white."""
    distinct, viridis = sorted(set(ratios)), mpl.colormaps["viridis"]
    return {ratio: viridis(0.85 * place / max(1, len(distinct) - 1)) for place, ratio in enumerate(distinct)}


def name_ratios(
    figure: Figure, axes: Axes, colours: Mapping[float, tuple[float, ...]], look: str = "-", *, size: float = 6
) -> None:
    """Add a legend of the ratios' colours, where there are several."""
    if len(colours) > 1:
        marks = [axes.plot([], [], look, color=colour, markersize=size)[0] for colour in colours.values()]
        names, columns = [ratio_text(ratio) for ratio in colours], min(8, len(colours))
        figure.legend(marks, names, title="Imbalance ratio", loc="outside upper center", ncols=columns)


def plain_log_axis(axes: Axes, locator: LogLocator) -> None:
    """Make the bottom logarithmic, with plain numbers: matplotlib's own are formulae, which no text of ours is."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def count_along(axes: Axes) -> None:
    """Whole numbers along the bottom, where even one of them is enough."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))


def shortened(name: str, *, longest: int = 26) -> str:
    """`name`, its middle left out where it is too long for a label."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
