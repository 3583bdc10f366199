"""For conditions with one run: a comparison of the stored predictions of two methods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from gan_study.analysis.inference.statistics import LEVEL, holm, mcnemar_p_value
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, NO_BALANCING, Arm
from gan_study.analysis.records.trial import Predictions, Trial
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import p_text
from gan_study.trainables.records.record import RecordError


@dataclass(frozen=True, kw_only=True)
class PairedPredictions:
    """A method and no balancing on the same test images of one minority class, in one run.

    `right_without` and `right_with` of `num_images` are predicted correctly, by more than half of the fits, so
    that an image counts once; `only_without` and `only_with` only by that one.
    """

    arm: Arm
    class_name: str
    trial_ids: tuple[str, str]
    num_images: int
    right_without: int
    right_with: int
    only_without: int
    only_with: int

    @property
    def p_value(self) -> float:
        """McNemar's exact p value, not corrected."""
        return mcnemar_p_value(self.only_with, self.only_without)


def paired_predictions(study: Study) -> tuple[PairedPredictions, ...]:
    """Every method and minority class under the conditions that were confirmed with one seed.

    With more seeds the spread over them is used instead. A trial whose predictions are not in the study's folder
    has no row. Raises RecordError if two trials of one setting were tested on different images.
    """
    found: list[PairedPredictions] = []
    for condition in select.conditions(select.confirmed(study.records)):
        here = select.confirmed(select.under(study.records, condition))
        stored = [(record, record.predictions("test")) for record in here]
        predicted = {record.balancer: (record, each) for record, each in stored if each is not None}
        if len({record.setting_id for record in here}) == 1 and NO_BALANCING in predicted:
            none = predicted.pop(NO_BALANCING)
            for name in (name for name in select.method_kinds(study.records) if name in predicted):
                found += _by_class(none, predicted[name])
    return tuple(found)


_Predicted: TypeAlias = tuple[Trial, Predictions]


def _by_class(without: _Predicted, with_method: _Predicted) -> Iterator[PairedPredictions]:
    (none, without_it), (record, with_it) = without, with_method
    labels = without_it.labels
    if not np.array_equal(labels, with_it.labels):
        raise RecordError(f"{none.trial_id} and {record.trial_id} were tested on different images")
    right_without, right_with = (
        np.mean(each.predicted == labels, axis=0) > 1 / 2 for each in (without_it, with_it)
    )
    for index in record.minority_classes:
        of_class = labels == index
        yield PairedPredictions(
            arm=select.arm_of(record),
            class_name=record.class_names[index],
            trial_ids=(none.trial_id, record.trial_id),
            num_images=int(of_class.sum()),
            right_without=int((of_class & right_without).sum()),
            right_with=int((of_class & right_with).sum()),
            only_without=int((of_class & right_without & ~right_with).sum()),
            only_with=int((of_class & ~right_without & right_with).sum()),
        )


def one_run_tables(study: Study) -> tuple[Table, ...]:
    """One table, a row for each method and minority class; none if no condition has a single run."""
    found = paired_predictions(study)
    if not found:
        return ()
    corrected = [step.p_value for step in holm([pair.p_value for pair in found])]
    text = [
        [
            *pair.arm,
            pair.class_name,
            f"{pair.right_without} → {pair.right_with} of {pair.num_images}",
            pair.only_without,
            pair.only_with,
            p_text(p_value),
            _finding(pair, p_value),
        ]
        for pair, p_value in zip(found, corrected, strict=True)
    ]
    columns = [*ARM_COLUMNS, "class", "Right", "Right without it alone", "Right with it alone"]
    columns += ["p (McNemar, Holm)", "These two classifiers"]
    title = "One run: the test images that most fits of no balancing and of each method get right"
    rows = pd.DataFrame(text, columns=columns)
    return (Table(name="one_run", title=title, numbers=_numbers(found, corrected), rows=rows),)


def _finding(pair: PairedPredictions, p_value: float) -> str:
    if p_value >= LEVEL:
        return "no evidence of a difference"
    return "better with it" if pair.only_with > pair.only_without else "worse with it"


def _numbers(found: Sequence[PairedPredictions], corrected: Sequence[float]) -> pd.DataFrame:
    names = ("num_images", "right_without", "right_with", "only_without", "only_with")
    return pd.DataFrame(
        [
            {
                **pair.arm._asdict(),
                "class": pair.class_name,
                **{name: getattr(pair, name) for name in names},
                "p": pair.p_value,
                "corrected_p": p_value,
                "corrected_for": len(found),
                "trial_ids": " ".join(pair.trial_ids),
            }
            for pair, p_value in zip(found, corrected, strict=True)
        ]
    )
