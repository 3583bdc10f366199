"""Each searched parameter by itself: the gain of every trial against its value."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from gan_study.analysis.importance import plain
from gan_study.analysis.plots.style import REFERENCE_COLOUR, panels, shades, shortened
from gan_study.analysis.select import Task
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.record import TrialRecord

# A parameter whose largest value is so many times its smallest one was searched on a logarithmic scale, as a rule.
LOG_SPAN = 10
# What every trial of a cell has in common, or what a panel shows by its colour.
NOT_SLICED = frozenset({"balancing/name", "imbalance/ratio"})
COLUMNS = ("balancer", "parameter", "value", "imbalance_ratio", "gain")


def slice_data(records: Sequence[TrialRecord], task: Task) -> pd.DataFrame:
    """A row for each complete search trial of a task and parameter that varied: its value and the trial's gain."""
    rows = [
        (record.balancer, parameter, value, record.imbalance_ratio, record.objective)
        for record in records
        if record.search is not None
        and record.objective is not None
        and record.status == "complete"
        and (record.dataset, record.classifier) == task
        for parameter, value in record.search.params.items()
        if parameter not in NOT_SLICED
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": object})
    taken = frame.groupby(["balancer", "parameter"])["value"].transform("nunique")
    return frame[taken > 1].sort_values(["balancer", "parameter"], kind="stable").reset_index(drop=True)


def draw_slices(data: pd.DataFrame) -> Figure:
    """A panel for each method and parameter, a colour for each ratio."""
    ratios = sorted(data["imbalance_ratio"].unique())
    colours = dict(zip(ratios, shades(len(ratios)), strict=True))
    groups = list(data.groupby(["balancer", "parameter"], sort=False))
    figure, axes = panels(len(groups), columns=3, row_inches=2.0, sharex=False)
    for panel, ((balancer, parameter), trials) in zip(axes, groups, strict=True):
        panel.axhline(0, color=REFERENCE_COLOUR, linewidth=1.0, linestyle="--")
        _draw_slice(panel, trials, colours)
        panel.set_title(shortened(str(balancer), longest=22), fontsize=9.5)
        panel.set_xlabel(shortened(plain(str(parameter)), longest=24), fontsize=9)
    figure.supylabel("Gain on validation")
    if len(ratios) > 1:
        dots = [axes[0].plot([], [], "o", color=colours[ratio], markersize=4)[0] for ratio in ratios]
        names = [ratio_text(ratio) for ratio in ratios]
        figure.legend(dots, names, title="Imbalance ratio", loc="outside upper center", ncols=min(8, len(ratios)))
    return figure


def _draw_slice(panel: Axes, trials: pd.DataFrame, colours: Mapping[float, tuple[float, ...]]) -> None:
    values = list(trials["value"])
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = values if numeric else [sorted(set(map(str, values))).index(str(value)) for value in values]
    panel.scatter(
        places,
        trials["gain"],
        c=[colours[ratio] for ratio in trials["imbalance_ratio"]],
        s=14,
        alpha=0.7,
        linewidths=0,
    )
    if not numeric:
        panel.set_xticks(range(len(set(map(str, values)))), sorted(set(map(str, values))), fontsize=8)
    elif min(values) > 0 and max(values) / min(values) >= LOG_SPAN:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=4))
        # Matplotlib's own are formulae, which no text of ours is.
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
    else:
        panel.xaxis.set_major_locator(
            MaxNLocator(nbins=3, integer=all(isinstance(value, int) for value in values))
        )
