"""Whether the scores of generated images say which of them help: rank correlations with the gain."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.records.select import MAIN_METRIC, Condition, Task, condition_of, confirmed, paired_gains
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.generated import FIDELITY, with_features
from gan_study.analysis.tables.row_trials import GAINS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import interval_text, number

# A correlation of two pairs is 1 or -1.
FEWEST_METHODS = 3
# Of these the smallest is the best.
DISTANCES = frozenset({"fid", "kid"})


class _Point(NamedTuple):
    """A confirmed trial: the mean score of its images over minority classes, and its gain."""

    condition: Condition
    seed: int
    score: float
    gain: float


class _Correlation(NamedTuple):
    """Between methods, a mean with its interval over seeds, and over all trials."""

    task: Task
    metric: str
    mean: float
    low: float | None
    high: float | None
    seeds: int
    over_all: float
    trials: int


def quality_gain_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """A table with a row for each task and score of generated images; none without three methods to compare.

    "Between methods": Spearman's rank correlation of score and paired gain in minority F1 over the methods of one
    condition and seed, mean over conditions, with an interval over seeds. It says whether the score picks the
    better method. "Over all trials" mixes methods, ratios and seeds, so it also holds how hard each ratio is.
    """
    points = {quantity.metric: _points(records, quantity.metric) for quantity in FIDELITY}
    headings = {each.metric: each.heading for each in with_features(FIDELITY, records)}
    tasks = sorted({point.condition.task for found in points.values() for point in found})
    found = [
        correlation
        for task in tasks
        for metric, of_metric in points.items()
        if (correlation := _of_task(task, metric, [point for point in of_metric if point.condition.task == task]))
    ]
    if not found:
        return ()
    numbers = pd.DataFrame([{**each.task._asdict(), **each._asdict()} for each in found]).drop(columns="task")
    text = pd.DataFrame(
        {
            **{name: numbers[name] for name in Task._fields},
            "Score": [headings[each.metric] for each in found],
            "Better is": ["lower" if each.metric in DISTANCES else "higher" for each in found],
            "Between methods": [interval_text(each.mean, each.low, each.high) for each in found],
            "Seeds": numbers["seeds"],
            "Over all trials": [number(each.over_all, signed=True) for each in found],
            "Trials": numbers["trials"],
        }
    )
    title = "Rank correlation of each image score with the gain in minority F1"
    return (Table(name="quality_gain", title=title, numbers=numbers, rows=text, origin=GAINS),)


def _points(records: Sequence[Trial], metric: str) -> list[_Point]:
    gains = paired_gains(records, MAIN_METRIC)
    by_trial: Mapping[tuple[str, str], float] = dict(
        zip(zip(gains["setting_id"], gains["balancer"], strict=True), gains["value"], strict=True)
    )
    return [
        _Point(condition_of(trial), trial.seed, score, by_trial[trial.setting_id, trial.balancer])
        for trial in confirmed(records)
        if (trial.setting_id, trial.balancer) in by_trial and (score := _score(trial, metric)) is not None
    ]


def _score(trial: Trial, metric: str) -> float | None:
    """Mean over the minority classes that have the score."""
    names = [trial.class_names[index] for index in trial.minority_classes]
    found = [trial.quality[name].metrics.get(metric) for name in names if name in trial.quality]
    values = [value for value in found if value is not None]
    return float(np.mean(values)) if values else None


def _of_task(task: Task, metric: str, points: Sequence[_Point]) -> _Correlation | None:
    """The correlations of one score; None if no seed of a condition has three methods that differ."""
    by_seed: dict[int, list[float]] = {}
    for condition, seed in sorted({(point.condition, point.seed) for point in points}):
        alike = [point for point in points if (point.condition, point.seed) == (condition, seed)]
        if (found := _correlation(alike)) is not None:
            by_seed.setdefault(seed, []).append(found)
    over_all = _correlation(points)
    if not by_seed or over_all is None:
        return None
    estimate = t_interval([float(np.mean(each)) for each in by_seed.values()], bounds=(-1.0, 1.0))
    between = estimate.mean, estimate.low, estimate.high, estimate.n
    return _Correlation(task, metric, *between, over_all=over_all, trials=len(points))


def _correlation(points: Sequence[_Point]) -> float | None:
    """Spearman's; None for fewer than three points, or if all scores or all gains are equal."""
    scores, gains = [point.score for point in points], [point.gain for point in points]
    if len(points) < FEWEST_METHODS or min(len(set(scores)), len(set(gains))) < 2:
        return None
    return float(stats.spearmanr(scores, gains).statistic)
