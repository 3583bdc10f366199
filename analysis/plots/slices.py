"""Each searched parameter by itself: the gain of every trial against its value."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from gan_study.analysis.plots import palette, style
from gan_study.analysis.records.select import Task, comparable, of_task
from gan_study.analysis.tables.importance import plain
from gan_study.trainables.record import TrialRecord

# A parameter whose largest value is so many times its smallest one was searched on a logarithmic scale, as a rule.
LOG_SPAN = 10
# What every trial of a cell has in common, or what a panel shows by its colour.
NOT_SLICED = frozenset({"balancing/name", "imbalance/ratio"})
COLUMNS = ("balancer", "parameter", "value", "imbalance_ratio", "gain")


def slice_data(records: Sequence[TrialRecord], task: Task) -> pd.DataFrame:
    """A row for each complete trial in the search's split and parameter that varied: its value and the gain."""
    rows = [
        (record.balancer, parameter, value, record.imbalance_ratio, record.objective)
        for record in comparable(of_task(records, task))
        if record.search is not None and record.objective is not None and record.status == "complete"
        for parameter, value in record.search.params.items()
        if parameter not in NOT_SLICED
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": object})
    taken = frame.groupby(["balancer", "parameter"])["value"].transform("nunique")
    return frame[taken > 1].sort_values(["balancer", "parameter"], kind="stable").reset_index(drop=True)


def draw_slices(data: pd.DataFrame) -> Figure:
    """A panel for each method and parameter, a colour for each ratio."""
    colours = style.ratio_colours(data["imbalance_ratio"])
    groups = list(data.groupby(["balancer", "parameter"], sort=False))
    figure, axes = style.panels(len(groups), columns=3, row_inches=2.0, sharex=False)
    for panel, ((balancer, parameter), trials) in zip(axes, groups, strict=True):
        panel.axhline(0, color=palette.REFERENCE_COLOUR, linewidth=1.0, linestyle="--")
        _draw_slice(panel, trials, colours)
        panel.set_title(style.shortened(str(balancer), longest=22), fontsize=9.5)
        panel.set_xlabel(style.shortened(plain(str(parameter)), longest=24), fontsize=9)
    figure.supylabel("Gain on validation")
    style.name_ratios(figure, axes[0], colours, "o", size=4)
    return figure


def _draw_slice(panel: Axes, trials: pd.DataFrame, colours: Mapping[float, tuple[float, ...]]) -> None:
    values = list(trials["value"])
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    names = sorted(set(map(str, values)))
    places = values if numeric else [names.index(str(value)) for value in values]
    shown = [colours[ratio] for ratio in trials["imbalance_ratio"]]
    panel.scatter(places, trials["gain"], c=shown, s=14, alpha=0.7, linewidths=0)
    if not numeric:
        panel.set_xticks(range(len(names)), names, fontsize=8)
    elif min(values) > 0 and max(values) / min(values) >= LOG_SPAN:
        style.plain_log_axis(panel, LogLocator(numticks=4))
    else:
        whole = all(isinstance(value, int) for value in values)
        panel.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=whole))
