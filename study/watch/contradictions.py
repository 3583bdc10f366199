"""Fields of a record that contradict one another, the trial's configuration, its baseline or its arrays."""

from collections.abc import Iterator, Sequence

import numpy as np

from gan_study.study.plan.config import NO_BALANCING
from gan_study.trainables.classifiers.metrics import improvement
from gan_study.trainables.records.arrays import ArrayFile
from gan_study.trainables.records.record import TrialRecord


def find_baseline(record: TrialRecord, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The trial whose score the gain of `record` is measured against; None if it is not among the `records`."""
    return next((r for r in records if _is_baseline(r) and r.setting_id == record.setting_id), None)


def _is_baseline(record: TrialRecord) -> bool:
    return record.phase == "baseline" and record.balancer == NO_BALANCING and record.status == "complete"


def contradictions(
    record: TrialRecord, *, is_tested: bool, metric: str, baseline: TrialRecord | None
) -> Iterator[str]:
    """What cannot be in a record that a trial wrote, one line each.

    `is_tested`: its configuration lets it read the test set. `metric` is the study's objective.
    """
    phase, status = record.phase, record.status
    if is_tested != (phase == "confirm"):
        yield f"phase is {phase}, and its configuration reads {'the' if is_tested else 'no'} test set"
    for name, belongs_to in (("search", "search"), ("selection", "confirm")):
        if (getattr(record, name) is not None) != (phase == belongs_to):
            yield f"phase is {phase}, {'with' if getattr(record, name) is not None else 'without'} {name}"
    has = {"failure": record.failure is not None, "stop": record.stop is not None, "scores": bool(record.scores)}
    for name, belongs_to in (("failure", "failed"), ("stop", "pruned"), ("scores", "complete")):
        if has[name] != (status == belongs_to):
            yield f"status is {status}, {'with' if has[name] else 'without'} {name}"
    reached = (record.search.rung if record.search else None) or 0
    if reached != len(record.milestones):
        yield f"{len(record.milestones)} milestones, and {reached} in search.rung"
    yield from _wrong_gain(record, metric=metric, baseline=baseline)


def _wrong_gain(record: TrialRecord, *, metric: str, baseline: TrialRecord | None) -> Iterator[str]:
    if record.phase != "search" and record.baseline is not None:
        yield f"baseline is {record.baseline:g}, and only search trials have one"
    elif record.phase == "search" and baseline is not None:
        score = baseline.scores.get("validation", {}).get(metric)
        if not _are_equal(record.baseline, score):
            yield f"baseline is {_text(record.baseline)}, and {_text(score)} in trial {baseline.trial_id}"
    score = record.scores.get("validation", {}).get(metric)
    gain = None if score is None or record.baseline is None else improvement(metric, score, record.baseline)
    if not _are_equal(record.objective, gain):
        yield f"objective is {_text(record.objective)}, and {_text(gain)} by its scores and baseline"


def contradictions_of_fits(record: TrialRecord, stored: ArrayFile, *, metric: str) -> Iterator[str]:
    """What a record says of its fits that is not so in its arrays, one line each."""
    fits, names = stored.get("validation/overall"), stored.get("scores/metrics")
    if fits is None or names is None or not len(fits):
        return
    if len(fits) != record.num_fits:
        yield f"num_fits is {record.num_fits}, and {len(fits)} in {record.arrays}"
    values = fits[:, names.tolist().index(metric)] if metric in names.tolist() else np.array([])
    spread = float(np.std(values, ddof=1)) if len(values) > 1 and not np.isnan(values).any() else None
    if len(values) and not _are_equal(record.fit_spread, spread):
        yield f"fit_spread is {_text(record.fit_spread)}, and {_text(spread)} in {record.arrays}"


def _are_equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.isclose(one, other, rtol=1e-9, atol=1e-12))


def _text(value: float | None) -> str:
    return "missing" if value is None else f"{value:g}"
