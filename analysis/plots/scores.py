"""Recall, F1 and gain by method and imbalance ratio, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_study.analysis.aggregate import Estimate, estimate_of, summarise
from gan_study.analysis.plots.style import (
    FAMILY_COLOURS,
    FAMILY_MARKERS,
    REFERENCE_COLOUR,
    ROW_INCHES,
    draw_interval,
    name_rows,
    panels,
    shortened,
)
from gan_study.analysis.select import (
    MAIN_METRIC,
    NO_BALANCING,
    Family,
    Task,
    confirmed,
    families,
    scores_frame,
)
from gan_study.analysis.wording import label, ratio_text
from gan_study.trainables.record import TrialRecord


@dataclass(frozen=True, kw_only=True)
class ScoreData:
    """Estimates of `metric` for one task: estimates[ratio][balancer], and each seed's value beside them."""

    metric: str
    measure: str
    kinds: Mapping[str, Family]
    estimates: Mapping[float, Mapping[str, Estimate]]
    values: Mapping[float, Mapping[str, tuple[float, ...]]]

    @property
    def ratios(self) -> tuple[float, ...]:
        """The imbalance ratios, ascending."""
        return tuple(self.estimates)

    @property
    def balancers(self) -> tuple[str, ...]:
        """The methods that have an estimate at some ratio, in the order of every table and plot."""
        present = {name for at_ratio in self.estimates.values() for name in at_ratio}
        return tuple(name for name in self.kinds if name in present)

    @property
    def title(self) -> str:
        """What the axis shows."""
        name = label(self.metric)
        return f"Test {name[0].lower()}{name[1:]}" if self.measure == "score" else "Gain in test minority F1"


def score_data(
    records: Sequence[TrialRecord], task: Task, *, metric: str = MAIN_METRIC, measure: str = "score"
) -> ScoreData:
    """The test scores (measure "score") or paired gains ("gain") of a task's confirmed trials."""
    of_task = [record for record in records if (record.dataset, record.classifier) == task]
    summary = summarise(of_task, metrics=[metric])
    estimates: dict[float, dict[str, Estimate]] = {}
    for _, row in summary[summary["measure"] == measure].sort_values("imbalance_ratio").iterrows():
        estimates.setdefault(float(row["imbalance_ratio"]), {})[str(row["balancer"])] = estimate_of(row)
    seeds = _values(scores_frame(confirmed(of_task), metric, "test"))
    return ScoreData(metric=metric, measure=measure, kinds=families(records), estimates=estimates, values=seeds)


def _values(frame: pd.DataFrame) -> dict[float, dict[str, tuple[float, ...]]]:
    values: dict[float, dict[str, tuple[float, ...]]] = {}
    for ratio, balancer, value in frame[["imbalance_ratio", "balancer", "value"]].itertuples(index=False):
        at_ratio = values.setdefault(ratio, {})
        at_ratio[balancer] = (*at_ratio.get(balancer, ()), value)
    return values


def draw_against_ratio(data: ScoreData) -> Figure:
    """A panel for each method: its mean and interval band over the ratios, no balancing dashed behind it."""
    methods = [name for name in data.balancers if name != NO_BALANCING] or list(data.balancers)
    figure, axes = panels(len(methods), columns=3, row_inches=2.0)
    for panel, balancer in zip(axes, methods, strict=True):
        _draw_line(panel, data, NO_BALANCING, reference=True)
        _draw_line(panel, data, balancer)
        panel.set_title(shortened(balancer), color=FAMILY_COLOURS[data.kinds[balancer]])
        panel.set_xscale("log")
        panel.set_xticks(_spread(data.ratios), [ratio_text(ratio) for ratio in _spread(data.ratios)])
        panel.minorticks_off()
    figure.supxlabel("Imbalance ratio (log scale); dashed: no balancing")
    figure.supylabel(data.title)
    return figure


def _spread(ratios: Sequence[float]) -> list[float]:
    """The ratios whose labels do not touch: each a sixth of the logarithmic axis from the one before."""
    factor = (ratios[-1] / ratios[0]) ** (1 / 6)
    kept = [ratios[0]]
    for ratio in ratios[1:]:
        if ratio >= factor * kept[-1]:
            kept.append(ratio)
    return kept


def _draw_line(panel: Axes, data: ScoreData, balancer: str, *, reference: bool = False) -> None:
    points = [(ratio, at[balancer]) for ratio, at in data.estimates.items() if balancer in at]
    ratios = [ratio for ratio, _ in points]
    means = [estimate.mean for _, estimate in points]
    if reference:
        panel.plot(ratios, means, "--", color=REFERENCE_COLOUR, linewidth=1.4)
        return
    family = data.kinds[balancer]
    colour = FAMILY_COLOURS[family]
    panel.plot(ratios, means, marker=FAMILY_MARKERS[family], markersize=4, color=colour)
    banded = [(ratio, e.low, e.high) for ratio, e in points if e.low is not None and e.high is not None]
    if banded:
        at, low, high = (list(column) for column in zip(*banded, strict=True))
        panel.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0)


def draw_dots(recall: ScoreData, f1: ScoreData) -> Figure:
    """Recall beside F1 at a study's one ratio: a row for each method, its mean and interval."""
    figure, axes = panels(2, columns=2, row_inches=_height(f1), sharex=False)
    for panel, data in zip(axes, (recall, f1), strict=True):
        for row, balancer in enumerate(f1.balancers):
            estimate = data.estimates.get(f1.ratios[0], {}).get(balancer)
            if estimate is not None:
                draw_interval(panel, estimate, at=row, family=data.kinds[balancer])
        name_rows(panel, f1.balancers)
        panel.set_xlabel(data.title)
    return figure


def draw_seeds(data: ScoreData) -> Figure:
    """A panel for each ratio: every seed of every method as a dot, with the mean and interval below it."""
    figure, axes = _ratio_panels(data)
    for panel, ratio in zip(axes, data.ratios, strict=True):
        for row, balancer in enumerate(data.balancers):
            values = data.values.get(ratio, {}).get(balancer, ())
            colour = FAMILY_COLOURS[data.kinds[balancer]]
            panel.plot(values, [row - 0.2] * len(values), "o", color=colour, alpha=0.45, markersize=4, mew=0)
            if balancer in data.estimates[ratio]:
                draw_interval(panel, data.estimates[ratio][balancer], at=row + 0.12, family=data.kinds[balancer])
    return figure


def draw_gains(data: ScoreData) -> Figure:
    """A panel for each ratio: the paired gain of every method with its interval, and a line at zero."""
    figure, axes = _ratio_panels(data)
    for panel, ratio in zip(axes, data.ratios, strict=True):
        panel.axvline(0, color=REFERENCE_COLOUR, linewidth=1.2, linestyle="--")
        for row, balancer in enumerate(data.balancers):
            if balancer in data.estimates[ratio]:
                draw_interval(panel, data.estimates[ratio][balancer], at=row, family=data.kinds[balancer])
    return figure


def _ratio_panels(data: ScoreData) -> tuple[Figure, list[Axes]]:
    """A panel for each ratio with a row for each method; shared axes, since the ratios are to be compared."""
    figure, axes = panels(len(data.ratios), columns=2, row_inches=_height(data))
    for panel, ratio in zip(axes, data.ratios, strict=True):
        name_rows(panel, data.balancers)
        panel.set_title(f"Imbalance ratio {ratio_text(ratio)}")
    figure.supxlabel(data.title)
    return figure, axes


def _height(data: ScoreData) -> float:
    return 0.7 + ROW_INCHES * len(data.balancers)
