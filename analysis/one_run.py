"""Where a condition has one run: what the stored predictions of two classifiers say of each other."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.load import Study
from analysis.select import NO_BALANCING, conditions, confirmed, families, under
from analysis.statistics import LEVEL, holm, mcnemar_p_value
from analysis.tables import KEYS, Arm, Table, headed, in_order, without_constants
from analysis.wording import p_text
from trainables.record import RecordError, TrialRecord
from trainables.settings import DataError

PREDICTIONS = "predictions_test"


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
        right = {record.balancer: rows for record in here if (rows := _right(study.folder, record)) is not None}
        if len({record.setting_id for record in here}) != 1 or NO_BALANCING not in right:
            continue
        by_name = {record.balancer: record for record in here}
        for name in right:
            if name != NO_BALANCING:
                arm = Arm(*condition, name)
                found[arm] = list(_by_class(by_name[NO_BALANCING], by_name[name], right, arm))
    return tuple(pair for arm in in_order(found, families(study.records)) for pair in found[arm])


_Right = tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]


def _right(folder: Path, record: TrialRecord) -> _Right | None:
    """The labels [N] of the test images, and which were predicted right [N]; None without stored predictions."""
    path = folder / record.artifacts[PREDICTIONS] if PREDICTIONS in record.artifacts else None
    if path is None or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            labels = stored["labels"]
            return labels, stored["probabilities"].argmax(axis=1) == labels
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as predictions ({' '.join(str(error).split())})") from error


def _by_class(
    none: TrialRecord, record: TrialRecord, right: Mapping[str, _Right], arm: Arm
) -> Iterator[PairedPredictions]:
    labels, without = right[none.balancer]
    same_labels, with_it = right[record.balancer]
    if not np.array_equal(labels, same_labels):
        raise RecordError(f"{none.trial_id} and {record.trial_id} were tested on different images")
    for index in record.minority_classes:
        of_class = labels == index
        yield PairedPredictions(
            arm=arm,
            class_name=record.class_names[index],
            trial_ids=(none.trial_id, record.trial_id),
            num_images=int(of_class.sum()),
            right_without=int((of_class & without).sum()),
            right_with=int((of_class & with_it).sum()),
            only_without=int((of_class & without & ~with_it).sum()),
            only_with=int((of_class & ~without & with_it).sum()),
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
