"""Where a condition has one run: what the stored predictions of two classifiers say of each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gan_study.analysis.load import Study
from gan_study.analysis.select import NO_BALANCING, conditions, confirmed, families, under
from gan_study.analysis.statistics import LEVEL, holm, mcnemar_p_value
from gan_study.analysis.tables import KEYS, Arm, Table, headed, in_order, without_constants
from gan_study.analysis.trial import Predictions, Trial
from gan_study.analysis.wording import p_text
from gan_study.trainables.record import RecordError


@dataclass(frozen=True, kw_only=True)
class PairedPredictions:
    """A method and no balancing on the same test images of one minority class, in one run.

    `right_without` and `right_with` of `num_images` are predicted right; `only_without` and `only_with` by that
    one alone.
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

    With more seeds the spread over them is the yardstick. A trial whose predictions are not in the study's folder
    has no row. Raises RecordError where two trials of one setting were tested on different images.
    """
    found: dict[Arm, list[PairedPredictions]] = {}
    for condition in conditions(confirmed(study.records)):
        here = confirmed(under(study.records, condition))
        found_of = {record.balancer: record.predictions("test") for record in here}
        predictions = {name: stored for name, stored in found_of.items() if stored is not None}
        if len({record.setting_id for record in here}) != 1 or NO_BALANCING not in predictions:
            continue
        by_name = {record.balancer: record for record in here}
        for name in predictions:
            if name != NO_BALANCING:
                arm = Arm(*condition, name)
                found[arm] = list(_by_class(by_name[NO_BALANCING], by_name[name], predictions, arm))
    return tuple(pair for arm in in_order(found, families(study.records)) for pair in found[arm])


def _by_class(
    none: Trial, record: Trial, predictions: Mapping[str, Predictions], arm: Arm
) -> Iterator[PairedPredictions]:
    without_it, with_it = predictions[none.balancer], predictions[record.balancer]
    labels = without_it.labels
    if not np.array_equal(labels, with_it.labels):
        raise RecordError(f"{none.trial_id} and {record.trial_id} were tested on different images")
    right_without, right_with = without_it.predicted == labels, with_it.predicted == labels
    for index in record.minority_classes:
        of_class = labels == index
        yield PairedPredictions(
            arm=arm,
            class_name=record.class_names[index],
            trial_ids=(none.trial_id, record.trial_id),
            num_images=int(of_class.sum()),
            right_without=int((of_class & right_without).sum()),
            right_with=int((of_class & right_with).sum()),
            only_without=int((of_class & right_without & ~right_with).sum()),
            only_with=int((of_class & ~right_without & right_with).sum()),
        )


def one_run_tables(study: Study) -> tuple[Table, ...]:
    """One table, a row for each method and minority class; none where no condition has a single run."""
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
    columns = [*KEYS, "class", "Right", "Right without it alone", "Right with it alone", "p (McNemar, Holm)"]
    columns += ["These two classifiers"]
    return (
        Table(
            name="one_run",
            title="One run: the test images that no balancing and each method get right",
            numbers=_numbers(found, corrected),
            text=headed(without_constants(pd.DataFrame(text, columns=columns))),
        ),
    )


def _finding(pair: PairedPredictions, p_value: float) -> str:
    if p_value >= LEVEL:
        return "no evidence of a difference"
    return "better with it" if pair.only_with > pair.only_without else "worse with it"


def _numbers(found: Sequence[PairedPredictions], corrected: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **pair.arm._asdict(),
                "class": pair.class_name,
                "num_images": pair.num_images,
                "right_without": pair.right_without,
                "right_with": pair.right_with,
                "only_without": pair.only_without,
                "only_with": pair.only_with,
                "p": pair.p_value,
                "corrected_p": p_value,
                "corrected_for": len(found),
                "trial_ids": " ".join(pair.trial_ids),
            }
            for pair, p_value in zip(found, corrected, strict=True)
        ]
    )
