"""The answer of a study in two sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import pandas as pd

from gan_study.analysis import wording
from gan_study.analysis.load import Study
from gan_study.analysis.select import CONDITION_COLUMNS, Condition, confirmed, families
from gan_study.analysis.tables import Table
from gan_study.analysis.verdicts import AGAINST_SIMPLE_WORDS, MINIMUM_SEEDS, Comparison, Verdict, comparisons
from gan_study.analysis.wording import ABSENT, count, estimate_text, gain_phrase, listing, number, ratio_text
from gan_study.trainables.record import TrialRecord


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What the confirmed trials say of the GAN with the best mean gain on validation, under one condition."""

    gain: Comparison
    """The GAN beside no balancing."""
    difference: Comparison | None
    """The GAN beside the simple method with the best mean gain on validation; None if no setting has both."""

    @property
    def condition(self) -> Condition:
        """What both were confirmed under."""
        return self.gain.pairs.condition

    @property
    def gan(self) -> str:
        """The GAN."""
        return self.gain.pairs.method

    @property
    def rival(self) -> str | None:
        """The simple method."""
        return self.difference.pairs.reference if self.difference else None


def contrasts(study: Study) -> tuple[Contrast, ...]:
    """One contrast for every condition in which a GAN was confirmed beside no balancing."""
    asked = [comparison for comparison in comparisons(study) if comparison.pairs.asked]
    rivals = {each.pairs.condition: each for each in asked if each.pairs.against == "best simple method"}
    gains = [each for each in asked if each.pairs.against == "no balancing"]
    return tuple(Contrast(gain=gain, difference=rivals.get(gain.pairs.condition)) for gain in gains)


def answer(study: Study) -> tuple[str, str]:
    """Whether GAN augmentation helps, and how it compares with the best simple method: a sentence each."""
    found = contrasts(study)
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


_GAIN_OPENINGS: Mapping[Verdict, str] = {
    "helps": "GAN augmentation helps on {where}",
    "hurts": "GAN augmentation hurts on {where}",
    "no evidence": "There is no evidence that GAN augmentation helps or hurts on {where}",
    "too few seeds": "{seeds} cannot decide whether GAN augmentation helps on {where}",
}


def _gain_sentence(contrast: Contrast) -> str:
    place, gain = wording.where(contrast.condition), contrast.gain
    opening = _GAIN_OPENINGS[gain.verdict].format(where=place, seeds=count(gain.estimate.n, "seed"))
    return (
        f"{opening}: {contrast.gan}, the GAN chosen on validation, changes test minority F1 by "
        f"{gain_phrase(gain.estimate)} against no balancing{_reservation(gain)}."
    )


def _reservation(comparison: Comparison) -> str:
    """Why an interval on one side of 0 is no evidence, and how many seeds would decide; nothing where one did."""
    if comparison.verdict in ("helps", "hurts"):
        return ""
    if comparison.lacks_images:
        return ", but on as few test images as these that may be chance"
    if comparison.excludes_zero and comparison.verdict == "no evidence":
        return (
            f", but after Holm's correction for {comparison.family_size} comparisons it may be none"
            if comparison.effect_size
            else ", the same for every seed, which says nothing of its spread"
        )
    needed = comparison.seeds_needed
    return f"; an effect of that size takes about {max(needed, MINIMUM_SEEDS)} seeds to be found" if needed else ""


_RIVAL_OPENINGS: Mapping[Verdict, str] = {
    "helps": "It is better than {rival}",
    "hurts": "It is worse than {rival}",
    "no evidence": "There is no evidence of a difference from {rival}",
    "too few seeds": "{seeds} cannot tell it from {rival}",
}


def _rival_sentence(contrast: Contrast) -> str:
    difference = contrast.difference
    if difference is None:
        return "No simple method was confirmed in the same settings, so there is none to compare it with."
    opening = _RIVAL_OPENINGS[difference.verdict].format(
        rival=contrast.rival, seeds=count(difference.estimate.n, "seed")
    )
    return (
        f"{opening}, the simple method chosen on validation: the paired difference in test minority F1 is "
        f"{gain_phrase(difference.estimate)}{_reservation(difference)}."
    )


