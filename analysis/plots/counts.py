"""Images of each class before and after balancing."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from gan_study.analysis.plots.style import REAL_COLOUR, SYNTHETIC_COLOUR, name_rows, panels
from gan_study.analysis.select import Condition
from gan_study.analysis.trial import Trial


@dataclass(frozen=True, kw_only=True)
class CountData:
    """Training images by class: `before` balancing, and after it, `real` and `synthetic`."""

    balancer: str
    names: tuple[str, ...]
    before: tuple[int, ...]
    real: tuple[int, ...]
    synthetic: tuple[int, ...]


def count_data(records: Sequence[Trial], condition: Condition, balancer: str) -> CountData:
    """The counts of `balancer` under `condition`, of its confirmed trial with the smallest seed.

    `records` are confirmed trials; minority classes are marked with an asterisk.
    """
    trial = min(
        (r for r in records if r.balancer == balancer and r.class_counts is not None), key=lambda r: r.seed
    )
    counts = trial.class_counts
    assert counts is not None
    return CountData(
        balancer=balancer,
        names=tuple(
            f"{name} *" if index in trial.minority_classes else name
            for index, name in enumerate(trial.class_names)
        ),
        before=counts.training,
        real=tuple(all_ - made for all_, made in zip(counts.balanced, counts.synthetic, strict=True)),
        synthetic=counts.synthetic,
    )


def draw_counts(data: CountData) -> Figure:
    """Two panels with a bar for each class: before, and after with the synthetic images stacked on the real."""
    figure, (before, after) = panels(2, columns=2, row_inches=0.9 + 0.34 * len(data.names))
    rows = range(len(data.names))
    before.barh(rows, data.before, color=REAL_COLOUR)
    before.set_title("Before balancing")
    after.barh(rows, data.real, color=REAL_COLOUR, label="real")
    after.barh(rows, data.synthetic, left=data.real, color=SYNTHETIC_COLOUR, hatch="///", label="synthetic")
    after.set_title(f"After {data.balancer}")
    for panel in (before, after):
        name_rows(panel, data.names)
        panel.set_xlabel("Training images")
    handles, labels = after.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure
