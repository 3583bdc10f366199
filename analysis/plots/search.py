"""How a search went: every trial's gain, and the best so far."""

from collections.abc import Sequence
from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from gan_study.analysis.plots import palette, style
from gan_study.analysis.records.select import Task, comparable, of_task
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.record import TrialRecord

# The gain axis, of gains in [-1, 1], spans at least this much, so that a flat search does not look like progress.
SMALLEST_SPAN = 0.02
MARGIN = 0.05
ARM = ["balancer", "imbalance_ratio"]


def progress_data(records: Sequence[TrialRecord], task: Task) -> pd.DataFrame:
    """A task's complete trials in the search's split by method, ratio and `trial`: gains, and the best so far.

    `trial` counts the method's trials there at the ratio from 1, those without a gain included.
    """
    # Trials finish in any order; their numbers say in which order they were suggested.
    searched = sorted(
        comparable(of_task(records, task)),
        key=lambda record: record.search.number if record.search else 0,
    )
    rows = [
        (each.balancer, each.imbalance_ratio, each.objective if each.status == "complete" else None)
        for each in searched
    ]
    frame = pd.DataFrame(rows, columns=[*ARM, "gain"]).astype({"gain": float}).sort_values(ARM, kind="stable")
    groups = frame.groupby(ARM)
    counted = frame.assign(trial=groups.cumcount() + 1, best_so_far=groups["gain"].cummax())
    return counted[[*ARM, "trial", "gain", "best_so_far"]].dropna(subset=["gain"])


def draw_budget(data: pd.DataFrame) -> Figure:
    """A panel for each ratio: the best gain so far of every method against its trials."""
    # GANs alone are searched.
    looks = cycle((colour, line) for line in ("-", "--", ":") for colour in palette.GAN_TINTS)
    look_of = dict(zip(data["balancer"].unique(), looks, strict=False))
    by_ratio = data.groupby("imbalance_ratio")
    figure, axes = style.panels(len(by_ratio), columns=3, row_inches=2.2)
    for panel, (_, here) in zip(axes, by_ratio, strict=True):
        for name, found in here.groupby("balancer"):
            colour, line = look_of[str(name)]
            panel.step(found["trial"], found["best_so_far"], line, where="post", color=colour)
            panel.plot(found["trial"].iloc[-1], found["best_so_far"].iloc[-1], "o", color=colour, markersize=4)
        panel.set_title(f"Ratio {ratio_text(here['imbalance_ratio'].iloc[0])}")
        style.count_along(panel)
    figure.supxlabel("Search trial of the method")
    figure.supylabel("Best gain so far on validation")
    lines = [axes[0].plot([], [], line, color=colour)[0] for colour, line in look_of.values()]
    names = [style.shortened(name) for name in look_of]
    figure.legend(lines, names, loc="outside upper center", ncols=4, fontsize=9)
    return figure


def gain_limits(gains: Sequence[float]) -> tuple[float, float]:
    """From below the lowest gain of all, 0 among them, to above the highest: SMALLEST_SPAN at least."""
    low, high = min(0.0, *gains), max(0.0, *gains)
    margin = max(MARGIN * (high - low), (SMALLEST_SPAN - (high - low)) / 2)
    return low - margin, high + margin


def draw_progress(data: pd.DataFrame) -> Figure:
    """A panel for each method: trials as points, the best so far as steps, a colour for each ratio."""
    colours = style.ratio_colours(data["imbalance_ratio"])
    by_method = data.groupby("balancer")
    figure, axes = style.panels(len(by_method), columns=3, row_inches=2.0)
    for panel, (balancer, trials) in zip(axes, by_method, strict=True):
        panel.axhline(0, color=palette.REFERENCE_COLOUR, linewidth=1.0, linestyle="--")
        for _, found in trials.groupby("imbalance_ratio"):
            colour = colours[found["imbalance_ratio"].iloc[0]]
            panel.plot(found["trial"], found["gain"], "o", color=colour, alpha=0.5, markersize=3.5, mew=0)
            panel.step(found["trial"], found["best_so_far"], where="post", color=colour)
        panel.set_title(style.shortened(str(balancer)))
        style.count_along(panel)
    axes[0].set_ylim(gain_limits(data["gain"].tolist()))
    figure.supxlabel("Search trial of the method")
    figure.supylabel("Gain on validation")
    style.name_ratios(figure, axes[0], colours)
    return figure
