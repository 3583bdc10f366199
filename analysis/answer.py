"""The answer of a study in two sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Literal, TypeAlias

import pandas as pd

from analysis.aggregate import Estimate, t_interval
from analysis.load import Study
from analysis.select import (
    CONDITION_COLUMNS,
    MAIN_METRIC,
    NO_BALANCING,
    Condition,
    Family,
    best_by_validation,
    conditions,
    confirmed,
    families,
    paired_gains,
    under,
)
from analysis.tables import Table, headed, without_constants
from analysis.wording import ABSENT, count, estimate_text, gain_phrase, listing, number, ratio_text
from trainables.record import TrialRecord

MINIMUM_SEEDS = 3

Verdict: TypeAlias = Literal["up", "down", "open", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What the confirmed trials say under one condition.

    `gan` and `rival` are the GAN and the simple method with the best mean gain on validation; `gain` is the
    GAN's paired test gain in minority F1 over no balancing, `difference` that over the rival. `rival` and
    `difference` are None where no setting has both trials.
    """

    condition: Condition
    gan: str
    gain: Estimate
    rival: str | None
    difference: Estimate | None


def verdict(estimate: Estimate) -> Verdict:
    """Whether the interval lies above 0 ("up"), below it ("down") or holds it ("open").

    "undecided" below three seeds, whose interval is too wide, or too lucky, to be believed.
    """
    if estimate.n < MINIMUM_SEEDS or estimate.low is None or estimate.high is None:
        return "undecided"
    if estimate.low > 0:
        return "up"
    return "down" if estimate.high < 0 else "open"


def contrasts(records: Sequence[TrialRecord]) -> tuple[Contrast, ...]:
    """One contrast for every condition in which a GAN was confirmed beside no balancing."""
    kinds = families(records)
    found = (_contrast(records, condition, kinds) for condition in conditions(confirmed(records)))
    return tuple(contrast for contrast in found if contrast is not None)


def _contrast(
    records: Sequence[TrialRecord], condition: Condition, kinds: Mapping[str, Family]
) -> Contrast | None:
    here = under(records, condition)
    gan = best_by_validation(here, condition, "GAN", kinds)
    gain = paired_estimate(here, gan, NO_BALANCING) if gan else None
    if gan is None or gain is None:
        return None
    rival = best_by_validation(here, condition, "simple", kinds)
    difference = paired_estimate(here, gan, rival) if rival else None
    return Contrast(condition=condition, gan=gan, gain=gain, rival=rival, difference=difference)


def paired_estimate(records: Sequence[TrialRecord], method: str, reference: str) -> Estimate | None:
    """The test difference in minority F1 between two methods over their common settings; None without one."""
    gains = paired_gains(records, MAIN_METRIC, reference=reference)
    values: pd.Series = gains.loc[gains["balancer"] == method, "value"]
    return None if values.empty else t_interval(values.tolist())


def answer(study: Study) -> tuple[str, str]:
    """Whether GAN augmentation helps, and how it compares with the best simple method: a sentence each."""
    found = contrasts(study.records)
    if not found:
        return _no_answer(study.records)
    if len(found) == 1:
        return _gain_sentence(found[0]), _rival_sentence(found[0])
    return _gain_sentences(found), _rival_sentences(found)


def _no_answer(records: Sequence[TrialRecord]) -> tuple[str, str]:
    kinds = families(records)
    best = max((r.objective for r in records if r.phase == "search" and r.objective is not None), default=None)
    reason = (
        "no GAN was confirmed beside no balancing on fresh seeds"
        if confirmed(records)
        else "the study has no confirmed trials"
    )
    first = f"There is no answer yet: {reason}."
    if best is None or "GAN" not in kinds.values():
        return first, "Run the study to its end for one."
    return first, (
        f"The best gain in the search so far is {number(best, signed=True)} in validation minority F1, which as "
        "the largest of many tries on one seed is no evidence; run the study to its end for one."
    )


def _where(condition: Condition) -> str:
    ratio = ratio_text(condition.imbalance_ratio)
    return f"{condition.dataset} with {condition.classifier} at imbalance ratio {ratio}"


_GAIN_OPENINGS: Mapping[Verdict, str] = {
    "up": "GAN augmentation helps on {where}",
    "down": "GAN augmentation hurts on {where}",
    "open": "There is no evidence that GAN augmentation helps or hurts on {where}",
    "undecided": "{seeds} cannot decide whether GAN augmentation helps on {where}",
}


def _gain_sentence(contrast: Contrast) -> str:
    where = _where(contrast.condition)
    opening = _GAIN_OPENINGS[verdict(contrast.gain)].format(where=where, seeds=count(contrast.gain.n, "seed"))
    return (
        f"{opening}: {contrast.gan}, the GAN chosen on validation, changes test minority F1 by "
        f"{gain_phrase(contrast.gain)} against no balancing."
    )


_RIVAL_OPENINGS: Mapping[Verdict, str] = {
    "up": "It is better than {rival}",
    "down": "It is worse than {rival}",
    "open": "There is no evidence of a difference from {rival}",
    "undecided": "{seeds} cannot tell it from {rival}",
}


