"""Means over seeds with Student-t intervals."""

from collections.abc import Sequence
from dataclasses import astuple

import pandas as pd

from gan_study.analysis.inference.estimates import Estimate, t_interval
from gan_study.analysis.records.select import ARM_COLUMNS, confirmed, paired_gains, scores_frame
from gan_study.trainables.classifiers.metrics import METRICS as EVERY_METRIC
from gan_study.trainables.classifiers.metrics import find_metric
from gan_study.trainables.records.record import Part, TrialRecord

# What charts show; the tables have every metric that was recorded.
METRICS = ("minority_recall", "minority_f1", "macro_f1", "accuracy", "balanced_accuracy")


def summarise(
    records: Sequence[TrialRecord], *, part: Part = "test", metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Scores and paired gains of the confirmed trials, over seeds.

    One row for each condition, balancer, metric and measure ("score" or "gain", the paired difference from no
    balancing), with n, mean, low and high; low and high are missing where n is below 3. Not corrected for multiple
    comparisons: the intervals of the gains with verdicts come from `verdicts.summarise`.
    """
    frames = [
        _estimates(frame, bounds).assign(metric=metric, measure=measure)
        for metric in metrics
        for measure, frame, bounds in (
            ("score", scores_frame(confirmed(records), metric, part), score_range(metric)),
            ("gain", paired_gains(records, metric, part), gain_range(metric)),
        )
    ]
    columns = [*ARM_COLUMNS, "metric", "measure", "n", "mean", "low", "high"]
    return pd.concat(frames, ignore_index=True)[columns]


def score_range(metric: str) -> tuple[float, float]:
    """The limits of a metric's values."""
    found = find_metric(metric)
    return found.low, found.high


def gain_range(metric: str) -> tuple[float, float]:
    """The limits of the difference of two values of a metric."""
    low, high = score_range(metric)
    return low - high, high - low


def recorded_metrics(records: Sequence[TrialRecord], *, part: Part = "test") -> tuple[str, ...]:
    """The overall scores of the confirmed trials: those of METRICS first, the study's own last."""
    found = {name for record in confirmed(records) for name in record.scores.get(part, {})}
    ordered = dict.fromkeys((*METRICS, *EVERY_METRIC, *sorted(found)))
    return tuple(name for name in ordered if name in found)


def _estimates(frame: pd.DataFrame, bounds: tuple[float, float]) -> pd.DataFrame:
    groups = frame.groupby(ARM_COLUMNS)["value"]
    rows = [(*arm, *astuple(t_interval(values.tolist(), bounds=bounds))) for arm, values in groups]
    estimates = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "n", "mean", "low", "high"])
    return estimates.astype({"mean": float, "low": float, "high": float})


def estimate_of(row: pd.Series) -> Estimate:
    """The estimate in one row of a summary."""
    bounded = pd.notna(row["low"])
    return Estimate(
        n=int(row["n"]),
        mean=float(row["mean"]),
        low=float(row["low"]) if bounded else None,
        high=float(row["high"]) if bounded else None,
    )
