"""The answer of a study in a few sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import pandas as pd

from gan_study.analysis.comparisons.training_length import CUT_BY_BUDGET, CUT_OFF
from gan_study.analysis.comparisons.verdicts import Comparison, comparisons
from gan_study.analysis.inference.decisions import Verdict
from gan_study.analysis.page.frozen_baseline import frozen_sentences
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import (
    CONDITION_COLUMNS,
    Condition,
    comparable,
    confirmed,
    method_kinds,
    under,
)
from gan_study.analysis.tables.row_trials import TRIAL_IDS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.tables.threshold import threshold_sentences
from gan_study.analysis.tables.verdicts import verdict_text
from gan_study.analysis.wording import ABSENT, count, estimate_text, gain_phrase, listing, number, ratio_text
from gan_study.analysis.wording import where as where_text
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.records.study_header import DUPLICATES


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The results of the confirmed trials of the GAN with the best mean gain on validation, under one
    condition.
    """

    gain: Comparison
    """The GAN against no balancing, by minority F1."""
    recall: Comparison | None
    """The same by minority recall."""
    difference: Comparison | None
    """The GAN against the simple method with the best mean gain on validation; None if no setting has both."""
    duplicates: Comparison | None
    """The GAN against as many copies of real images; None if there are none."""

    @property
    def condition(self) -> Condition:
        """The condition of all of them."""
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
    """One contrast for every condition in which both a GAN and no balancing were confirmed."""
    asked = [comparison for comparison in comparisons(study) if comparison.pairs.asked]
    found = {(each.pairs.condition, each.pairs.metric, each.pairs.against): each for each in asked}
    return tuple(
        Contrast(
            gain=gain,
            recall=found.get((condition, "minority_recall", "no balancing")),
            difference=found.get((condition, "minority_f1", "best simple method")),
            duplicates=found.get((condition, "minority_f1", "duplicates")),
        )
        for (condition, metric, against), gain in found.items()
        if (metric, against) == ("minority_f1", "no balancing")
    )


def answer(study: Study) -> tuple[str, ...]:
    """Whether GAN augmentation helps, and how it compares with the best simple method: a sentence or two each."""
    return (*doubts(study), *_own_answer(study))


def doubts(study: Study) -> Iterator[str]:
    """What makes the whole answer doubtful: files of the study that are not as the study wrote them."""
    if not study.is_as_written:
        yield "study.json was edited by hand after the study had begun; `gan-study check` lists the changes."
    if study.foreign:
        more = f" and {len(study.foreign) - 1} more" if study.foreign[1:] else ""
        yield (
            f"Do not rely on these numbers: {len(study.foreign)} of {len(study.records)} records are not as this "
            f"study wrote them (trial {study.foreign[0]}{more}); `gan-study check` names each."
        )


def _own_answer(study: Study) -> tuple[str, ...]:
    found = contrasts(study)
    if not found:
        return no_answer(study.records)
    said = (
        (
            _gain_sentence(found[0]),
            _recall_sentence(found[0]),
            _rival_sentence(found[0]),
            _copies_sentence(found[0], study.records),
        )
        if len(found) == 1
        else (_gain_sentences(found), _rival_sentences(found))
    )
    # What was only a shifted threshold belongs beside the gain; of several conditions that of the last, whose
    # numbers are on the first screen. The page has it for all.
    why = threshold_sentences(study)[-1:]
    frozen = frozen_sentences(study.records)
    warning = EXPLORATORY if any(each.is_exploratory for each in comparisons(study)) else ""
    provisional = PROVISIONAL if any(each.is_provisional for each in comparisons(study)) else ""
    return tuple(sentence for sentence in (*said, *why, *frozen, provisional, warning) if sentence)


PROVISIONAL = "The last round of seeds is not complete: until it is, these findings are provisional."
EXPLORATORY = (
    "Seeds were added to this study after its results had been seen, which was not planned: these "
    "findings are exploratory, and a new study must confirm them."
)


def no_answer(records: Sequence[TrialRecord]) -> tuple[str, str]:
    """Why there is no answer, and what to do: a sentence each."""
    kinds = method_kinds(records)
    best = max((r.objective for r in comparable(records) if r.objective is not None), default=None)
    reason = (
        "no GAN was confirmed beside no balancing on fresh seeds"
        if confirmed(records)
        else "the study has no confirmed trials"
    )
    first = f"There is no answer yet: {reason}."
    if best is None or "GAN" not in kinds.values():
        return first, "Let the study finish for a comparison."
    return first, (
        f"The best gain in the search so far is {number(best, signed=True)} in validation minority F1. "
        f"As the largest of many attempts on one seed it is not evidence; let the study finish for an answer."
    )


