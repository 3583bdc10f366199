"""The trials behind each row of a table, found by condition and methods where the row has no ids of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gan_study.analysis.records.select import CONDITION_COLUMNS, NO_BALANCING, comparable, confirmed
from gan_study.trainables.records.record import TrialRecord

TRIAL_IDS = "trial_ids"
# The columns that name the methods that a row is about.
METHOD_COLUMNS = ("balancer", "reference")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The trials behind a row, in addition to what its cells say about condition and methods.

    Confirmed ones and, with `searched`, those of the search; with `paired` also those of no balancing, the
    reference of a gain. Without `confirmed` only those in the search's split that have a gain.
    """

    searched: bool = False
    paired: bool = True
    confirmed: bool = True


SCORES, GAINS, SEARCH = Origin(paired=False), Origin(), Origin(searched=True)
SEARCH_GAINS = Origin(searched=True, paired=False, confirmed=False)


def row_sources(frame: pd.DataFrame, records: Sequence[TrialRecord], origin: Origin) -> list[tuple[str, ...]]:
    """The trial ids behind each row of `frame`, in the order of the records.

    A row is computed from the trials of its methods, under its condition. A missing column is not a restriction.
    """
    conditions = [name for name in CONDITION_COLUMNS if name in frame]
    methods = [name for name in METHOD_COLUMNS if name in frame]
    eligible = _eligible(records, origin)
    always = {NO_BALANCING} if origin.paired else set()
    return [
        tuple(
            record.trial_id
            for record in eligible
            if (not methods or record.balancer in always | {row[name] for name in methods})
            and all(getattr(record, name) == row[name] for name in conditions)
        )
        for row in frame.to_dict("records")
    ]


def _eligible(records: Sequence[TrialRecord], origin: Origin) -> list[TrialRecord]:
    searched = [record for record in records if record.phase == "search"]
    if not origin.confirmed:
        return [record for record in comparable(records) if record.objective is not None]
    counted = {record.trial_id for record in (*confirmed(records), *(searched if origin.searched else ()))}
    return [record for record in records if record.trial_id in counted]
