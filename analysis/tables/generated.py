"""The quality of the generated images of each class, with the scores of real images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from gan_study.analysis.records.select import ARM_COLUMNS, Arm, by_arm, conditions, confirmed
from gan_study.analysis.records.trial import ImageQuality, Trial
from gan_study.analysis.tables.row_trials import SCORES
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, count, magnitude, ratio_text

TOO_FEW = "too few images"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A column of the tables: its name in the record, its heading, and a sentence on its meaning and its good
    values.

    "{features}" in a heading stands for the source of the features. `with_floor` if the record has the value of
    real images.
    """

    metric: str
    heading: str
    meaning: str
    with_floor: bool = True


FIDELITY = (
    Quantity(
        metric="gan_train",
        heading="GAN-train",
        meaning="Recall on held-out real images of a classifier trained only on generated images for "
        "every class that has some. Good if it reaches that of a classifier trained on the real "
        "training images instead.",
    ),
    Quantity(
        metric="gan_test",
        heading="GAN-test",
        meaning="Share of the generated images that a classifier trained on real images recognises as "
        "their class. "
        "Good if it is near the recall on held-out real images; much higher may mean copies.",
    ),
    Quantity(
        metric="filter_passed",
        heading="Passes the filter",
        meaning="Share of the generated images that a classifier of the training set recognises as "
        "their class, and that are neither near-copies of training images nor outliers in its features. "
        "Good if it reaches that of held-out real images.",
    ),
    Quantity(
        metric="fid",
        heading="FID ({features} features)",
        meaning="Fréchet distance of the generated images to the training images. Lower is better, down "
        "to the value of held-out real images; it needs more images of each kind than there are features.",
    ),
    Quantity(
        metric="kid",
        heading="KID ({features} features)",
        meaning="Kernel distance to the training images. Lower is better; about 0, or slightly below, "
        "if they cannot be distinguished. It is unbiased for few images, so use this one for a rare class.",
    ),
    Quantity(
        metric="precision",
        heading="Precision",
        meaning="Share of generated images inside the distribution of the training images. Near 1 is "
        "good: they look real.",
        with_floor=False,
    ),
    Quantity(
        metric="recall",
        heading="Recall",
        meaning="Share of training images inside the distribution of the generated ones. Near 1 is "
        "good: they are varied.",
        with_floor=False,
    ),
    Quantity(
        metric="coverage",
        heading="Coverage",
        meaning="Share of the training images with a generated one near by. Near 1 is good; unlike recall it "
        "cannot be raised by a few outliers.",
        with_floor=False,
    ),
)
VARIETY = (
    Quantity(
        metric="density",
        heading="Density",
        meaning="Average number of training-image neighbourhoods that contain a generated image, "
        "relative to the expected number. About 1 is good; far above 1, the images cluster where "
        "training images are dense.",
        with_floor=False,
    ),
    Quantity(
        metric="ssim_between",
        heading="SSIM between",
        meaning="Similarity of pairs of generated images. Good if near that of pairs of training "
        "images; higher means less variety.",
    ),
    Quantity(
        metric="ssim_nearest",
        heading="SSIM to nearest",
        meaning="Similarity of each generated image to its nearest training image. Good if near that of "
        "held-out real images; higher may mean copies.",
    ),
    Quantity(
        metric="memorised_share",
        heading="Memorised share",
        meaning="Share of the generated images that are nearer to a training image than nearly all "
        "held-out real images are. Good if near the expected value for new real images.",
    ),
    Quantity(
        metric="copied_share",
        heading="Copied share",
        meaning="Share of the generated images whose distance to one training image is less than half "
        "their distance to any other. Good if near that of held-out real images.",
    ),
    Quantity(
        metric="repeated_share",
        heading="Repeated share",
        meaning="Share of the pairs of generated images that show the same image. Good if near that of "
        "pairs of training images.",
    ),
    Quantity(
        metric="inception_score",
        heading="Inception score",
        meaning="From the same classifier, between 1 and the number of classes. Within one class higher "
        "is not better: 1 if the classifier gives the same answer for every image, more if it mistakes "
        "some for other classes.",
        with_floor=False,
    ),
)
# The four scores of synthetic data, each a share that is 0 at best, and what says whether images are memorised.
SYNTHETIC = (
    Quantity(
        metric="unrealistic",
        heading="Unrealistic",
        meaning="Share of the generated images outside the distribution of the training images (1 - precision).",
    ),
    Quantity(
        metric="unvaried",
        heading="Not varied",
        meaning="Share of the generated images that repeat an earlier one; in brackets, that of the "
        "training images.",
    ),
    Quantity(
        metric="memorised",
        heading="Memorised",
        meaning="Share of the generated images that copy a training image.",
    ),
    Quantity(
        metric="underrepresented",
        heading="Under-represented",
        meaning="Share of the training images without a generated one near by (1 - coverage); in "
        "brackets the expected value for as many new real images.",
    ),
    Quantity(
        metric="membership_auc",
        heading="Membership AUC",
        meaning="How well the nearest generated image distinguishes training images from held-out ones: "
        "0.5 is chance, 1 means that everything is memorised.",
        with_floor=False,
    ),
)
# What a flag says of the images, and why it matters.
# The worst first.
FLAGS = {
    "weak": "teach a classifier less than half of what the same number of real images do (GAN-train), "
    "so the class was not learned",
    "copies": "are copies of training images, which add little beyond oversampling",
    "collapsed": "repeat a few images, so they add little variety",
}