_GAIN_OPENINGS: Mapping[Verdict, str] = {
    "helps": "GAN augmentation helps on {where}",
    "hurts": "GAN augmentation hurts on {where}",
    "no worthwhile difference": "GAN augmentation makes no worthwhile difference on {where}",
    "undecided": "Whether GAN augmentation helps on {where} is undecided after {seeds}",
}


def _gain_sentence(contrast: Contrast) -> str:
    gain = contrast.gain
    opening = _GAIN_OPENINGS[gain.verdict].format(
        where=where_text(contrast.condition), seeds=count(gain.estimate.n, "seed")
    )
    return (
        f"{opening}: {contrast.gan}, the GAN chosen on validation, changes test minority F1 by "
        f"{gain_phrase(gain.estimate)} against no balancing{_what_would_decide(gain)}.{_length_sentence(gain)}"
    )


# A reservation as a clause of a sentence.
_RESERVATIONS = {CUT_OFF: f"its GAN was {CUT_OFF}", CUT_BY_BUDGET: CUT_BY_BUDGET}


def _length_sentence(comparison: Comparison) -> str:
    """That a GAN which does not help might have, had it been trained for longer; empty if it does."""
    said = " and ".join(_RESERVATIONS[each] for each in comparison.reservations)
    return f" {said[0].upper()}{said[1:]}: a longer training may change the result." if said else ""


def _beside(comparison: Comparison) -> str:
    """What must be said beside a further verdict on the same GAN, in brackets."""
    said = " and ".join(_RESERVATIONS[each] for each in comparison.reservations)
    return f" ({said})" if said else ""


_RECALL_WORDS: Mapping[Verdict, str] = {
    "helps": "more",
    "hurts": "fewer",
    "no worthwhile difference": "about as many",
}


def _recall_sentence(contrast: Contrast) -> str:
    recall = contrast.recall
    if recall is None:
        return ""
    if recall.verdict == "undecided":
        change = gain_phrase(recall.estimate)
        return (
            f"Its change of minority recall, {change}, is undecided{_what_would_decide(recall)}{_beside(recall)}."
        )
    return (
        f"It finds {_RECALL_WORDS[recall.verdict]} of the rare images: test minority recall changes by "
        f"{gain_phrase(recall.estimate)}{_beside(recall)}."
    )


def _what_would_decide(comparison: Comparison) -> str:
    """What an undecided question needs; empty if it is decided."""
    if comparison.is_decided:
        return ""
    if comparison.lacks_images:
        smallest = number(comparison.smallest_decidable)
        return f"; no number of seeds decides it, as these test images can decide no gain below {smallest}"
    needed = comparison.seeds_needed
    if needed is None:
        return "; it would take more than 1,000 seeds to decide" if comparison.looks else ""
    if needed > comparison.most_seeds:
        return f"; a study of about {needed} seeds would decide it"
    return f"; about {count(needed, 'seed')} in all would decide it"


_RIVAL_OPENINGS: Mapping[Verdict, str] = {
    "helps": "It is better than {rival}, the simple method chosen on validation",
    "hurts": "It is worse than {rival}, the simple method chosen on validation",
    "no worthwhile difference": "It is within {margin:g} of {rival}, the simple method chosen on validation",
    "undecided": "Whether it is better than {rival}, the simple method chosen on validation, is undecided",
}


def _rival_sentence(contrast: Contrast) -> str:
    difference = contrast.difference
    if difference is None:
        return "No simple method was confirmed in the same settings, so there is no comparison with one."
    opening = _RIVAL_OPENINGS[difference.verdict].format(rival=contrast.rival, margin=difference.margin)
    return (
        f"{opening}: the paired difference in test minority F1 is "
        f"{gain_phrase(difference.estimate)}{_what_would_decide(difference)}{_beside(difference)}."
    )


_COPIES_WORDS: Mapping[Verdict, str] = {
    "helps": "Its images are worth more than as many copies of real ones",
    "hurts": "Its images are worth less than as many copies of real ones",
    "no worthwhile difference": "Its images and as many copies of real ones differ by less than the margin",
    "undecided": "Whether its images are worth more than as many copies of real ones is undecided",
}


def _copies_sentence(contrast: Contrast, records: Sequence[TrialRecord]) -> str:
    copies = contrast.duplicates
    if copies is None:
        return _why_no_copies(contrast, records)
    if contrast.rival == copies.pairs.reference:
        return ""
    return f"{_COPIES_WORDS[copies.verdict]}: {gain_phrase(copies.estimate)}{_beside(copies)}."


