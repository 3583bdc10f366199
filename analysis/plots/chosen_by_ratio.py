"""The chosen GAN, the chosen simple method and no balancing against the imbalance ratio, on one panel."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis import select
from gan_study.analysis.load import Study
from gan_study.analysis.plots import palette, style
from gan_study.analysis.plots.scores import score_data
from gan_study.analysis.select import NO_BALANCING, Family, Task
from gan_study.analysis.verdicts import chosen_methods
from gan_study.analysis.wording import ratio_text

# The lines in the order of their legend; each method is the one that validation chose at the ratio.
LINES: dict[Family, str] = {"GAN": "chosen GAN", "simple": "chosen simple method", "no balancing": "no balancing"}
# The least distance of two labels, as a share of the axis: a line of text.
LABEL_GAP = 0.06


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
    """A labelled line for each, with its intervals as a band; the GAN's variant stands at each ratio."""
    figure, (panel,) = style.panels(1, columns=1, row_inches=3.6)
    ends: list[tuple[float, Family]] = []
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
            at, low, high = (banded[name] for name in ("imbalance_ratio", "low", "high"))
            panel.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
        ends.append((float(line["mean"].iloc[-1]), family))
    _label_lines(panel, ends, at=float(data["imbalance_ratio"].max()))
    _name_variants(panel, data[data["line"] == "GAN"])
    ratios = sorted(data["imbalance_ratio"].unique().tolist())
    panel.set_xscale("log")
    panel.set_xticks(ratios, [ratio_text(ratio) for ratio in ratios])
    panel.minorticks_off()
    panel.set_xlabel("Imbalance ratio (log scale)")
    panel.set_ylabel("Test minority F1")
    return figure


def _label_lines(panel: Axes, ends: Sequence[tuple[float, Family]], *, at: float) -> None:
    """Each line's name beside its right end, moved apart where two lines end close to one another."""
    low, high = panel.get_ylim()
    gap, placed = LABEL_GAP * (high - low), -float("inf")
    for mean, family in sorted(ends):
        placed = max(mean, placed + gap)
        panel.annotate(
            LINES[family],
            (at, placed),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=palette.FAMILY_COLOURS[family],
            annotation_clip=False,
        )


def _name_variants(panel: Axes, gans: pd.DataFrame) -> None:
    """The variant above the GAN's point at each ratio."""
    for ratio, mean, name in zip(gans["imbalance_ratio"], gans["mean"], gans["balancer"], strict=True):
        panel.annotate(
            style.shortened(name, longest=18),
            (ratio, mean),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=palette.FAMILY_COLOURS["GAN"],
        )
