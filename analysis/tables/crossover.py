"""Where a GAN stops helping: the imbalance ratio, and the number of real images, at which its gain crosses 0."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from gan_study.analysis.comparisons.verdicts import Comparison
from gan_study.analysis.comparisons.verdicts import gains as gains_of
from gan_study.analysis.inference.estimates import CONFIDENCE
from gan_study.analysis.inference.statistics import Floats, resampled_means
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import Condition, Task, condition_of, confirmed, method_kinds
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, listing, magnitude, ratio_text

FEWEST_RATIOS = 2
CHOSEN = "the GAN chosen at each ratio"


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A position on an axis, a ratio or a number of images, with its 95 % interval.

    0 stands for below the smallest tested value, infinity for above the largest.
    """

    at: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """Where the gain of `method` over no balancing crosses 0.

    `falls` if the gain falls as the ratio rises, so that the method helps below `ratio` and from `images` real
    training images of a minority class (their mean) upwards; otherwise the other way round. `gains` are the mean
    gains at `ratios`, and `helps` and `hurts` the ratios with these verdicts. `ratio` and `image` are None if it
    helps at none, or if a verdict is on the wrong side of the crossing: then a monotone curve does not describe
    it.
    """

    task: Task
    method: str
    ratios: tuple[float, ...]
    images: tuple[float, ...]
    gains: tuple[float, ...]
    falls: bool
    helps: tuple[float, ...]
    hurts: tuple[float, ...]
    reservations: Mapping[str, tuple[float, ...]]
    """The ratios of each reservation about a verdict (`Comparison.reservations`)."""
    ratio: Crossing | None
    image: Crossing | None


def crossovers(study: Study) -> tuple[Crossover, ...]:
    """A crossover for every task and GAN with at least two ratios, first for the GAN chosen at each ratio."""
    kinds = method_kinds(study.records)
    gains = [each for each in gains_of(study) if each.looks and kinds[each.pairs.method] != "upper bound"]
    images = real_images(study.records)
    # Where no trial's counts can be read there is no place on the axis of images.
    gains = [each for each in gains if each.pairs.condition in images]
    found = []
    for task, of_task in groupby(gains, key=lambda each: each.pairs.condition.task):
        here = list(of_task)
        arms = {CHOSEN: [each for each in here if each.pairs.asked]}
        for name in (name for name, kind in kinds.items() if kind == "GAN"):
            arms[name] = [each for each in here if each.pairs.method == name]
        found += [_crossover(task, name, arm, images) for name, arm in arms.items() if len(arm) >= FEWEST_RATIOS]
    return tuple(found)


def real_images(records: Sequence[Trial]) -> dict[Condition, float]:
    """The mean number of real training images of a minority class under each condition, over confirmed trials."""
    found: dict[Condition, list[float]] = {}
    for record in confirmed(records):
        if record.class_counts is not None:
            counts = [record.class_counts.training[index] for index in record.minority_classes]
            found.setdefault(condition_of(record), []).append(float(np.mean(counts)))
    return {condition: float(np.mean(counts)) for condition, counts in found.items()}


def _crossover(
    task: Task, method: str, gains: Sequence[Comparison], images: Mapping[Condition, float]
) -> Crossover:
    ordered = sorted(gains, key=lambda each: each.pairs.condition.imbalance_ratio)
    ratios = np.array([each.pairs.condition.imbalance_ratio for each in ordered])
    real = np.array([images[each.pairs.condition] for each in ordered])
    seeds = [each.pairs.differences for each in ordered]
    means = np.array([np.mean(values) for values in seeds])
    falls = gain_falls(means)
    helps, hurts = (
        tuple(each.pairs.condition.imbalance_ratio for each in ordered if each.verdict == verdict)
        for verdict in ("helps", "hurts")
    )
    at = float(np.exp(zero_of(np.log(ratios), means, falls=falls)))
    draws = resampled_means(seeds) if helps and sides_agree(at, falls=falls, helps=helps, hurts=hurts) else None
    return Crossover(
        task=task,
        method=method,
        ratios=tuple(ratios.tolist()),
        images=tuple(real.tolist()),
        gains=tuple(means.tolist()),
        falls=falls,
        helps=helps,
        hurts=hurts,
        reservations={
            clause: tuple(each.pairs.condition.imbalance_ratio for each in ordered if clause in each.reservations)
            for clause in dict.fromkeys(clause for each in ordered for clause in each.reservations)
        },
        ratio=_crossing(np.log(ratios), means, draws, falls=falls) if draws is not None else None,
        # Along the images, which become fewer as the ratio rises, the gain rises where it falls along the ratio.
        image=_crossing(np.log(real)[::-1], means[::-1], draws[:, ::-1], falls=not falls)
        if draws is not None
        else None,
    )


