"""Why a method gained: by a shifted threshold, or because its images taught the classifier to rank better.

A balanced training set makes a classifier predict the rare classes more often. Moving the threshold of a
classifier that was trained without balancing has the same effect and costs nothing (Buda et al. 2018). Here the
predictions of both are corrected to the same prior, the test set's, on validation images; the gain that is left
is not an effect of the threshold.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from gan_study.analysis.comparisons.verdicts import gains as gains_of
from gan_study.analysis.inference.estimates import Estimate, t_interval
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.recalibration import fit_shifts, fitted_parts
from gan_study.analysis.records.select import (
    ARM_COLUMNS,
    NO_BALANCING,
    Arm,
    Condition,
    best_by_validation,
    by_arm,
    conditions,
    confirmed,
    method_kinds,
)
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.curves import average_precision, rare_class_counts, roc_auc
from gan_study.analysis.tables.row_trials import GAINS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, estimate_text, number, where
from gan_study.trainables.classifiers.scores import confusion_matrix, precision_recall_f1

# What trials are compared by: minority F1 as predicted and at the same prior, and the areas of rare classes.
PLAIN, CORRECTED = "minority_f1", "minority_f1_same_prior"
AREAS: Mapping[str, Callable[..., float]] = {"roc_auc": roc_auc, "auprc": average_precision}
_Key = TypeVar("_Key", bound=Hashable)
_HEADINGS = {
    PLAIN: "Gain in minority F1",
    CORRECTED: "Gain at the same prior",
    "roc_auc": "Gain in AUROC of the rare classes",
    "auprc": "Gain in AUPRC of the rare classes",
}


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Scores of one trial on the test set, means over its fits.

    `overall` by PLAIN, CORRECTED and AREAS, and `by_class` the areas of each rare class, by its name and AREAS.
    """

    overall: Mapping[str, float]
    by_class: Mapping[tuple[str, str], float]


def threshold_tables(study: Study) -> tuple[Table, ...]:
    """The gains of each method, and those in the ranking of each rare class; none without stored predictions."""
    gains = paired_gains(study)
    if not gains:
        return ()
    judged = {Arm(*each.pairs.condition, each.pairs.method): each.estimate for each in gains_of(study)}
    return _overall_table(gains, judged), _class_table(gains)


# The table and the sentences ask for the same, and to correct all predictions takes a while.
@lru_cache(maxsize=4)
def paired_gains(study: Study) -> dict[Arm, list[Ranked]]:
    """Each method's gains over no balancing in the same setting, one entry for each seed, for everything in
    `Ranked`.

    A trial has an entry if the predictions of both parts are stored, for it and for its partner.
    """
    groups = by_arm(confirmed(study.records))
    partners = {
        trial.setting_id: rank(trial)
        for arm, trials in groups.items()
        if arm.balancer == NO_BALANCING
        for trial in trials
    }
    gains = {
        arm: [
            _difference(ranked, partner)
            for trial in trials
            if (partner := partners.get(trial.setting_id)) and (ranked := rank(trial))
        ]
        for arm, trials in groups.items()
        if arm.balancer != NO_BALANCING
    }
    return {arm: seeds for arm, seeds in gains.items() if seeds}


def rank(trial: Trial) -> Ranked | None:
    """What a trial scores; None unless the predictions of both parts are stored and a rare class was tested."""
    parts, counts = fitted_parts(trial), rare_class_counts(trial)
    if parts is None or not counts:
        return None
    validation, test = parts
    shifts = fit_shifts(validation)
    by_class = {
        (trial.class_names[label], name): float(np.mean([area(each) for each in fits]))
        for label, fits in counts.items()
        for name, area in AREAS.items()
    }
    overall = {
        PLAIN: _minority_f1(test.labels, test.log_probabilities, list(counts)),
        CORRECTED: _minority_f1(test.labels, test.log_probabilities + shifts[:, None, :], list(counts)),
        **{name: float(np.mean([value for (_, n), value in by_class.items() if n == name])) for name in AREAS},
    }
    return Ranked(overall=overall, by_class=by_class)


def _minority_f1(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], minority: Sequence[int]) -> float:
    """Mean F1 of the rare classes, over the fits, of the largest `scores` [fits, N, K]."""
    matrices = [confusion_matrix(labels, each.argmax(axis=1), scores.shape[2]) for each in scores]
    return float(np.mean([precision_recall_f1(matrix)[2][minority].mean() for matrix in matrices]))


def _difference(ranked: Ranked, partner: Ranked) -> Ranked:
    return Ranked(
        overall={name: value - partner.overall[name] for name, value in ranked.overall.items()},
        by_class={name: value - partner.by_class[name] for name, value in ranked.by_class.items()},
    )


