"""The components of the variance of a method's scores: splits, the GAN, fits of the classifier, test images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import pandas as pd

from gan_study.analysis.comparisons.verdicts import gains
from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.records import select
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, MAIN_METRIC, Arm, Condition, MethodKind
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, number


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviations of the test minority F1 of one method, each None if it cannot be estimated.

    A nested design: fits within balanced sets, one set a seed (Searle, Casella and McCulloch 1992, "Variance
    Components", section 3.5). A GAN is trained once for each split, so its component is the variance of its method
    between splits minus the mean variance between splits of the methods without a GAN.
    """

    seeds: int
    fits: int
    over_fits: float | None
    over_splits: float | None
    over_gans: float | None
    over_images: float | None
    """The standard deviation of the gain over no balancing for other test images."""


def spreads(study: Study) -> dict[Arm, Spread]:
    """The variance components of every confirmed method with at least three seeds."""
    kinds = select.method_kinds(study.records)
    scores = {arm: _scores(trials) for arm, trials in select.by_arm(select.confirmed(study.records)).items()}
    scores = {arm: found for arm, found in scores.items() if len(found) >= MINIMUM_SEEDS}
    simple = _between_splits(scores, kinds)
    images = {Arm(*each.pairs.condition, each.pairs.method): each.looks[-1] for each in gains(study) if each.looks}
    return {
        arm: _spread(
            values,
            split=simple.get(Condition(*arm[:3])) if kinds[arm.balancer] in ("GAN", "other generator") else None,
            over_images=images[arm].image_error or None if arm in images else None,
        )
        for arm, values in scores.items()
    }


def _between_splits(
    scores: Mapping[Arm, Sequence[Sequence[float]]], kinds: Mapping[str, MethodKind]
) -> dict[Condition, float]:
    """The mean variance between splits of the methods without a GAN."""
    found: dict[Condition, list[float]] = {}
    for arm, values in scores.items():
        if kinds[arm.balancer] in ("no balancing", "simple"):
            found.setdefault(Condition(*arm[:3]), []).append(_between(values))
    return {condition: fmean(variances) for condition, variances in found.items()}


def _spread(scores: Sequence[Sequence[float]], *, split: float | None, over_images: float | None) -> Spread:
    """The spread of one method; `split` is the variance between splits where its own has a GAN's in it."""
    between = _between(scores)
    return Spread(
        seeds=len(scores),
        fits=min(map(len, scores)),
        over_fits=_root(_within(scores)),
        over_splits=_root(between if split is None else split),
        over_gans=None if split is None else _root(between - split),
        over_images=over_images,
    )


def _scores(trials: Sequence[Trial]) -> list[list[float]]:
    """The test minority F1 of every fit, a list for each trial whose scores are stored."""
    stored = [trial.read("scores/metrics", "test/overall") for trial in trials]
    return [each[1][:, each[0].tolist().index(MAIN_METRIC)].tolist() for each in stored if each is not None]


def _within(scores: Sequence[Sequence[float]]) -> float | None:
    """The variance over fits within a trial; None with one fit each."""
    variances = [float(np.var(fits, ddof=1)) for fits in scores if len(fits) > 1]
    return fmean(variances) if variances else None


def _between(scores: Sequence[Sequence[float]]) -> float:
    """The variance between trials beyond what their fits explain, at least 0."""
    fits = fmean(map(len, scores))
    return max(0.0, float(np.var([fmean(each) for each in scores], ddof=1)) - (_within(scores) or 0.0) / fits)


def _root(variance: float | None) -> float | None:
    return None if variance is None else float(np.sqrt(max(0.0, variance)))


_HEADINGS: Mapping[str, str] = {
    "over_fits": "Over fits",
    "over_splits": "Over splits",
    "over_gans": "Over GANs",
    "over_images": "Of the gain over test images",
}


def spread_tables(study: Study) -> tuple[Table, ...]:
    """One table, a row for each condition and method; none with fewer than three seeds."""
    found = spreads(study)
    if not found:
        return ()
    numbers = pd.DataFrame([{**arm._asdict(), **vars(each)} for arm, each in found.items()])
    rows = [
        [*arm, each.seeds, each.fits, *(number(getattr(each, name)) for name in _HEADINGS)]
        for arm, each in found.items()
    ]
    columns = [*ARM_COLUMNS, "Seeds", "Fits a seed", *_HEADINGS.values()]
    text = pd.DataFrame(rows, columns=columns).replace({None: ABSENT})
    title = "Components of the variance of minority F1 (standard deviations)"
    return (Table(name="spread", title=title, numbers=numbers, rows=text),)