def sides_agree(at: float, *, falls: bool, helps: Sequence[float], hurts: Sequence[float]) -> bool:
    """Whether all ratios where a method helps are on the gaining side of `at`, and all where it hurts on the
    other.

    The gaining side is below `at` if the gain `falls`, otherwise above.
    """
    return all((ratio < at) == falls for ratio in helps) and not any((ratio < at) == falls for ratio in hurts)


def _crossing(log_places: Floats, means: Floats, draws: Floats, *, falls: bool) -> Crossing:
    """The crossing of `means` [n], and percentiles of those of `draws` [resamples, n], as places."""
    drawn = np.array([zero_of(log_places, row, falls=falls) for row in draws])
    # Infinite crossings have an order, and no arithmetic.
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], method="inverted_cdf")
    at, low, high = np.exp([zero_of(log_places, means, falls=falls), low, high]).tolist()
    return Crossing(at=at, low=low, high=high)


def gain_falls(means: Floats) -> bool:
    """Whether a falling monotone curve fits `means` better (least squares) than a rising one."""
    rising, falling = (isotonic_regression(means, increasing=rises).x for rises in (True, False))
    return float(np.sum((falling - means) ** 2)) <= float(np.sum((rising - means) ** 2))


def zero_of(places: Floats, means: Floats, *, falls: bool) -> float:
    """Where the monotone least-squares fit of `means` at ascending `places`, with linear interpolation, crosses 0.

    Minus or plus infinity if it does so before the first place or beyond the last.
    """
    if not falls:
        return -zero_of(-places[::-1], means[::-1], falls=True)
    fitted = isotonic_regression(means, increasing=False).x
    above = int(np.sum(fitted > 0))
    if above == 0:
        return -np.inf
    if above == len(fitted):
        return np.inf
    before, after = fitted[above - 1], fitted[above]
    share = before / (before - after)
    return float(places[above - 1] + share * (places[above] - places[above - 1]))


def crossover_tables(study: Study) -> tuple[Table, ...]:
    """One table, a row for each task and GAN; none if no GAN was confirmed at two ratios."""
    found = crossovers(study)
    if not found:
        return ()
    rows = [
        [
            *each.task,
            each.method,
            ", ".join([_finding(each), *(f"{what} at {_ratios(at)}" for what, at in each.reservations.items())]),
            _cell(each.ratio, each.ratios),
            _cell(each.image, each.images),
            f"{ratio_text(each.ratios[0])} to {ratio_text(each.ratios[-1])} ({len(each.ratios)})",
        ]
        for each in found
    ]
    columns = ["dataset", "classifier", "balancer", "Finding", "Crossover: ratio"]
    columns += ["Crossover: real images per class", "Ratios tried"]
    numbers, text = pd.DataFrame(map(_numbers, found)), pd.DataFrame(rows, columns=columns)
    title = "Where each GAN stops helping, with 95 % bootstrap intervals"
    return (Table(name="crossover", title=title, numbers=numbers, rows=text),)


def _finding(each: Crossover) -> str:
    """What the crossing means, in words."""
    if not each.helps:
        return "does not help at any tested ratio"
    if each.ratio is None:
        hurts = f", and hurts at {_ratios(each.hurts)}" if each.hurts else ""
        return f"no single crossover: helps only at {_ratios(each.helps)}{hurts}"
    if not _is_inside(each.ratio.at):
        return (
            "gains at every tested ratio"
            if min(each.gains) > 0
            else "its curve does not cross 0 at the tested ratios"
        )
    return f"stops helping {'above the ratio, below' if each.falls else 'below the ratio, above'} the images"


def _ratios(ratios: Sequence[float]) -> str:
    return f"{'ratio' if len(ratios) == 1 else 'ratios'} {listing([ratio_text(ratio) for ratio in ratios])}"


def _is_inside(place: float) -> bool:
    return 0 < place < np.inf


def _cell(crossing: Crossing | None, tried: Sequence[float]) -> str:
    """A crossing with its interval, both clipped to the range that was tried."""
    if crossing is None:
        return ABSENT
    at, low, high = (_place(place, tried) for place in (crossing.at, crossing.low, crossing.high))
    return at if at == low == high else f"{at} [{low}, {high}]"


def _place(place: float, tried: Sequence[float]) -> str:
    if _is_inside(place):
        return ratio_text(place)
    return f"below {ratio_text(min(tried))}" if place == 0 else f"above {ratio_text(max(tried))}"


def _numbers(each: Crossover) -> dict[str, object]:
    row: dict[str, object] = {
        **each.task._asdict(),
        "balancer": each.method,
        "helps_somewhere": bool(each.helps),
        "helps_at": " ".join(map(ratio_text, each.helps)),
        "hurts_at": " ".join(map(ratio_text, each.hurts)),
        "gain_falls_with_ratio": each.falls,
        "ratios": " ".join(map(ratio_text, each.ratios)),
        "real_images": " ".join(map(magnitude, each.images)),
    }
    for axis, crossing in (("ratio", each.ratio), ("images", each.image)):
        row |= {f"{axis}_{end}": getattr(crossing, end, None) for end in ("at", "low", "high")}
    return row
