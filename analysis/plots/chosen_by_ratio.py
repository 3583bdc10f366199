"""The chosen GAN, the chosen simple method and no balancing against the imbalance ratio, on one panel."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots import palette, style
from gan_study.analysis.plots.scores import score_data
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, Family, Task
from gan_study.analysis.wording import ratio_text

# The lines in the order of their legend; each method is the one that validation chose at the ratio.
LINES: dict[Family, str] = {"GAN": "chosen GAN", "simple": "chosen simple method", "no balancing": "no balancing"}
# The least distance of two labels, as a share of the axis: a line of text.
LABEL_GAP = 0.06
# In points: of the variants' names, and of the ratios.
NAME_SIZE, TICK_SIZE = 8.5, 10.5
# How wide a letter is, of its font's size, and the panel, of the figure: generously, and narrowly.
LETTER_SHARE, PANEL_SHARE = 0.62, 0.64


def chosen_data(study: Study, task: Task) -> pd.DataFrame:
    """Test minority F1 with its interval, a row for each of LINES and ratio, and which method it is of.

    Without rows where no GAN was confirmed beside no balancing.
    """
    scores, kinds = score_data(study, task), select.families(study.records)
    rows = [
        {"line": kinds[name], "imbalance_ratio": condition.imbalance_ratio, "balancer": name, **vars(found)}
        for condition, names in sorted(chosen_methods(study.records).items())
        if condition.task == task
        for name in (*names, NO_BALANCING)
        if (found := scores.at(condition.imbalance_ratio).get(name)) is not None
    ]
    return pd.DataFrame(rows, columns=["line", "imbalance_ratio", "balancer", "n", "mean", "low", "high"])


def draw_chosen(data: pd.DataFrame) -> Figure:
    """A labelled line for each, with its intervals as a band; the GAN's variant stands above each ratio."""
    figure, (panel,) = style.panels(1, columns=1, row_inches=3.6)
    panel.set_xscale("log")
    ends: dict[float, list[tuple[float, Family]]] = {}
    for family in LINES:
        line = data[data["line"] == family].sort_values("imbalance_ratio")
        if line.empty:
            continue
        colour = palette.FAMILY_COLOURS[family]
        panel.plot(
            line["imbalance_ratio"],
            line["mean"],
            color=colour,
            marker=palette.FAMILY_MARKERS[family],
            markersize=5,
            linestyle="--" if family == "no balancing" else "-",
        )
        banded = line.dropna(subset=["low"])
        if len(banded):
            places, low, high = (banded[name] for name in ("imbalance_ratio", "low", "high"))
            panel.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        ends.setdefault(float(line["imbalance_ratio"].iloc[-1]), []).append((float(line["mean"].iloc[-1]), family))
    last = float(data["imbalance_ratio"].max())
    for at, some in ends.items():
        _label_lines(panel, some, at=at, is_last=at == last)
    _name_variants(panel, data[data["line"] == "GAN"])
    _mark_ratios(panel, sorted(data["imbalance_ratio"].unique().tolist()))
    panel.set_xlabel("Imbalance ratio (log scale)")
    panel.set_ylabel("Test minority F1")
    return figure


def stack(places: Sequence[float], widths: Sequence[float]) -> list[int]:
    """A row for each label, so wide and centred at its place (ascending): the first row that has room."""
    rows: list[int] = []
    ends: list[float] = []
    for place, width in zip(places, widths, strict=True):
        row = next((n for n, end in enumerate(ends) if end <= place - width / 2), len(ends))
        ends[row : row + 1] = [place + width / 2]
        rows.append(row)
    return rows


def _rows(panel: Axes, ratios: Sequence[float], texts: Sequence[str], *, size: float) -> list[int]:
    """Rows of `texts` of a font size at `ratios`, so that none lies over another."""
    low, high = map(math.log, panel.get_xlim())
    points = PANEL_SHARE * 72 * style.WIDTH_INCHES / (high - low)
    widths = [LETTER_SHARE * size * (len(text) + 1) for text in texts]
    return stack([points * math.log(ratio) for ratio in ratios], widths)


def _mark_ratios(panel: Axes, ratios: Sequence[float]) -> None:
    """A tick for each ratio, its number a line lower where there is none free beside the one before."""
    texts = [ratio_text(ratio) for ratio in ratios]
    rows = _rows(panel, ratios, texts, size=TICK_SIZE)
    panel.set_xticks(
        ratios, ["\n" * row + text for text, row in zip(texts, rows, strict=True)], fontsize=TICK_SIZE
    )
    panel.minorticks_off()


def _label_lines(panel: Axes, ends: Sequence[tuple[float, Family]], *, at: float, is_last: bool) -> None:
    """The name of each line that ends at ratio `at`, moved apart where two end close to one another.

    At the last ratio they stand beside the ends, elsewhere above, since other lines go on.
    """
    low, high = panel.get_ylim()
    gap, placed = LABEL_GAP * (high - low), -float("inf")
    for mean, family in sorted(ends):
        placed = max(mean, placed + gap)
        panel.annotate(
            LINES[family],
            (at, placed),
            xytext=(9, 0) if is_last else (5, 12),
            textcoords="offset points",
            va="center",
            color=palette.FAMILY_COLOURS[family],
            annotation_clip=False,
        )


def _name_variants(panel: Axes, gans: pd.DataFrame) -> None:
    """The GAN's variant at each ratio, above the panel, where no line passes."""
    gans = gans.sort_values("imbalance_ratio")
    ratios, names = (
        gans["imbalance_ratio"].tolist(),
        [style.shortened(name, longest=18) for name in gans["balancer"]],
    )
    for ratio, name, row in zip(ratios, names, _rows(panel, ratios, names, size=NAME_SIZE), strict=True):
        panel.annotate(
            name,
            (ratio, 1.0),
            xycoords=panel.get_xaxis_transform(),
            xytext=(0, 5 + 1.3 * NAME_SIZE * row),
            textcoords="offset points",
            ha="center",
            fontsize=NAME_SIZE,
            color=palette.FAMILY_COLOURS["GAN"],
            annotation_clip=False,
        )
