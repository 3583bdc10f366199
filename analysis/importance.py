"""Which searched parameter matters how much, as the study has asked Optuna."""

from collections.abc import Sequence

import pandas as pd

from gan_study.analysis.load import Study
from gan_study.analysis.provenance import SEARCH_GAINS
from gan_study.analysis.tables import KEYS, Table, headed, without_constants
from gan_study.analysis.wording import first_few, listing, ratio_text
from gan_study.trainables.record import SearchImportance

COLUMNS = [*KEYS, "parameter", "share", "num_trials"]


def importance_tables(study: Study) -> tuple[Table, ...]:
    """A table with a row for each condition, method and parameter; none where no importance is known."""
    rows = [
        (*_arm(each), parameter, share, each.num_trials)
        for each in study.importance
        for parameter, share in each.shares.items()
    ]
    if not rows:
        return ()
    numbers = pd.DataFrame(rows, columns=COLUMNS)
    text = numbers.assign(
        parameter=numbers["parameter"].map(plain), share=numbers["share"].map("{:.0%}".format)
    ).rename(columns={"num_trials": "Complete trials"})
    return (
        Table(
            name="importance",
            title="Share of each searched parameter in what the search's gains depend on",
            numbers=numbers,
            text=headed(without_constants(text)),
            origin=SEARCH_GAINS,
        ),
    )


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


def _arm(each: SearchImportance) -> tuple[str, str, float, str]:
    return each.dataset, each.classifier, each.imbalance_ratio, each.balancer