def _overall_table(gains: Mapping[Arm, Sequence[Ranked]], judged: Mapping[Arm, Estimate]) -> Table:
    """A row for each method; the plain gain of those that are `judged` has the interval of its verdict."""
    estimates = {arm: _estimates([seed.overall for seed in seeds]) for arm, seeds in gains.items()}
    estimates |= {arm: {**estimates[arm], PLAIN: each} for arm, each in judged.items() if arm in estimates}
    numbers = [(*arm, name, *astuple(each)) for arm, found in estimates.items() for name, each in found.items()]
    # The plain gains stand in the table of results; the largest first, as there.
    shown = {key: heading for key, heading in _HEADINGS.items() if key != PLAIN}
    arms = sorted(estimates, key=lambda arm: (*arm[:-1], -estimates[arm][PLAIN].mean, arm.balancer))
    text = [(*arm, *_texts(estimates[arm], shown)) for arm in arms]
    return Table(
        name="why_it_gained",
        title="Gains on the test set at the same prior, and in ranking",
        numbers=pd.DataFrame(numbers, columns=[*ARM_COLUMNS, "metric", "n", "mean", "low", "high"]),
        rows=pd.DataFrame(text, columns=[*ARM_COLUMNS, *shown.values()]),
        origin=GAINS,
    )


def _class_table(gains: Mapping[Arm, Sequence[Ranked]]) -> Table:
    """A row for each method and rare class."""
    estimates = {arm: _estimates([seed.by_class for seed in seeds]) for arm, seeds in gains.items()}
    numbers = [
        (*arm, name, metric, *astuple(each))
        for arm, found in estimates.items()
        for (name, metric), each in found.items()
    ]
    text = [
        (*arm, name, *_texts(found, [(name, metric) for metric in AREAS]))
        for arm, found in estimates.items()
        for name in dict.fromkeys(name for name, _ in found)
    ]
    return Table(
        name="ranking",
        title="Gains in AUROC and AUPRC of each rare class on the test set",
        numbers=pd.DataFrame(numbers, columns=[*ARM_COLUMNS, "class", "metric", "n", "mean", "low", "high"]),
        rows=pd.DataFrame(text, columns=[*ARM_COLUMNS, "class", "Gain in AUROC", "Gain in AUPRC"]),
        origin=GAINS,
    )


def _estimates(seeds: Sequence[Mapping[_Key, float]]) -> dict[_Key, Estimate]:
    """The mean gain by what it is a gain in."""
    return {key: t_interval([seed[key] for seed in seeds], bounds=(-1.0, 1.0)) for key in seeds[0]}


def _texts(estimates: Mapping[_Key, Estimate], keys: Iterable[_Key]) -> list[str]:
    return [estimate_text(estimates[key], signed=True) if key in estimates else ABSENT for key in keys]


class Remainder(NamedTuple):
    """What is left at the same prior of the gain of the GAN that validation chose; means over seeds."""

    condition: Condition
    gan: str
    plain: float
    """The gain in minority F1."""
    left: Estimate
    """The same after the predictions of both arms are corrected to the same prior."""
    roc_auc: float
    """The gain in AUROC of the rare classes."""
    auprc: float


def remainders(study: Study) -> tuple[Remainder, ...]:
    """One for each condition in which a GAN was confirmed beside no balancing and predictions are stored."""
    records = study.records
    gains, kinds = paired_gains(study), method_kinds(records)
    chosen = [
        (condition, best_by_validation(records, condition, "GAN", kinds))
        for condition in conditions(confirmed(records))
    ]
    return tuple(
        _remainder(condition, gan, seeds)
        for condition, gan in chosen
        if gan is not None and (seeds := gains.get(Arm(*condition, gan)))
    )


def _remainder(condition: Condition, gan: str, seeds: Sequence[Ranked]) -> Remainder:
    found = _estimates([seed.overall for seed in seeds])
    return Remainder(
        condition=condition,
        gan=gan,
        plain=found[PLAIN].mean,
        left=found[CORRECTED],
        roc_auc=found["roc_auc"].mean,
        auprc=found["auprc"].mean,
    )


def threshold_sentences(study: Study) -> tuple[str, ...]:
    """Which part of each chosen GAN's gain was a shifted threshold, one for each condition."""
    return tuple(_sentence(each, margin=study.verdicts.margin) for each in remainders(study))


def _sentence(found: Remainder, *, margin: float) -> str:
    plain, left, roc, auprc = (
        number(each, signed=True) for each in (found.plain, found.left.mean, found.roc_auc, found.auprc)
    )
    place = where(found.condition)
    # Whoever does not balance can move the threshold as well.
    rest = (
        " The rest is a shifted threshold, which costs nothing without balancing."
        if is_shift(found, margin)
        else ""
    )
    change = (
        f"of the {plain} in minority F1 that {found.gan} gains, {left} is left"
        if found.plain > 0
        else f"{found.gan} changes minority F1 by {plain}, and by {left}"
    )
    return (
        f"{place[0].upper()}{place[1:]}: {change} after both are corrected to the same prior.{rest} "
        f"The rare classes' AUROC changes by {roc}, their AUPRC by {auprc}."
    )


def is_shift(found: Remainder, margin: float) -> bool:
    """Whether at least half of a gain worth having is a shifted threshold."""
    return found.plain >= margin and found.left.mean <= found.plain / 2
