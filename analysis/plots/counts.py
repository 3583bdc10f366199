"""Images of each class before and after balancing."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from gan_study.analysis.plots.palette import REAL_COLOUR, SYNTHETIC_COLOUR
from gan_study.analysis.plots.style import name_rows, panels
from gan_study.analysis.records.trial import Trial


def count_data(records: Sequence[Trial], balancer: str) -> pd.DataFrame:
    """Training images by class `before` balancing and after it, of the trial of `balancer` with the smallest seed.

    `records` are those of one condition; minority classes are marked with an asterisk.
    """
    counted = [(r.seed, place) for place, r in enumerate(records) if r.balancer == balancer and r.class_counts]
    trial = records[min(counted)[1]]
    counts = trial.class_counts
    assert counts is not None
    names = enumerate(trial.class_names)
    return pd.DataFrame(
        {
            "class": [f"{name} *" if index in trial.minority_classes else name for index, name in names],
            "before": counts.training,
            "real_after": [total - made for total, made in zip(counts.balanced, counts.synthetic, strict=True)],
            "synthetic_after": counts.synthetic,
            "balancer": balancer,
        }
    )


def draw_counts(data: pd.DataFrame) -> Figure:
    """Two panels with a bar for each class: before, and after with the synthetic images stacked on the real."""
    figure, (before, after) = panels(2, columns=2, row_inches=0.9 + 0.34 * len(data))
    rows, real, made = range(len(data)), data["real_after"], data["synthetic_after"]
    before.barh(rows, data["before"], color=REAL_COLOUR)
    before.set_title("Before balancing")
    after.barh(rows, real, color=REAL_COLOUR, label="real")
    after.barh(rows, made, left=real, color=SYNTHETIC_COLOUR, hatch="///", label="synthetic")
    after.set_title(f"After {data['balancer'].iloc[0]}")
    for panel in (before, after):
        name_rows(panel, data["class"].tolist())
        panel.set_xlabel("Training images")
    handles, labels = after.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2)
    return figure
