"""Which searched parameter matters how much, as the study has asked Optuna."""

from collections.abc import Sequence

import pandas as pd

from gan_study.analysis.load import Study
from gan_study.analysis.provenance import SEARCH_GAINS
from gan_study.analysis.select import ARM_COLUMNS
from gan_study.analysis.tables import Table
from gan_study.analysis.wording import first_few, listing, ratio_text
from gan_study.trainables.record import SearchImportance


def importance_tables(study: Study) -> tuple[Table, ...]:
    """A table with a row for each condition, method and parameter; none where no importance is known."""
    rows = [
        (each.dataset, each.classifier, each.imbalance_ratio, each.balancer, parameter, share, each.num_trials)
        for each in study.importance
        for parameter, share in each.shares.items()
    ]
    if not rows:
        return ()
    numbers = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "parameter", "share", "num_trials"])
    shares, names = numbers["share"].map("{:.0%}".format), numbers["parameter"].map(plain)
    text = numbers.assign(parameter=names, share=shares).rename(columns={"num_trials": "Complete trials"})
    title = "Share of each searched parameter in what the search's gains depend on"
    return (Table(name="importance", title=title, numbers=numbers, rows=text, origin=SEARCH_GAINS),)


def importance_gaps(importance: Sequence[SearchImportance]) -> str | None:
    """For which searches no importance is given, and why, in a sentence; None where there are none."""
    missing = [
        f"{each.balancer} at ratio {ratio_text(each.imbalance_ratio)} ({each.missing})"
        for each in importance
        if each.missing
    ]
    if not missing:
        return None
    return f"Not given for {listing(first_few(missing))}."


def plain(parameter: str) -> str:
    """A parameter without what all have in common: "balancing/gan/epochs@dcgan" is "gan/epochs"."""
    return parameter.removeprefix("balancing/").partition("@")[0]
