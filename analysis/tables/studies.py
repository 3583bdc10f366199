"""Comparison of studies, as a table."""

from statistics import fmean

import pandas as pd

from gan_study.analysis.comparisons.studies import Compared
from gan_study.analysis.inference.ranks import FEWEST_RANKED_METHODS, FEWEST_RANKED_TASKS
from gan_study.analysis.tables.across import friedman_text
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, count, listing, number, p_text


def studies_table(compared: Compared) -> Table:
    """A row for each method: its gain on each data set, the mean over them, its mean rank and its p value."""
    ranks = compared.ranking.mean_ranks if compared.ranking else {}
    numbers = pd.DataFrame(
        [
            {
                "balancer": name,
                "kind": compared.kinds[name],
                **dict(zip(compared.datasets, gains, strict=True)),
                "mean_gain": fmean(gains),
                "mean_rank": ranks.get(name),
                "p_value": compared.p_values.get(name),
            }
            for name, gains in compared.gains.items()
        ],
        columns=["balancer", "kind", *compared.datasets, "mean_gain", "mean_rank", "p_value"],
    )
    rows = [
        [
            name,
            *(number(gain, signed=True) for gain in gains),
            number(fmean(gains), signed=True),
            f"{ranks[name]:.2f}" if name in ranks else ABSENT,
            p_text(compared.p_values[name]) if name in compared.p_values else ABSENT,
        ]
        for name, gains in compared.gains.items()
    ]
    columns = [
        "Method",
        *(f"On {dataset}" for dataset in compared.datasets),
        "Mean gain",
        "Mean rank",
        "p against none (Holm)",
    ]
    return Table(
        name="studies",
        title=f"Gain in test minority F1 over no balancing on {count(len(compared.datasets), 'data set')}",
        numbers=numbers,
        rows=pd.DataFrame(rows, columns=columns),
    )


def studies_sentences(compared: Compared) -> list[str]:
    """Sentences on the data sets together."""
    left_out = f"Left out because they were not confirmed under every condition: {listing(compared.left_out)}."
    return [
        friedman_text(compared.ranking, of="data sets") if compared.ranking else _too_few(compared),
        *([left_out] if compared.left_out else []),
    ]


def _too_few(compared: Compared) -> str:
    here = f"{count(len(compared.datasets), 'data set')} and {count(len(compared.gains) + 1, 'method')}"
    return (
        f"Friedman's test needs {FEWEST_RANKED_TASKS} data sets and {FEWEST_RANKED_METHODS} methods "
        f"that were confirmed on all of them, including no balancing; here are {here}, so nothing is tested."
    )
