"""The gain against the dose: how many of the missing images of the rare classes were made."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from gan_study.analysis.comparisons.aggregate import estimate_of, gain_range
from gan_study.analysis.inference.estimates import Estimate, t_interval
from gan_study.analysis.records.select import (
    ARM_COLUMNS,
    MAIN_METRIC,
    Arm,
    by_arm,
    comparable,
    confirmed,
    paired_gains,
)
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.row_trials import SEARCH, TRIAL_IDS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.records.record import Part

_NUMBERS = ["part", "dose", "images", "n", "mean", "low", "high"]

# A trial that made images at some dose, and its gain.
_Gain: TypeAlias = tuple[Trial, float]


def dose_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A table with a row for each condition, method, part and dose; none if no method was tested at several doses.

    On validation images: the mean gain of the trials in the search's split, which has only one seed, so there is
    no interval. On test images: the gain in minority F1 over no balancing of confirmed trials, over their seeds.
    """
    rows = [*_rows("validation", _searched(records)), *_rows("test", _confirmed(records))]
    numbers = pd.DataFrame(rows, columns=[*ARM_COLUMNS, *_NUMBERS, TRIAL_IDS])
    if numbers.empty or numbers.groupby(ARM_COLUMNS)["dose"].nunique().max() < 2:
        return ()
    numbers = numbers.sort_values([*ARM_COLUMNS, "part", "dose"], ascending=[*[True] * 4, False, True])
    text = numbers[ARM_COLUMNS].copy()
    text["Dose"] = numbers["dose"].map("{:g}".format)
    text["Images made"] = numbers["images"].map("{:.0f}".format)
    text["Scored on"] = numbers["part"]
    text["Mean gain"] = [estimate_text(estimate_of(row), signed=True) for _, row in numbers.iterrows()]
    text["Trials"] = numbers["n"]
    text[TRIAL_IDS] = numbers[TRIAL_IDS]
    title = "Gain against the dose, the share of the missing images that were made"
    return (Table(name="dose", title=title, numbers=numbers, rows=text, origin=SEARCH),)


def _searched(records: Sequence[Trial]) -> list[_Gain]:
    searched = [each for each in comparable(records) if each.status == "complete"]
    return [(each, each.objective) for each in searched if each.objective is not None]


def _confirmed(records: Sequence[Trial]) -> list[_Gain]:
    trials = {(each.setting_id, each.balancer): each for each in confirmed(records)}
    gains = paired_gains(records, MAIN_METRIC)
    keys = zip(gains["setting_id"], gains["balancer"], strict=True)
    return [(trials[key], float(gain)) for key, gain in zip(keys, gains["value"], strict=True)]


def _rows(part: Part, found: Sequence[_Gain]) -> Iterator[tuple[object, ...]]:
    gains = {trial.trial_id: gain for trial, gain in found}
    for arm, trials in by_arm(trial for trial, _ in found).items():
        by_dose: dict[float, list[Trial]] = {}
        for trial in trials:
            if trial.generated is not None and trial.generated.dose is not None:
                by_dose.setdefault(trial.generated.dose, []).append(trial)
        for dose, alike in by_dose.items():
            yield _row(arm, part, dose, alike, [gains[each.trial_id] for each in alike])


def _row(arm: Arm, part: Part, dose: float, trials: Sequence[Trial], gains: Sequence[float]) -> tuple[object, ...]:
    estimate = t_interval(gains, bounds=gain_range(MAIN_METRIC))
    if part == "validation":
        estimate = Estimate(n=len(gains), mean=float(np.mean(gains)), low=None, high=None)
    images = np.mean([each.generated.num_made for each in trials if each.generated is not None])
    ids = " ".join(each.trial_id for each in trials)
    return (*arm, part, dose, float(images), estimate.n, estimate.mean, estimate.low, estimate.high, ids)
