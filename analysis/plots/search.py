"""How a search went: every trial's gain, and the best so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib.figure import Figure

from gan_study.analysis.plots.style import OKABE_ITO, REFERENCE_COLOUR, count_along, panels, shades, shortened
from gan_study.analysis.select import Task
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.record import TrialRecord

# Of gains, which lie in [-1, 1]: a search that changed nothing is not to be seen under a microscope.
SMALLEST_SPAN = 0.02
MARGIN = 0.05


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The search trials of one method at one ratio, in order.

    `numbers` count the method's trials from 1, those without a gain included; `gains` and `best_so_far` belong
    to `numbers`, of which only trials that completed are listed.
    """

    numbers: tuple[int, ...]
    gains: tuple[float, ...]
    best_so_far: tuple[float, ...]


def progress_data(records: Sequence[TrialRecord], task: Task) -> dict[str, dict[float, Progress]]:
    """The progress of a task's search by method and ratio; methods without a completed trial are left out."""
    groups: dict[str, dict[float, list[TrialRecord]]] = {}
    for record in records:
        if record.phase == "search" and (record.dataset, record.classifier) == task:
            groups.setdefault(record.balancer, {}).setdefault(record.imbalance_ratio, []).append(record)
    found = {
        balancer: {ratio: _progress(trials) for ratio, trials in sorted(by_ratio.items())}
        for balancer, by_ratio in sorted(groups.items())
    }
    return {name: by_ratio for name, by_ratio in found.items() if any(p.numbers for p in by_ratio.values())}


def _progress(trials: Sequence[TrialRecord]) -> Progress:
    # Trials finish in any order; their numbers say in which order they were suggested.
    ordered = sorted(trials, key=lambda trial: trial.search.number if trial.search else 0)
    points = [
        (number, trial.objective)
        for number, trial in enumerate(ordered, start=1)
        if trial.status == "complete" and trial.objective is not None
    ]
    gains = tuple(gain for _, gain in points)
    return Progress(
        numbers=tuple(number for number, _ in points),
        gains=gains,
        best_so_far=tuple(max(gains[: index + 1]) for index in range(len(gains))),
    )


def budget_data(data: Mapping[str, Mapping[float, Progress]]) -> dict[float, dict[str, Progress]]:
    """The same by ratio and method, so that methods stand side by side at equal budgets."""
    ratios = sorted({ratio for by_ratio in data.values() for ratio in by_ratio})
    return {
        ratio: {
            name: by_ratio[ratio]
            for name, by_ratio in data.items()
            if ratio in by_ratio and by_ratio[ratio].numbers
        }
        for ratio in ratios
    }


def draw_budget(data: Mapping[str, Mapping[float, Progress]]) -> Figure:
    """A panel for each ratio: the best gain so far of every method against its trials."""
    by_ratio = budget_data(data)
    looks = cycle((colour, style) for style in ("-", "--", ":") for colour in OKABE_ITO)
    look_of = {name: next(looks) for name in data}
    figure, axes = panels(len(by_ratio), columns=3, row_inches=2.2)
    for panel, (ratio, by_method) in zip(axes, by_ratio.items(), strict=True):
        for name, progress in by_method.items():
            colour, style = look_of[name]
            panel.step(progress.numbers, progress.best_so_far, style, where="post", color=colour)
            panel.plot(progress.numbers[-1], progress.best_so_far[-1], "o", color=colour, markersize=4)
        panel.set_title(f"Ratio {ratio_text(ratio)}")
        count_along(panel)
    figure.supxlabel("Search trial of the method")
    figure.supylabel("Best gain so far on validation")
    lines = [axes[0].plot([], [], style, color=colour)[0] for colour, style in look_of.values()]
    figure.legend(lines, [shortened(name) for name in look_of], loc="outside upper center", ncols=4, fontsize=9)
    return figure


def gain_limits(data: Mapping[str, Mapping[float, Progress]]) -> tuple[float, float]:
    """From below the lowest gain of all, 0 among them, to above the highest: SMALLEST_SPAN at least."""
    gains = [0.0, *(gain for by_ratio in data.values() for each in by_ratio.values() for gain in each.gains)]
    span = max(gains) - min(gains)
    margin = max(MARGIN * span, (SMALLEST_SPAN - span) / 2)
    return min(gains) - margin, max(gains) + margin


def draw_progress(data: Mapping[str, Mapping[float, Progress]]) -> Figure:
    """A panel for each method: trials as points, the best so far as steps, a colour for each ratio."""
    ratios = sorted({ratio for by_ratio in data.values() for ratio in by_ratio})
    colours = dict(zip(ratios, shades(len(ratios)), strict=True))
    figure, axes = panels(len(data), columns=3, row_inches=2.0)
    for panel, (balancer, by_ratio) in zip(axes, data.items(), strict=True):
        panel.axhline(0, color=REFERENCE_COLOUR, linewidth=1.0, linestyle="--")
        for ratio, progress in by_ratio.items():
            panel.plot(
                progress.numbers, progress.gains, "o", color=colours[ratio], alpha=0.5, markersize=3.5, mew=0
            )
            panel.step(progress.numbers, progress.best_so_far, where="post", color=colours[ratio])
        panel.set_title(shortened(balancer))
        count_along(panel)
    axes[0].set_ylim(gain_limits(data))
    figure.supxlabel("Search trial of the method")
    figure.supylabel("Gain on validation")
    if len(ratios) > 1:
        lines = [axes[0].plot([], [], color=colours[ratio])[0] for ratio in ratios]
        names = [ratio_text(ratio) for ratio in ratios]
        figure.legend(lines, names, title="Imbalance ratio", loc="outside upper center", ncols=min(8, len(ratios)))
    return figure