_GAIN_CLAUSES: Mapping[Verdict, str] = {
    "helps": "helps at {ratios}",
    "hurts": "hurts at {ratios}",
    "no evidence": "shows no evidence of a change at {ratios}",
    "too few seeds": "has too few seeds to decide at {ratios}",
}
_RIVAL_CLAUSES: Mapping[Verdict, str] = {
    "helps": "is better at {ratios}",
    "hurts": "is worse at {ratios}",
    "no evidence": "shows no evidence of a difference at {ratios}",
    "too few seeds": "has too few seeds to decide at {ratios}",
}


def _gain_sentences(found: Sequence[Contrast]) -> str:
    clauses = _by_task([contrast.gain for contrast in found], _GAIN_CLAUSES)
    return (
        "Judged by test minority F1 against no balancing, with the GAN chosen on validation under each condition, "
        f"GAN augmentation {clauses}."
    )


def _rival_sentences(found: Sequence[Contrast]) -> str:
    comparable = [contrast.difference for contrast in found if contrast.difference is not None]
    if not comparable:
        return "No simple method was confirmed in the same settings, so there is none to compare it with."
    return f"Against the simple method chosen in the same way, it {_by_task(comparable, _RIVAL_CLAUSES)}."


def _by_task(judged: Sequence[Comparison], clauses: Mapping[Verdict, str]) -> str:
    """The verdicts on each data set and classifier, with the ratios at which they hold."""
    return "; ".join(
        f"{_verdicts(list(group), clauses)} on {task.dataset} with {task.classifier}"
        for task, group in groupby(judged, key=lambda comparison: comparison.pairs.condition.task)
    )


def _verdicts(judged: Sequence[Comparison], clauses: Mapping[Verdict, str]) -> str:
    members = {verdict: [each for each in judged if each.verdict == verdict] for verdict in clauses}
    return listing([clauses[verdict].format(ratios=_ratios(alike)) for verdict, alike in members.items() if alike])


def _ratios(judged: Sequence[Comparison]) -> str:
    """Ratios, and the smallest and largest mean at them."""
    ratios = listing([ratio_text(comparison.pairs.condition.imbalance_ratio) for comparison in judged])
    means = sorted(comparison.estimate.mean for comparison in judged)
    ends = dict.fromkeys(number(mean, signed=True) for mean in (means[0], means[-1]))
    return f"{'imbalance ratio' if len(judged) == 1 else 'imbalance ratios'} {ratios} (mean {' to '.join(ends)})"


def contrast_table(study: Study) -> Table:
    """What the answer rests on: a row for each condition, with the methods chosen on validation."""
    found = contrasts(study)
    columns = [*CONDITION_COLUMNS, "GAN", "Gain over none", "Verdict", "Simple method"]
    columns += ["GAN minus simple", "GAN is", "Seeds"]
    return Table(
        name="contrasts",
        title="The GAN and the simple method chosen on validation, and what they reach on test",
        numbers=pd.DataFrame(map(_contrast_numbers, found)),
        rows=pd.DataFrame(map(_contrast_text, found), columns=columns),
    )


def _contrast_numbers(contrast: Contrast) -> dict[str, object]:
    found = {"gain": contrast.gain, "difference": contrast.difference}
    return {
        **contrast.condition._asdict(),
        "gan": contrast.gan,
        "simple": contrast.rival,
        **{
            f"{name}_{field}": value
            for name, comparison in found.items()
            if comparison is not None
            for field, value in asdict(comparison.estimate).items()
        },
    }


def _contrast_text(contrast: Contrast) -> list[object]:
    gain, difference = contrast.gain, contrast.difference
    return [
        *contrast.condition,
        contrast.gan,
        estimate_text(gain.estimate, signed=True),
        gain.verdict,
        contrast.rival or ABSENT,
        estimate_text(difference.estimate, signed=True) if difference else ABSENT,
        AGAINST_SIMPLE_WORDS[difference.verdict] if difference else ABSENT,
        gain.estimate.n,
    ]
