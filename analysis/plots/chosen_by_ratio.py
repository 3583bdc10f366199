"""The chosen GAN, the chosen simple method and no balancing against the imbalance ratio."""

from collections.abc import Sequence

import pandas as pd

from gan_study.analysis.comparisons.verdicts import chosen_methods
from gan_study.analysis.plots.scores import score_data
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, Family, Task

# The lines; each method is the one that validation chose at the ratio.
LINES: dict[Family, str] = {"GAN": "chosen GAN", "simple": "best simple", "no balancing": "no balancing"}


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


def stack(places: Sequence[float], widths: Sequence[float]) -> list[int]:
    """A row for each label, so wide and centred at its place (ascending): the first row that has room."""
    rows: list[int] = []
    ends: list[float] = []
    for place, width in zip(places, widths, strict=True):
        row = next((n for n, end in enumerate(ends) if end <= place - width / 2), len(ends))
        ends[row : row + 1] = [place + width / 2]
        rows.append(row)
    return rows
