"""Methods over all conditions: performance profiles and the critical-difference diagram."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis.inference.statistics import performance_profile
from gan_study.analysis.plots import palette, style
from gan_study.analysis.records.select import Family
from gan_study.analysis.tables.across import Across, Ranking, alike

NUM_THRESHOLDS = 201


def profile_data(across: Across) -> pd.DataFrame:
    """The performance profile of every method, from the smallest gain of all to the largest.

    `share_above` is the share of a method's runs whose gain is above `gain`.
    """
    gains = [gain for by_task in across.gains.values() for seeds in by_task for gain in seeds]
    thresholds = np.linspace(min(gains), max(gains), NUM_THRESHOLDS).tolist()
    profiles = [
        pd.DataFrame(
            {"balancer": name, "gain": thresholds, "share_above": performance_profile(by_task, thresholds)}
        )
        for name, by_task in across.gains.items()
    ]
    return pd.concat(profiles)


def draw_profiles(data: pd.DataFrame, kinds: Mapping[str, Family]) -> Figure:
    """A line for each method, solid for GANs and dashed for simple methods."""
    figure, (axes,) = style.panels(1, columns=1, row_inches=3.4)
    axes.axvline(0, color=palette.REFERENCE_COLOUR, linewidth=1.2, linestyle=":")
    names = list(map(str, data["balancer"].unique()))
    colours = palette.tints({name: palette.kind_of(name, kinds[name]) for name in names})
    for name, profile in data.groupby("balancer", sort=False):
        colour = colours[str(name)]
        line, shown = "-" if kinds[str(name)] == "GAN" else "--", style.shortened(str(name))
        axes.plot(profile["gain"], profile["share_above"], line, color=colour, label=shown, drawstyle="steps-pre")
    axes.set_xlabel("Gain in test minority F1")
    axes.set_ylabel("Share of runs that gain more")
    axes.set_ylim(-0.02, 1.02)
    figure.legend(loc="outside right upper", fontsize="small")
    return figure


def draw_ranking(ranked: Ranking, kinds: Mapping[str, Family]) -> Figure:
    """The critical-difference diagram (Demšar 2006): methods along their mean rank, a bar over those alike."""
    groups, number = alike(ranked), len(ranked.mean_ranks)
    figure, (axes,) = style.panels(1, columns=1, row_inches=0.8 + 0.2 * (len(groups) + number))
    for place, (name, rank) in enumerate(ranked.mean_ranks.items()):
        colour, height = palette.KIND_COLOURS[palette.kind_of(name, kinds[name])], -len(groups) - 1 - place
        axes.plot([rank, rank, number + 0.1], [0, height, height], color=colour, linewidth=1.0)
        axes.plot([rank], [0], palette.FAMILY_MARKERS[kinds[name]], color=colour, markersize=6, clip_on=False)
        text = f"{style.shortened(name)} ({rank:.2f})"
        axes.text(number + 0.15, height, text, va="center", fontsize="small", color=colour)
    for level, group in enumerate(groups, start=1):
        ends = [ranked.mean_ranks[group[0]], ranked.mean_ranks[group[-1]]]
        axes.plot(ends, [-level, -level], color=palette.BLACK, linewidth=3, solid_capstyle="butt")
    axes.plot([1, 1 + ranked.critical_difference], [2, 2], color=palette.BLACK, linewidth=1.2, marker="|")
    axes.text(1, 2.25, f"critical difference {ranked.critical_difference:.2f}", va="bottom", fontsize="small")
    _rank_axis(axes, number, lowest=-len(groups) - number - 0.5)
    return figure


def _rank_axis(axes: Axes, number: int, *, lowest: float) -> None:
    """Ranks along a line at 0, room for names to the right, and nothing else."""
    axes.set_xlim(0.9, max(number, 3) * 1.35)
    axes.set_ylim(lowest, 3.4)
    axes.set_xticks(range(1, number + 1))
    axes.xaxis.set_ticks_position("top")
    axes.grid(visible=False)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["top"].set_visible(True)
    axes.spines["top"].set_position("zero")
    axes.spines["top"].set_bounds(1, number)
