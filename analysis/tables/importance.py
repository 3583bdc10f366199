"""The importance of each searched parameter, from Optuna."""

from collections.abc import Sequence

import pandas as pd

from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS
from gan_study.analysis.tables.row_trials import SEARCH_GAINS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import first_few, listing, ratio_text
from gan_study.trainables.records.study_header import SearchImportance

# What Optuna chooses beside the settings of a variant, where one search is of all.
_AXES = {"balancing/name": "variant", "imbalance/ratio": "imbalance ratio"}


def importance_tables(study: Study) -> tuple[Table, ...]:
    """A table with a row for each condition, method and parameter, or for each parameter of a search of all.

    None if no importance is known.
    """
    is_whole = any(each.balancer is None for each in study.importance)
    rows = [
        (each.dataset, each.classifier, each.imbalance_ratio, each.balancer, parameter, share, each.num_trials)
        for each in study.importance
        for parameter, share in each.shares.items()
    ]
    if not rows:
        return ()
    numbers = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "parameter", "share", "num_trials"])
    if is_whole:
        numbers = numbers.drop(columns=list(ARM_COLUMNS[2:]))
    shares, names = numbers["share"].map("{:.0%}".format), numbers["parameter"].map(plain)
    text = numbers.assign(parameter=names, share=shares).rename(columns={"num_trials": "Complete trials"})
    title = "Importance of each searched parameter, as a share"
    return (Table(name="importance", title=title, numbers=numbers, rows=text, origin=SEARCH_GAINS),)


def importance_gaps(importance: Sequence[SearchImportance]) -> str | None:
    """For which searches no importance is given, and why, in a sentence; None if there are none."""
    missing = [f"{_search_name(each)} ({each.missing})" for each in importance if each.missing]
    if not missing:
        return None
    return f"Not given for {listing(first_few(missing))}."


def _search_name(importance: SearchImportance) -> str:
    if importance.balancer is None or importance.imbalance_ratio is None:
        return "the search of all variants and ratios together"
    return f"{importance.balancer} at ratio {ratio_text(importance.imbalance_ratio)}"


def plain(parameter: str) -> str:
    """A parameter without the common prefix: "balancing/gan/batch_size@dcgan" is "gan/batch_size"."""
    return _AXES.get(parameter) or parameter.removeprefix("balancing/").partition("@")[0]
