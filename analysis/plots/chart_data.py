"""What the interactive charts show, a frame each: the same numbers as in the tables, a row a mark."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.comparisons.aggregate import METRICS
from gan_study.analysis.plots.palette import kind_of
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, CONDITION_COLUMNS, MAIN_METRIC, NO_BALANCING, Arm
from gan_study.analysis.records.trial import Losses, Trial
from gan_study.analysis.wording import label

NETWORKS = Losses._fields
# More points of one curve cannot be told apart at the width of a page, and all of them are 1 MB of it.
CURVE_POINTS, FEWEST_POINTS, ALL_POINTS = 100, 15, 6_000
COST_STAGES = ("balancing", "classifier")


def estimate_frame(study: Study) -> pd.DataFrame:
    """A row for each condition, method, metric and measure ("score" or "gain") on test: n, mean, low and high."""
    frame = verdicts.summarise(study, metrics=METRICS)
    return _with_kinds(frame, study.records).assign(metric=frame["metric"].map(label))


def _with_kinds(frame: pd.DataFrame, records: Sequence[Trial]) -> pd.DataFrame:
    """`frame` with the kind of method that each row is about, which decides on its colour."""
    kinds = {name: kind_of(name, family) for name, family in select.families(records).items()}
    return frame.assign(kind=frame["balancer"].map(kinds))


def class_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """What each class gains or pays in F1, a row for each condition, method and class.

    `mean` is the mean paired gain on test over no balancing, `score` the mean score with the method, `n` the
    seeds; `training_images` are the class's before balancing.
    """
    rows = [
        (
            *(*select.arm_of(record), record.setting_id, index, name),
            "minority" if index in record.minority_classes else "majority",
            *(record.class_counts.training[index], scores.f1[index]),
        )
        for record in select.confirmed(records)
        if record.class_counts and (scores := record.class_scores("test"))
        for index, name in enumerate(record.class_names)
    ]
    columns = [*ARM_COLUMNS, "setting_id", "label", "class", "minority", "training_images", "score"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": float}).sort_values("label", kind="stable")
    none = frame[frame["balancer"] == NO_BALANCING].set_index(["setting_id", "label"])["score"].rename("none")
    paired = frame[frame["balancer"] != NO_BALANCING].join(none, on=["setting_id", "label"])
    values = paired.assign(value=paired["score"] - paired["none"]).dropna(subset=["value"])
    groups = values.groupby([*ARM_COLUMNS, "class", "minority"], as_index=False, sort=False)
    classes = groups.agg(
        n=("value", "size"),
        mean=("value", "mean"),
        score=("score", "mean"),
        training_images=("training_images", "mean"),
    )
    return _with_kinds(classes, records)


def curve_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """GAN losses on the way, a row for each condition, method, network and step, of the smallest confirmed seed.

    Where a GAN is trained for each class by itself, the mean over the classes. They are thinned, so that all
    curves together have some 6,000 points.
    """
    first: dict[Arm, Trial] = {}
    for record in sorted(select.confirmed(records), key=lambda record: record.seed):
        if record.losses:
            first.setdefault(select.arm_of(record), record)
    most = min(CURVE_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(1, len(NETWORKS) * len(first))))
    rows = [
        (*arm, f"{arm[-1]}, ratio {arm[2]:g}", steps[place], network, float(np.mean(losses[network][place])))
        for arm, record in first.items()
        for steps, losses in [_of_all_gans(record)]
        for place in thinned(len(steps), most=most)
        for network in NETWORKS
    ]
    return pd.DataFrame(rows, columns=[*ARM_COLUMNS, "curve", "generator_steps", "network", "loss"])


def _of_all_gans(record: Trial) -> tuple[list[int], dict[str, list[tuple[float, ...]]]]:
    """Generator steps and, for each network, the losses of all of a trial's GANs, as far as all of them went."""
    shortest = min(record.losses.values(), key=lambda losses: len(losses.steps))
    return shortest.steps.tolist(), {
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
    rows = [
        (
            *select.arm_of(record),
            sum(record.seconds.get(stage, 0.0) for stage in COST_STAGES),
            record.environment.get("device", "unknown"),
        )
        for record in select.confirmed(records)
    ]
    arms = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "seconds", "device"])
    costs = arms.groupby(ARM_COLUMNS, as_index=False).agg(seconds=("seconds", "mean"), device=("device", "first"))
    gains = select.paired_gains(records, MAIN_METRIC).groupby(ARM_COLUMNS)["value"].mean().rename("gain")
    found = costs.join(gains, on=ARM_COLUMNS)
    found["gain"] = found["gain"].where(found["balancer"] != NO_BALANCING, 0.0)
    found = found.dropna(subset=["gain"]).reset_index(drop=True)
    searched: defaultdict[tuple[object, ...], float] = defaultdict(float)
    for record in records:
        if record.phase == "search":
            searched[select.arm_of(record)] += sum(record.seconds.values())
    found["search_seconds"] = [searched[tuple(row)] for row in found[ARM_COLUMNS].to_numpy()]
    fronts = [pareto_front(group["seconds"], group["gain"]) for _, group in found.groupby(CONDITION_COLUMNS)]
    found["front"] = pd.concat(fronts).sort_index() if fronts else pd.Series(dtype=bool)
    return _with_kinds(found, records)


def pareto_front(cost: pd.Series, gain: pd.Series) -> pd.Series:
    """Which points no other one beats: none costs no more and gains no less without being equal in both."""
    unbeaten = [
        not ((cost <= c) & (gain >= g) & ((cost < c) | (gain > g))).any() for c, g in zip(cost, gain, strict=True)
    ]
    return pd.Series(unbeaten, index=cost.index)


def time_frame(records: Sequence[Trial]) -> pd.DataFrame:
    """Mean seconds of each stage of the confirmed trials, a row for each condition, method and stage."""
    rows = [
        (*select.arm_of(record), stage, seconds)
        for record in select.confirmed(records)
        for stage, seconds in record.seconds.items()
    ]
    frame = pd.DataFrame(rows, columns=[*ARM_COLUMNS, "stage", "seconds"])
    return frame.groupby([*ARM_COLUMNS, "stage"], as_index=False, sort=False).agg(
        seconds=("seconds", "mean"), n=("seconds", "size")
    )