def _rival_sentence(contrast: Contrast) -> str:
    if contrast.rival is None or contrast.difference is None:
        return "No simple method was confirmed in the same settings, so there is none to compare it with."
    estimate = contrast.difference
    opening = _RIVAL_OPENINGS[verdict(estimate)].format(rival=contrast.rival, seeds=count(estimate.n, "seed"))
    return (
        f"{opening}, the simple method chosen on validation: the paired difference in test minority F1 is "
        f"{gain_phrase(estimate)}."
    )


_GAIN_CLAUSES: Mapping[Verdict, str] = {
    "up": "helps at {ratios}",
    "down": "hurts at {ratios}",
    "open": "shows no evidence of a change at {ratios}",
    "undecided": "has too few seeds to decide at {ratios}",
}
_RIVAL_CLAUSES: Mapping[Verdict, str] = {
    "up": "is better at {ratios}",
    "down": "is worse at {ratios}",
    "open": "shows no evidence of a difference at {ratios}",
    "undecided": "has too few seeds to decide at {ratios}",
}


def _gain_sentences(found: Sequence[Contrast]) -> str:
    clauses = _by_task([(contrast, contrast.gain) for contrast in found], _GAIN_CLAUSES)
    return (
        "Judged by test minority F1 against no balancing, with the GAN chosen on validation under each condition, "
        f"GAN augmentation {clauses}."
    )


def _rival_sentences(found: Sequence[Contrast]) -> str:
    comparable = [(contrast, contrast.difference) for contrast in found if contrast.difference is not None]
    if not comparable:
        return "No simple method was confirmed in the same settings, so there is none to compare it with."
    return f"Against the simple method chosen in the same way, it {_by_task(comparable, _RIVAL_CLAUSES)}."


_Judged: TypeAlias = tuple[Contrast, Estimate]


def _by_task(judged: Sequence[_Judged], clauses: Mapping[Verdict, str]) -> str:
    """The verdicts on each data set and classifier, with the ratios at which they hold."""
    return "; ".join(
        f"{_verdicts(list(group), clauses)} on {task.dataset} with {task.classifier}"
        for task, group in groupby(judged, key=lambda pair: pair[0].condition.task)
    )


def _verdicts(judged: Sequence[_Judged], clauses: Mapping[Verdict, str]) -> str:
    members = {kind: [pair for pair in judged if verdict(pair[1]) == kind] for kind in clauses}
    return listing([clauses[kind].format(ratios=_ratios(pairs)) for kind, pairs in members.items() if pairs])


def _ratios(judged: Sequence[_Judged]) -> str:
    """Ratios, and the smallest and largest mean at them."""
    ratios = listing([ratio_text(contrast.condition.imbalance_ratio) for contrast, _ in judged])
    means = sorted(estimate.mean for _, estimate in judged)
    ends = dict.fromkeys(number(mean, signed=True) for mean in (means[0], means[-1]))
    return f"{'imbalance ratio' if len(judged) == 1 else 'imbalance ratios'} {ratios} (mean {' to '.join(ends)})"


_GAIN_WORDS: Mapping[Verdict, str] = {
    "up": "helps",
    "down": "hurts",
    "open": "no evidence",
    "undecided": "too few seeds",
}
_RIVAL_WORDS: Mapping[Verdict, str] = {**_GAIN_WORDS, "up": "better", "down": "worse"}


def contrast_table(study: Study) -> Table:
    """What the answer rests on: a row for each condition, with the methods chosen on validation."""
    found = contrasts(study.records)
    numbers = pd.DataFrame([_contrast_numbers(contrast) for contrast in found])
    columns = [*CONDITION_COLUMNS, "GAN", "Gain over none", "Verdict", "Simple method"]
    columns += ["GAN minus simple", "GAN is", "Seeds"]
    text = pd.DataFrame([_contrast_text(contrast) for contrast in found], columns=columns)
    return Table(
        name="contrasts",
        title="The GAN and the simple method chosen on validation, and what they reach on test",
        numbers=numbers,
        text=headed(without_constants(text)),
    )


def _contrast_numbers(contrast: Contrast) -> dict[str, object]:
    estimates = {"gain": contrast.gain, "difference": contrast.difference}
    return {
        **contrast.condition._asdict(),
        "gan": contrast.gan,
        "simple": contrast.rival,
        **{
            f"{name}_{field}": value
            for name, estimate in estimates.items()
            if estimate is not None
            for field, value in asdict(estimate).items()
        },
    }


def _contrast_text(contrast: Contrast) -> list[object]:
    difference = contrast.difference
    return [
        *contrast.condition,
        contrast.gan,
        estimate_text(contrast.gain, signed=True),
        _GAIN_WORDS[verdict(contrast.gain)],
        contrast.rival or ABSENT,
        estimate_text(difference, signed=True) if difference else ABSENT,
        _RIVAL_WORDS[verdict(difference)] if difference else ABSENT,
        contrast.gain.n,
    ]
