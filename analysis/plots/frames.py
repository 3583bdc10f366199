"""The data behind each figure, a frame with a row a mark, to be written beside it as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd

from gan_study.analysis.across import Ranking
from gan_study.analysis.plots.across import Profiles
from gan_study.analysis.plots.counts import CountData
from gan_study.analysis.plots.losses import Curves
from gan_study.analysis.plots.scores import ScoreData
from gan_study.analysis.plots.search import Progress
from gan_study.analysis.plots.usefulness import Distance, UsefulnessPoint
from gan_study.analysis.select import Family


def estimates_frame(*data: ScoreData) -> pd.DataFrame:
    """Mean, interval and seeds of each method at each ratio."""
    return pd.DataFrame(
        [
            (each.metric, each.measure, ratio, balancer, found.n, found.mean, found.low, found.high)
            for each in data
            for ratio, by_method in each.estimates.items()
            for balancer, found in by_method.items()
        ],
        columns=["metric", "measure", "imbalance_ratio", "balancer", "n", "mean", "low", "high"],
    )


def seeds_frame(data: ScoreData) -> pd.DataFrame:
    """The value of each seed."""
    return pd.DataFrame(
        [
            (data.metric, ratio, balancer, value)
            for ratio, by_method in data.values.items()
            for balancer, values in by_method.items()
            for value in values
        ],
        columns=["metric", "imbalance_ratio", "balancer", "value"],
    )


def profiles_frame(data: Profiles) -> pd.DataFrame:
    """The share of each method's runs above each gain."""
    return pd.DataFrame(
        [
            (balancer, gain, share)
            for balancer, shares in data.shares.items()
            for gain, share in zip(data.thresholds, shares, strict=True)
        ],
        columns=["balancer", "gain", "share_above"],
    )


def ranking_frame(data: Ranking) -> pd.DataFrame:
    """The mean rank of each method, beside the critical difference."""
    return pd.DataFrame(data.mean_ranks.items(), columns=["balancer", "mean_rank"]).assign(
        critical_difference=data.critical_difference, num_tasks=data.num_tasks
    )


def usefulness_frame(
    data: Mapping[Distance, Sequence[UsefulnessPoint]], kinds: Mapping[str, Family]
) -> pd.DataFrame:
    """Distance and gain of each method at each ratio."""
    found = [
        {"metric": metric, **asdict(point), "family": kinds[point.balancer]}
        for metric, points in data.items()
        for point in points
    ]
    return pd.DataFrame(found)


def progress_frame(data: Mapping[str, Mapping[float, Progress]]) -> pd.DataFrame:
    """The gain of each complete search trial, and the best so far."""
    return pd.DataFrame(
        [
            (balancer, ratio, *point)
            for balancer, by_ratio in data.items()
            for ratio, found in by_ratio.items()
            for point in zip(found.numbers, found.gains, found.best_so_far, strict=True)
        ],
        columns=["balancer", "imbalance_ratio", "trial", "gain", "best_so_far"],
    )


def counts_frame(data: CountData) -> pd.DataFrame:
    """Images of each class before and after balancing."""
    return pd.DataFrame(
        {
            "class": data.names,
            "before": data.before,
            "real_after": data.real,
            "synthetic_after": data.synthetic,
            "balancer": data.balancer,
        }
    )


def confusion_frame(data: Mapping[str, npt.NDArray[np.float64]], class_names: Sequence[str]) -> pd.DataFrame:
    """Each cell of each method's matrix."""
    return pd.DataFrame(
        [
            (balancer, class_names[row], class_names[column], value)
            for balancer, matrix in data.items()
            for (row, column), value in np.ndenumerate(matrix)
        ],
        columns=["balancer", "true_class", "predicted_class", "fraction"],
    )


def losses_frame(data: Mapping[str, Curves]) -> pd.DataFrame:
    """The losses of each network of each GAN at each epoch."""
    return pd.DataFrame(
        [
            (balancer, trained_on, epoch, *at_epoch)
            for balancer, curves in data.items()
            for trained_on, losses in curves.items()
            for epoch, at_epoch in enumerate(zip(*losses, strict=True), start=1)
        ],
        columns=["balancer", "trained_on", "epoch", "generator", "discriminator"],
    )