def _why_no_copies(contrast: Contrast, records: Sequence[TrialRecord]) -> str:
    """Why duplicates, which fill the classes, are no control for a GAN that fills them in part."""
    here = confirmed(under(records, contrast.condition))
    doses = {each.generated.dose for each in here if each.balancer == contrast.gan and each.generated}
    partial = sorted(dose for dose in doses if dose is not None and dose < 1)
    if not partial or not any(each.balancer == DUPLICATES for each in here):
        return ""
    return (
        f"It is not compared with as many copies of real images: its dose is "
        f"{listing([f'{dose:g}' for dose in partial])} of the missing images, but duplicates add all of them."
    )


_GAIN_CLAUSES: Mapping[Verdict, str] = {
    "helps": "helps at {ratios}",
    "hurts": "hurts at {ratios}",
    "no worthwhile difference": "makes no worthwhile difference at {ratios}",
    "undecided": "is undecided at {ratios}",
}
_RIVAL_CLAUSES: Mapping[Verdict, str] = {
    "helps": "is better at {ratios}",
    "hurts": "is worse at {ratios}",
    "no worthwhile difference": "is as good at {ratios}",
    "undecided": "is undecided at {ratios}",
}


def _gain_sentences(found: Sequence[Contrast]) -> str:
    clauses = _by_task([contrast.gain for contrast in found], _GAIN_CLAUSES)
    return (
        "Judged by test minority F1 against no balancing, with the GAN chosen on validation under each condition, "
        f"GAN augmentation {clauses}.{_length_ratios([contrast.gain for contrast in found])}"
    )


def _length_ratios(judged: Sequence[Comparison]) -> str:
    """At which ratios a GAN that does not help might, if it were trained for longer; nothing if at none."""
    limited = {
        clause: [
            ratio_text(each.pairs.condition.imbalance_ratio) for each in judged if clause in each.reservations
        ]
        for clause in _RESERVATIONS
    }
    said = " and ".join(
        f"{_RESERVATIONS[clause]} at {listing(list(dict.fromkeys(ratios)))}"
        for clause, ratios in limited.items()
        if ratios
    )
    return f" {said[0].upper()}{said[1:]}: a longer training may change the result." if said else ""


def _rival_sentences(found: Sequence[Contrast]) -> str:
    rivals = [contrast.difference for contrast in found if contrast.difference is not None]
    if not rivals:
        return "No simple method was confirmed in the same settings, so there is no comparison with one."
    clauses = _by_task(rivals, _RIVAL_CLAUSES)
    return f"Against the simple method chosen in the same way, it {clauses}.{_length_ratios(rivals)}"


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
    """The basis of the answer: a row for each condition, with the methods chosen on validation."""
    found = contrasts(study)
    ids = [" ".join(_trial_ids(study.records, contrast)) for contrast in found]
    columns = [*CONDITION_COLUMNS, "GAN", "Gain over none", "Verdict", "Simple method"]
    columns += ["GAN minus simple", "GAN is", "GAN minus duplicates", "Its images are", "Seeds"]
    return Table(
        name="contrasts",
        title="The GAN and the simple method chosen on validation, with their test scores",
        numbers=pd.DataFrame(map(_contrast_numbers, found)).assign(**{TRIAL_IDS: ids}),
        rows=pd.DataFrame(map(_contrast_text, found), columns=columns).assign(**{TRIAL_IDS: ids}),
        # The gain over no balancing and its verdict stand in the table of results.
        more=("Gain over none", "Verdict", "GAN minus duplicates", "Its images are", "Seeds"),
    )


def _trial_ids(records: Sequence[TrialRecord], contrast: Contrast) -> list[str]:
    """The confirmed trials behind a contrast, in the order of the records."""
    found = (contrast.gain, contrast.recall, contrast.difference, contrast.duplicates)
    behind = {
        (setting, name)
        for each in found
        if each is not None
        for setting in each.pairs.setting_ids
        for name in (each.pairs.method, each.pairs.reference)
    }
    return [each.trial_id for each in confirmed(records) if (each.setting_id, each.balancer) in behind]


def _contrast_numbers(contrast: Contrast) -> dict[str, object]:
    found = {"gain": contrast.gain, "difference": contrast.difference, "duplicates": contrast.duplicates}
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
    beside = [
        cell
        for each in (contrast.difference, contrast.duplicates)
        for cell in ((estimate_text(each.estimate, signed=True), verdict_text(each)) if each else (ABSENT, ABSENT))
    ]
    return [
        *contrast.condition,
        contrast.gan,
        estimate_text(contrast.gain.estimate, signed=True),
        verdict_text(contrast.gain),
        contrast.rival or ABSENT,
        *beside,
        contrast.gain.estimate.n,
    ]