class ImageArm(NamedTuple):
    """A class of generated images of a method under a condition: one row of a table."""

    arm: Arm
    class_name: str


class SeedMean(NamedTuple):
    """A mean over the `num_seeds` seeds that have the number; None if none has it."""

    mean: float | None
    num_seeds: int


def qualities(records: Sequence[Trial]) -> dict[ImageArm, tuple[ImageQuality, ...]]:
    """The quality of a class's images in each confirmed trial that made some, in the order of the tables."""
    return {
        ImageArm(arm, name): tuple(trial.quality[name] for trial in trials if name in trial.quality)
        for arm, trials in by_arm(confirmed(records)).items()
        for name in dict.fromkeys(name for trial in trials for name in trial.quality)
    }


def seed_mean(measured: Sequence[ImageQuality], metric: str) -> SeedMean:
    """The mean of `metric` over the seeds that have it."""
    values = [value for quality in measured if (value := quality.metrics.get(metric)) is not None]
    return SeedMean(mean=float(np.mean(values)) if values else None, num_seeds=len(values))


def features_of(records: Sequence[Trial]) -> str:
    """Whose features were used to measure the images of a study."""
    kinds = {quality.features for record in confirmed(records) for quality in record.quality.values()}
    return " and ".join(sorted(kinds))


def with_features(quantities: Sequence[Quantity], records: Sequence[Trial]) -> tuple[Quantity, ...]:
    """`quantities` with the source of the features in their headings."""
    features = features_of(records)
    return tuple(replace(each, heading=each.heading.format(features=features)) for each in quantities)


def generated_tables(records: Sequence[Trial]) -> tuple[Table, ...]:
    """Three tables with a row for each condition, method and class; none if no image was generated.

    The CSV of the first has every number of all. Records of earlier versions have no scores, and no third table.
    """
    found = qualities(records)
    if not found:
        return ()
    brackets = "means over seeds, with the value of real images in brackets"
    every = _numbers(found, (*FIDELITY, *VARIETY, *SYNTHETIC))
    fidelity = _text(found, with_features(FIDELITY, records))
    variety, synthetic = ((_numbers(found, each), _text(found, each)) for each in (VARIETY, SYNTHETIC))
    has_scores = any(SYNTHETIC[0].metric in each.metrics for measured in found.values() for each in measured)
    return tuple(
        Table(name=name, title=f"{title}: {brackets}", numbers=numbers, rows=rows, origin=SCORES, more=_COUNTED)
        for name, title, numbers, rows in (
            ("generated", "Quality of the generated images", every, fidelity),
            ("generated_variety", "Variety and copies among the generated images", *variety),
            *([("generated_scores", "Problems of the generated images", *synthetic)] if has_scores else []),
        )
    )


