"""What the interactive charts show, a frame each: the same numbers as in the tables, a row a mark."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.aggregate import METRICS, summarise
from gan_study.analysis.select import (
    CONDITION_COLUMNS,
    MAIN_METRIC,
    NO_BALANCING,
    condition_of,
    confirmed,
    families,
    paired_gains,
)
from gan_study.analysis.trial import Losses, Trial
from gan_study.analysis.wording import label

ARM = [*CONDITION_COLUMNS, "balancer"]
NETWORKS = Losses._fields
# More points of one curve cannot be told apart at the width of a page, and all of them are 1 MB of it.
CURVE_POINTS, FEWEST_POINTS, ALL_POINTS = 100, 15, 6_000
COST_STAGES = ("balancing", "classifier")


def estimate_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """A row for each condition, method, metric and measure ("score" or "gain") on test: n, mean, low and high."""
    frame = summarise(records, metrics=METRICS)
    return frame.assign(family=frame["balancer"].map(families(records)), metric=frame["metric"].map(label))


def class_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """What each class gains or pays in F1, a row for each condition, method and class.

    `mean` is the mean paired gain on test over no balancing, `score` the mean score with the method, `n` the
    seeds; `training_images` are the class's before balancing.
    """
    columns = [*ARM, "class", "minority", "training_images", "value", "score"]
    num_classes = max((len(record.class_names) for record in confirmed(records)), default=0)
    found = [frame for index in range(num_classes) if len(frame := _class_values(records, index))]
    values = pd.concat(found) if found else pd.DataFrame(columns=columns)
    groups = values.groupby([*ARM, "class", "minority"], as_index=False, sort=False)
    classes = groups.agg(
        n=("value", "size"),
        mean=("value", "mean"),
        score=("score", "mean"),
        training_images=("training_images", "mean"),
    )
    return classes.assign(family=classes["balancer"].map(families(records)))


def _class_values(records: Sequence[Trial], index: int) -> pd.DataFrame:
    """One class's score and paired gain, a row for each confirmed trial that has a partner."""
    rows = [
        {
            **condition_of(record)._asdict(),
            "balancer": record.balancer,
            "setting_id": record.setting_id,
            "class": record.class_names[index],
            "minority": "minority" if index in record.minority_classes else "majority",
            "training_images": record.class_counts.training[index],
            "score": scores.f1[index],
        }
        for record in confirmed(records)
        if index < len(record.class_names) and record.class_counts and (scores := record.class_scores("test"))
    ]
    frame = pd.DataFrame(rows)
    if frame.empty:
        return frame
    partner = frame[frame["balancer"] == NO_BALANCING].set_index("setting_id")["score"].astype(float)
    gained = frame.assign(value=frame["score"].astype(float) - frame["setting_id"].map(partner))
    return gained[gained["balancer"] != NO_BALANCING].dropna(subset=["value"])


def curve_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """GAN losses by epoch, a row for each condition, method, network and epoch, of the smallest confirmed seed.

    Where a GAN is trained for each class by itself, the mean over the classes. The epochs are thinned, so that all
    curves together have some 6,000 points.
    """
    first: dict[tuple[object, ...], Trial] = {}
    for record in sorted(confirmed(records), key=lambda record: record.seed):
        if record.losses:
            first.setdefault((*condition_of(record), record.balancer), record)
    most = min(CURVE_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(1, len(NETWORKS) * len(first))))
    rows = [
        (*arm, f"{arm[-1]}, ratio {arm[2]:g}", place + 1, network, float(np.mean(losses[network][place])))
        for arm, record in first.items()
        for losses in [_by_epoch(record)]
        for place in thinned(len(losses[NETWORKS[0]]), most=most)
        for network in NETWORKS
    ]
    return pd.DataFrame(rows, columns=[*ARM, "curve", "epoch", "network", "loss"])


def _by_epoch(record: Trial) -> dict[str, list[tuple[float, ...]]]:
    """For each network the losses of all of a trial's GANs, epoch by epoch, as far as all of them went."""
    return {
        network: list(zip(*(getattr(losses, network).tolist() for losses in record.losses.values()), strict=False))
        for network in NETWORKS
    }


def thinned(length: int, *, most: int) -> list[int]:
    """At most `most` of `length` places, evenly spread, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, length - 1, min(length, most))}) if length else []


def cost_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """What each method costs and brings: a row for each condition and method that was confirmed.

    `seconds` is the mean wall time of balancing and of the classifier's training, on `device`; `gain` the mean
    paired gain in test minority F1, 0 for no balancing. `front` where no other method of the condition costs no
    more and gains no less, and is better in one of the two. `search_seconds` is what the search for its settings
    took.
    """
    arms = pd.DataFrame(
        [
            {
                **condition_of(record)._asdict(),
                "balancer": record.balancer,
                "seconds": sum(record.seconds.get(stage, 0.0) for stage in COST_STAGES),
                "device": record.environment.get("device", "unknown"),
            }
            for record in confirmed(records)
        ],
        columns=[*ARM, "seconds", "device"],
    )
    costs = arms.groupby(ARM, as_index=False).agg(seconds=("seconds", "mean"), device=("device", "first"))
    gains = paired_gains(records, MAIN_METRIC).groupby(ARM)["value"].mean().rename("gain")
    found = costs.join(gains, on=ARM)
    found["gain"] = found["gain"].where(found["balancer"] != NO_BALANCING, 0.0)
    found = found.dropna(subset=["gain"]).reset_index(drop=True)
    found["search_seconds"] = [_searched_seconds(records).get(tuple(row), 0.0) for row in found[ARM].to_numpy()]
    fronts = [pareto_front(group["seconds"], group["gain"]) for _, group in found.groupby(CONDITION_COLUMNS)]
    found["front"] = pd.concat(fronts).sort_index() if fronts else pd.Series(dtype=bool)
    return found.assign(family=found["balancer"].map(families(records)))


def pareto_front(cost: pd.Series, gain: pd.Series) -> pd.Series:
    """Which points no other one beats: none costs no more and gains no less without being equal in both."""
    unbeaten = [
        not ((cost <= c) & (gain >= g) & ((cost < c) | (gain > g))).any() for c, g in zip(cost, gain, strict=True)
    ]
    return pd.Series(unbeaten, index=cost.index)


def _searched_seconds(records: Sequence[Trial]) -> Mapping[tuple[object, ...], float]:
    spent: dict[tuple[object, ...], float] = {}
    for record in records:
        if record.phase == "search":
            arm = (*condition_of(record), record.balancer)
            spent[arm] = spent.get(arm, 0.0) + sum(record.seconds.values())
    return spent


def time_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Mean seconds of each stage of the confirmed trials, a row for each condition, method and stage."""
    rows = [
        (*condition_of(record), record.balancer, stage, seconds)
        for record in confirmed(records)
        for stage, seconds in record.seconds.items()
    ]
    frame = pd.DataFrame(rows, columns=[*ARM, "stage", "seconds"])
    return frame.groupby([*ARM, "stage"], as_index=False, sort=False).agg(
        seconds=("seconds", "mean"), n=("seconds", "size")
    )
