"""Which trials may be reported, which belong together, and which method validation chooses.

Reported numbers come from complete trials of the confirm phase; choices use only validation scores.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias, TypeVar

import pandas as pd

from gan_study.trainables.classifiers.metrics import find_metric
from gan_study.trainables.records.record import Part, TrialRecord

NO_BALANCING = "none"
MAIN_METRIC = "minority_f1"

# It has real images that nobody else has, so it is no rival: it shows how much there is to gain.
UPPER_BOUND = "real_upper_bound"

MethodKind: TypeAlias = Literal["no balancing", "simple", "GAN", "other generator", "upper bound"]
METHOD_KINDS: tuple[MethodKind, ...] = ("no balancing", "simple", "GAN", "other generator", "upper bound")
# The section of a method's settings that says how its generator is trained, and the method's kind. The generator
# of an export is chosen among the first kind that was confirmed.
_TRAINED: Mapping[str, MethodKind] = {
    "gan": "GAN",
    "flow": "other generator",
    "autoencoder": "other generator",
}
_KIND_OF: Mapping[str, MethodKind] = {
    NO_BALANCING: "no balancing",
    UPPER_BOUND: "upper bound",
    # As many images in all, with real ones that nobody else has.
    "quantity": "upper bound",
}


# A record, with its arrays or without.
R = TypeVar("R", bound=TrialRecord)


class Task(NamedTuple):
    """The data set and the classifier."""

    dataset: str
    classifier: str


class Condition(NamedTuple):
    """The conditions for comparing methods; with a seed it is a setting."""

    dataset: str
    classifier: str
    imbalance_ratio: float

    @property
    def task(self) -> Task:
        """The condition without its ratio."""
        return Task(self.dataset, self.classifier)


class Arm(NamedTuple):
    """A method under a condition: one row of a table."""

    dataset: str
    classifier: str
    imbalance_ratio: float
    balancer: str


CONDITION_COLUMNS, ARM_COLUMNS = list(Condition._fields), list(Arm._fields)


def condition_of(record: TrialRecord) -> Condition:
    """The condition that a trial ran under."""
    return Condition(record.dataset, record.classifier, record.imbalance_ratio)


def conditions(records: Sequence[TrialRecord]) -> tuple[Condition, ...]:
    """The distinct conditions of `records`, sorted."""
    return tuple(sorted({condition_of(record) for record in records}))


def confirmed(records: Sequence[R]) -> tuple[R, ...]:
    """The complete confirm trials, one for each setting and balancer.

    A study whose search is extended and confirmed again has two configurations of a method in one setting; the
    later record counts.
    """
    latest = {(record.setting_id, record.balancer): record for record in confirm_complete(records)}
    return tuple(latest.values())


def confirm_complete(records: Sequence[R]) -> tuple[R, ...]:
    """The complete trials of the confirm phase, including those that a later one replaces."""
    return tuple(record for record in records if record.phase == "confirm" and record.status == "complete")


def comparable(records: Iterable[R]) -> list[R]:
    """The search trials that ran in the split of the search: the defaults' and the points'.

    The race, the last round and the check run in other splits, so their gains cannot be compared with these.
    """
    searched = (record for record in records if record.phase == "search")
    return [record for record in searched if record.search is None or record.search.is_comparable]


def of_task(records: Sequence[R], task: Task) -> list[R]:
    """The trials of `task`."""
    return [record for record in records if (record.dataset, record.classifier) == task]


def under(records: Sequence[R], condition: Condition) -> tuple[R, ...]:
    """The trials that ran under `condition`."""
    return tuple(record for record in records if condition_of(record) == condition)


def within(frame: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """The rows of `frame` for `condition`."""
    return frame[(frame[CONDITION_COLUMNS] == list(condition)).all(axis=1)]


def arm_of(record: TrialRecord) -> Arm:
    """The method of a trial under its condition."""
    return Arm(*condition_of(record), record.balancer)


def by_arm(records: Iterable[R]) -> dict[Arm, list[R]]:
    """The trials of each method under each condition: by condition, then in the order of the kinds of methods."""
    found = list(records)
    order = list(method_kinds(found))
    ordered = sorted(found, key=lambda record: (condition_of(record), order.index(record.balancer)))
    return {arm: list(group) for arm, group in groupby(ordered, key=arm_of)}


def method_kinds(records: Sequence[TrialRecord]) -> dict[str, MethodKind]:
    """The kind of every balancer, in the order that tables and plots list them.

    A balancer is a GAN or another generator if its configuration has settings for one, whatever the status of its
    trials.
    """
    found = {record.balancer: _kind(record) for record in records}
    return dict(sorted(found.items(), key=lambda item: (METHOD_KINDS.index(item[1]), item[0])))


def _kind(record: TrialRecord) -> MethodKind:
    balancing = record.config["balancing"]
    sections = balancing.keys() if isinstance(balancing, dict) else frozenset[str]()
    trained: Iterator[MethodKind] = (kind for section, kind in _TRAINED.items() if section in sections)
    return _KIND_OF.get(record.balancer, next(trained, "simple"))


def trains_generator(record: TrialRecord) -> bool:
    """Whether a trial's method trains a generator, which can be exported."""
    return _kind(record) in _TRAINED.values()