_Found = dict[ImageArm, tuple[ImageQuality, ...]]
_COUNTS = ("num_generated", "num_training", "num_held_out")
# Behind the table's toggle: without them it is as wide as the page.
_COUNTED = ("Images: generated / training / held-out", "Seeds")


def _numbers(found: _Found, quantities: Sequence[Quantity]) -> pd.DataFrame:
    """Means, with the number of seeds behind each as <metric>_seeds; <flag>_seeds counts the seeds flagged."""
    rows = []
    for (arm, class_name), measured in found.items():
        row: dict[str, object] = {**arm._asdict(), "class": class_name, "seeds": len(measured)}
        row |= {name: float(np.mean([getattr(quality, name) for quality in measured])) for name in _COUNTS}
        for metric in _metrics(quantities):
            row[metric], row[f"{metric}_seeds"] = seed_mean(measured, metric)
        row |= {f"{flag}_seeds": _num_flagged(measured, flag) for flag in FLAGS}
        rows.append(row)
    return pd.DataFrame(rows).astype(dict.fromkeys(_metrics(quantities), float))


def _metrics(quantities: Sequence[Quantity]) -> list[str]:
    """The metrics of `quantities` by name, each floor behind its own."""
    names = ([each.metric, f"{each.metric}_floor"] if each.with_floor else [each.metric] for each in quantities)
    return [name for pair in names for name in pair]


def _text(found: _Found, quantities: Sequence[Quantity]) -> pd.DataFrame:
    rows = [
        [
            *arm,
            class_name,
            *(_cell(measured, quantity) for quantity in quantities),
            _flag_cell(measured),
            " / ".join(_range([getattr(quality, name) for quality in measured]) for name in _COUNTS),
            len(measured),
        ]
        for (arm, class_name), measured in found.items()
    ]
    headings = [quantity.heading for quantity in quantities]
    columns = [*ARM_COLUMNS, "class", *headings, "Flags", *_COUNTED]
    return pd.DataFrame(rows, columns=columns)


def _cell(measured: Sequence[ImageQuality], quantity: Quantity) -> str:
    """A mean and in brackets its floor, each with its seeds where not all have it."""
    mean = _mean_text(measured, quantity.metric)
    if not quantity.with_floor:
        return mean
    floor = _mean_text(measured, f"{quantity.metric}_floor")
    return mean if mean == floor == TOO_FEW else f"{mean} ({floor})"


def _mean_text(measured: Sequence[ImageQuality], metric: str) -> str:
    mean, num_seeds = seed_mean(measured, metric)
    if mean is None:
        return TOO_FEW
    return magnitude(mean) + (f", {num_seeds} of {len(measured)} seeds" if num_seeds < len(measured) else "")


def _flag_cell(measured: Sequence[ImageQuality]) -> str:
    flagged = {flag: _num_flagged(measured, flag) for flag in FLAGS}
    return ", ".join(f"{flag} {number} of {len(measured)}" for flag, number in flagged.items() if number) or ABSENT


def _num_flagged(measured: Sequence[ImageQuality], flag: str) -> int:
    return sum(flag in quality.flags for quality in measured)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low}–{high}"


def flagged_images(records: Sequence[Trial], flag: str) -> list[str]:
    """The methods and classes whose images are flagged in some seed, and in how many."""
    several = len({condition.task for condition in conditions(records)}) > 1
    return [
        f"{arm.balancer} (class {class_name}{f' of {arm.dataset} with {arm.classifier}' if several else ''}, "
        f"ratio {ratio_text(arm.imbalance_ratio)}, {number} of {count(len(measured), 'seed')})"
        for (arm, class_name), measured in qualities(records).items()
        if (number := _num_flagged(measured, flag))
    ]
