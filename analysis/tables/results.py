"""The page's one table of results: each method's gain, whether it is decided, and more columns on demand."""

import pandas as pd

from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS
from gan_study.analysis.tables.scores import answer_table
from gan_study.analysis.tables.table import Table
from gan_study.analysis.tables.verdicts import verdict_table
from gan_study.analysis.wording import ABSENT

# What is seen at once, beside condition and method; the others show on demand.
SHOWN = ("Gain in F1", "Verdict", "Seeds needed")
MORE = ("Minority F1", "Minority recall", "Gain in recall", "Verdict in recall", "Seeds")


def results_table(study: Study) -> Table:
    """A row for each condition and method, the largest gain first; `answer` and `verdicts` side by side."""
    scores, verdicts = answer_table(study), verdict_table(study)
    judged = verdicts.rows.set_index(ARM_COLUMNS).drop(columns=["Seeds", "Gain in F1"])
    rows = scores.rows.rename(columns={"Gain in minority F1": "Gain in F1"}).join(judged, on=ARM_COLUMNS)
    rows = rows.rename(columns={"Verdict in F1": "Verdict", "To decide": "Seeds needed"})
    return Table(
        name="results",
        title="Each method: gain over no balancing on test images, verdict, and seeds needed to decide it",
        numbers=scores.numbers.join(_verdict_numbers(verdicts.numbers), on=ARM_COLUMNS),
        rows=rows[[*ARM_COLUMNS, *SHOWN, *MORE]].fillna(ABSENT),
        more=MORE,
    )


def _verdict_numbers(numbers: pd.DataFrame) -> pd.DataFrame:
    """Verdict and seeds needed by F1 and by recall, over no balancing."""
    columns = ["verdict", "seeds_needed"]
    if numbers.empty:
        empty = pd.DataFrame(columns=[*ARM_COLUMNS, *columns])
        return empty.set_index(ARM_COLUMNS)
    found = numbers[numbers["against"] == "no balancing"].set_index(ARM_COLUMNS)
    parts = [
        found.loc[found["metric"] == metric, columns].add_prefix(f"{metric}_")
        for metric in ("minority_f1", "minority_recall")
    ]
    return pd.concat(parts, axis=1)
