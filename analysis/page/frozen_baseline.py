"""The score of a linear head on a frozen pretrained network without balancing, in a sentence."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean

from pydantic import JsonValue

from gan_study.analysis.records.select import Task, condition_of, confirmed
from gan_study.analysis.wording import count, listing, number, ratio_text
from gan_study.trainables.records.record import TrialRecord

METRIC = "minority_f1"


def frozen_sentences(records: Sequence[TrialRecord]) -> tuple[str, ...]:
    """One sentence for each task in which a frozen network was scored without balancing."""
    scored = [each for each in confirmed(records) if each.balancer == "none" and _score(each) is not None]
    scored.sort(key=lambda each: (each.dataset, each.classifier, each.imbalance_ratio))
    by_task = groupby(scored, key=lambda each: condition_of(each).task)
    return tuple(_sentence(task, list(group)) for task, group in by_task)


def _score(record: TrialRecord) -> float | None:
    """The test score without balancing on a frozen network; None if it was not measured."""
    if _section(record, "classifier", "backbone").get("tuning") == "frozen":
        return record.scores.get("test", {}).get(METRIC)
    return record.frozen_baseline.get(METRIC)


def _section(record: TrialRecord, *keys: str) -> Mapping[str, JsonValue]:
    """The section of a record's configuration that lies at `keys`; empty if there is none."""
    values: Mapping[str, JsonValue] = record.config
    for key in keys:
        inner = values.get(key)
        values = inner if isinstance(inner, dict) else {}
    return values


def _sentence(task: Task, records: Sequence[TrialRecord]) -> str:
    network = _section(records[0], "evaluation", "frozen_baseline") or _section(
        records[0], "classifier", "backbone"
    )
    said = []
    for ratio, group in groupby(records, key=lambda each: each.imbalance_ratio):
        here = list(group)
        reached = fmean(value for each in here if (value := _score(each)) is not None)
        own = [value for each in here if (value := each.scores.get("test", {}).get(METRIC)) is not None]
        beside = f" ({task.classifier}: {number(fmean(own))})" if own and here[0].frozen_baseline else ""
        said.append(f"{number(reached)} at imbalance ratio {ratio_text(ratio)}{beside}")
    seeds = count(len({each.seed for each in records}), "seed")
    return (
        f"Without any balancing, a linear head on the frozen {network.get('model')} of {network.get('library')} "
        f"reaches a test minority F1 of {listing(said)}, the mean of {seeds}."
    )