def score(record: TrialRecord, metric: str, part: Part) -> float | None:
    """One overall score of a trial, in [0, 1]; None if the part was not scored or the score is undefined."""
    return record.scores[part].get(metric) if part in record.scores else None


def scores_frame(records: Sequence[TrialRecord], metric: str, part: Part) -> pd.DataFrame:
    """The defined scores: condition, setting_id, balancer, seed and value, a row for each trial."""
    rows = [
        (*condition_of(record), record.setting_id, record.balancer, record.seed, value)
        for record in records
        if (value := score(record, metric, part)) is not None
    ]
    return pd.DataFrame(rows, columns=[*CONDITION_COLUMNS, "setting_id", "balancer", "seed", "value"])


def paired_gains(
    records: Sequence[TrialRecord], metric: str, part: Part = "test", *, reference: str = NO_BALANCING
) -> pd.DataFrame:
    """How much better each method scores than the reference in the same setting: data, ratio, classifier and seed.

    Columns as `scores_frame`, `value` being the difference, positive where the method is better. A trial without
    a partner has no row.
    """
    frame = scores_frame(confirmed(records), metric, part)
    partner = frame[frame["balancer"] == reference].set_index("setting_id")["value"]
    others = frame[frame["balancer"] != reference]
    difference = others["value"] - others["setting_id"].map(partner).astype(float)
    paired = others.assign(value=difference if find_metric(metric).larger_is_better else -difference)
    return paired.dropna(subset=["value"]).reset_index(drop=True)


def round_of(record: TrialRecord) -> int:
    """The round of seeds in which a trial was confirmed, from 1."""
    return 1 if record.selection is None else record.selection.round


def best_by_validation(
    records: Sequence[TrialRecord], condition: Condition, kind: MethodKind, kinds: Mapping[str, MethodKind]
) -> str | None:
    """The balancer of `kind` with the largest mean paired gain on validation under `condition`.

    Only the first round of seeds counts, which all methods share: later rounds are for undecided methods.
    None if none of them was confirmed beside no balancing. The test set is not used.
    """
    first = [record for record in under(records, condition) if round_of(record) == 1]
    gains = paired_gains(first, MAIN_METRIC, "validation")
    members = gains[gains["balancer"].map(kinds) == kind]
    if members.empty:
        return None
    return str(members.groupby("balancer")["value"].mean().idxmax())


def best_generator(records: Sequence[TrialRecord], condition: Condition) -> str | None:
    """The generator that validation chooses under `condition`: the best GAN; without any, the best other."""
    kinds = method_kinds(records)
    best = (best_by_validation(records, condition, kind, kinds) for kind in dict.fromkeys(_TRAINED.values()))
    return next((name for name in best if name is not None), None)
