"""The classifier's best epoch on the test set, which much of the literature reports, compared with its last."""

from collections.abc import Sequence

import pandas as pd

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.records.select import MAIN_METRIC, by_arm, confirmed, score
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import estimate_text, label

METRICS = ("accuracy", MAIN_METRIC)


def best_epoch_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """One table, a row for each method whose epochs were tested; none if there are none.

    Each seed has its own best epoch, chosen on the same images that score it. It is shown only for comparison with
    numbers that were published in this way; nothing else in the report uses it.
    """
    groups = by_arm(record for record in confirmed(records) if record.test_epochs)
    if not groups:
        return ()
    numbers, text = [], []
    for arm, trials in groups.items():
        row: dict[str, object] = dict(arm._asdict())
        cells: dict[str, object] = dict(arm._asdict())
        for metric in METRICS:
            last = t_interval([score(record, metric, "test") or 0.0 for record in trials])
            best = t_interval([_best(record, metric) for record in trials])
            for name, estimate in (("last", last), ("best", best)):
                row |= {f"{metric}_{name}_{key}": getattr(estimate, key) for key in ("n", "mean", "low", "high")}
                cells[f"{label(metric)}, {name} epoch"] = estimate_text(estimate)
        numbers.append(row)
        text.append(cells | {"Seeds": len(trials)})
    title = "The last epoch, and the best epoch chosen on the test set"
    frames = pd.DataFrame(numbers), pd.DataFrame(text)
    return (Table(name="best_epoch", title=title, numbers=frames[0], rows=frames[1], origin=SCORES),)


def _best(record: Trial, metric: str) -> float:
    """The best score of any epoch; an undefined one counts as 0."""
    return max(epoch[metric] or 0.0 for epoch in record.test_epochs)
