"""Recall, F1 and gain by method and imbalance ratio, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.comparisons.aggregate import estimate_of
from gan_study.analysis.inference.estimates import Estimate
from gan_study.analysis.plots import palette, style
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import MAIN_METRIC, NO_BALANCING, Family, Task
from gan_study.analysis.wording import label, ratio_text

ESTIMATE_COLUMNS = ["metric", "measure", "imbalance_ratio", "balancer", "n", "mean", "low", "high"]


@dataclass(frozen=True, kw_only=True)
class ScoreData:
    """Estimates of `metric` for one task, a row for each ratio and method, and in `seeds` a row for each trial."""

    metric: str
    measure: str
    kinds: Mapping[str, Family]
    estimates: pd.DataFrame
    seeds: pd.DataFrame

    @property
    def ratios(self) -> tuple[float, ...]:
        """The imbalance ratios, ascending."""
        return tuple(sorted(self.estimates["imbalance_ratio"].unique().tolist()))

    @property
    def balancers(self) -> tuple[str, ...]:
        """The methods that have an estimate at some ratio, in the order of every table and plot."""
        return tuple(name for name in self.kinds if name in set(self.estimates["balancer"]))

    @property
    def title(self) -> str:
        """What the axis shows."""
        name = label(self.metric)
        return f"Test {name[0].lower()}{name[1:]}" if self.measure == "score" else "Gain in test minority F1"

    def at(self, ratio: float) -> dict[str, Estimate]:
        """The estimates at a ratio by method."""
        here = self.estimates[self.estimates["imbalance_ratio"] == ratio]
        return {row["balancer"]: estimate_of(row) for _, row in here.iterrows()}


def score_data(study: Study, task: Task, *, metric: str = MAIN_METRIC, measure: str = "score") -> ScoreData:
    """The test scores (measure "score") or paired gains ("gain") of a task's confirmed trials."""
    of_task = select.of_task(study.records, task)
    summary = verdicts.summarise(study, metrics=[metric])
    is_here = (summary["dataset"] == task.dataset) & (summary["classifier"] == task.classifier)
    seeds = select.scores_frame(select.confirmed(of_task), metric, "test").assign(metric=metric)
    return ScoreData(
        metric=metric,
        measure=measure,
        kinds=select.families(study.records),
        estimates=summary.loc[is_here & (summary["measure"] == measure), ESTIMATE_COLUMNS],
        seeds=seeds[["metric", "imbalance_ratio", "balancer", "value"]],
    )


def draw_against_ratio(data: ScoreData) -> Figure:
    """A panel for each method: its mean and interval band over the ratios, no balancing dashed behind it."""
    by_method = dict(iter(data.estimates.groupby("balancer")))
    methods = [name for name in data.balancers if name != NO_BALANCING] or list(data.balancers)
    ticks = _spread(data.ratios)
    figure, axes = style.panels(len(methods), columns=3, row_inches=2.0)
    for panel, balancer in zip(axes, methods, strict=True):
        family, found = data.kinds[balancer], by_method[balancer]
        colour = palette.FAMILY_COLOURS[family]
        if NO_BALANCING in by_method:
            none = by_method[NO_BALANCING]
            panel.plot(none["imbalance_ratio"], none["mean"], "--", color=palette.REFERENCE_COLOUR, linewidth=1.4)
        marker = palette.FAMILY_MARKERS[family]
        panel.plot(found["imbalance_ratio"], found["mean"], marker=marker, markersize=4, color=colour)
        banded = found.dropna(subset=["low"])
        if len(banded):
            at, low, high = (banded[name] for name in ("imbalance_ratio", "low", "high"))
            panel.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0)
        panel.set_title(style.shortened(balancer), color=colour)
        panel.set_xscale("log")
        panel.set_xticks(ticks, [ratio_text(ratio) for ratio in ticks])
        panel.minorticks_off()
    figure.supxlabel("Imbalance ratio (log scale); dashed: no balancing")
    figure.supylabel(data.title)
    return figure


def _spread(ratios: Sequence[float]) -> list[float]:
    """The ratios whose labels do not touch: each a sixth of the logarithmic axis from the one before."""
    factor = (ratios[-1] / ratios[0]) ** (1 / 6)
    spread = [ratios[0]]
    for ratio in ratios[1:]:
        if ratio >= factor * spread[-1]:
            spread.append(ratio)
    return spread


def draw_dots(recall: ScoreData, f1: ScoreData) -> Figure:
    """Recall beside F1 at a study's one ratio: a row for each method, its mean and interval."""
    figure, axes = style.panels(2, columns=2, row_inches=_height(f1), sharex=False)
    for panel, data in zip(axes, (recall, f1), strict=True):
        _draw_intervals(panel, data, f1.ratios[0], f1.balancers)
        style.name_rows(panel, f1.balancers)
        panel.set_xlabel(data.title)
    return figure


def draw_seeds(data: ScoreData) -> Figure:
    """A panel for each ratio: every seed of every method as a dot, with the mean and interval below it."""
    figure, axes = _ratio_panels(data)
    for panel, ratio in zip(axes, data.ratios, strict=True):
        here, estimates = data.seeds[data.seeds["imbalance_ratio"] == ratio], data.at(ratio)
        for row, balancer in enumerate(data.balancers):
            values, family = here.loc[here["balancer"] == balancer, "value"], data.kinds[balancer]
            colour = palette.FAMILY_COLOURS[family]
            panel.plot(values, [row - 0.2] * len(values), "o", color=colour, alpha=0.45, markersize=4, mew=0)
            if balancer in estimates:
                style.draw_interval(panel, estimates[balancer], at=row + 0.12, family=family)
    return figure


def draw_gains(data: ScoreData) -> Figure:
    """A panel for each ratio: the paired gain of every method with its interval, and a line at zero."""
    figure, axes = _ratio_panels(data)
    for panel, ratio in zip(axes, data.ratios, strict=True):
        panel.axvline(0, color=palette.REFERENCE_COLOUR, linewidth=1.2, linestyle="--")
        _draw_intervals(panel, data, ratio, data.balancers)
    return figure


def _draw_intervals(panel: Axes, data: ScoreData, ratio: float, rows: Sequence[str]) -> None:
    estimates = data.at(ratio)
    for row, balancer in enumerate(rows):
        if balancer in estimates:
            style.draw_interval(panel, estimates[balancer], at=row, family=data.kinds[balancer])


def _ratio_panels(data: ScoreData) -> style.Panels:
    """A panel for each ratio with a row for each method; shared axes, since the ratios are to be compared."""
    figure, axes = style.panels(len(data.ratios), columns=2, row_inches=_height(data))
    for panel, ratio in zip(axes, data.ratios, strict=True):
        style.name_rows(panel, data.balancers)
        panel.set_title(f"Imbalance ratio {ratio_text(ratio)}")
    figure.supxlabel(data.title)
    return figure, axes


def _height(data: ScoreData) -> float:
    return 0.7 + style.ROW_INCHES * len(data.balancers)
