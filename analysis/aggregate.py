"""Means over seeds with Student-t intervals."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.select import ARM_COLUMNS, confirmed, paired_gains, scores_frame
from gan_study.trainables.classifiers.metrics import METRICS as EVERY_METRIC
from gan_study.trainables.classifiers.metrics import find_metric
from gan_study.trainables.record import Part, TrialRecord

CONFIDENCE = 0.95
# What charts show; the tables have every metric that was recorded.
METRICS = ("minority_recall", "minority_f1", "macro_f1", "accuracy", "balanced_accuracy")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `n` seeds and its two-sided interval (95 % unless said); fewer than three have none."""

    n: int
    mean: float
    low: float | None
    high: float | None


def t_interval(values: Sequence[float], *, bounds: tuple[float, float] = (-np.inf, np.inf)) -> Estimate:
    """The mean of `values` (at least one) with its two-sided 95 % Student-t interval, as far as it is in `bounds`.

    mean ± t(0.975, n − 1) s / √n, s with n − 1 in its denominator. What lies beyond the range of a score is no
    value of it, so cutting it off costs no coverage.
    """
    assert len(values) > 0, "an estimate needs a value"
    n, mean = len(values), float(np.mean(values))
    if n < MINIMUM_SEEDS:
        return Estimate(n=n, mean=mean, low=None, high=None)
    half_width = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return Estimate(n=n, mean=mean, low=max(bounds[0], mean - half_width), high=min(bounds[1], mean + half_width))


def summarise(
    records: Sequence[TrialRecord], *, part: Part = "test", metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Scores and paired gains of the confirmed trials, over seeds.

    One row for each condition, balancer, metric and measure ("score" or "gain", the paired difference from no
    balancing), with n, mean, low and high; low and high are missing where n is below 3. Not corrected for
    anything: the gains that verdicts are about have their intervals from `verdicts.summarise`.
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
    """What the values of a metric lie between."""
    found = find_metric(metric)
    return found.low, found.high


def gain_range(metric: str) -> tuple[float, float]:
    """What differences of two values of a metric lie between."""
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
