"""The first screen: the verdict in a line, three numbers, and the question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.comparisons.aggregate import estimate_of
from gan_study.analysis.comparisons.progress import confirmation_progress, planned_ratios
from gan_study.analysis.comparisons.verdicts import Comparison
from gan_study.analysis.inference.decisions import Verdict
from gan_study.analysis.inference.estimates import Estimate
from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.page.answer import Contrast, contrasts, doubts, no_answer
from gan_study.analysis.plots.palette import Kind, kind_of
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import NO_BALANCING, Condition, confirmed, method_kinds, within
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.threshold import remainders
from gan_study.analysis.wording import ABSENT, MINUS, count, first_few, listing, ratio_text


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One of the three numbers: a method's scores, and its gain; or the gain of the GAN over its rival."""

    title: str
    method: str
    kind: Kind | None
    f1: str
    recall: str
    gain: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All text of the first screen."""

    verdicts: tuple[tuple[str, str], ...]
    """By metric ("Minority F1", "Minority recall"), one line each."""
    asked: str
    """Data, classes, rare ones, ratio and classifier in a line."""
    tiles: tuple[Tile, ...]
    has_intervals: bool
    """Whether there are seeds enough for the intervals of their gains."""
    place: str
    """The condition of the tiles, if there are several."""
    chosen: Condition | None
    """That condition."""


def overview(study: Study) -> Overview:
    """The first screen of a study, even if it has no answer yet."""
    found = contrasts(study)
    of_tiles = found[-1] if found else None
    return Overview(
        verdicts=(
            *(("", doubt) for doubt in doubts(study)),
            *(_found_lines(found, study) if found else (("", no_answer(study.records)[0]),)),
        ),
        asked=_asked(study.records),
        tiles=_tiles(study, of_tiles) if of_tiles else (),
        has_intervals=of_tiles is not None and of_tiles.gain.estimate.low is not None,
        place=_place(of_tiles.condition) if of_tiles and len(found) > 1 else "",
        chosen=of_tiles.condition if of_tiles else None,
    )


def short(value: float | None, *, signed: bool = False) -> str:
    """A number with two decimals, for headlines; the tables have three."""
    if value is None or pd.isna(value):
        return ABSENT
    if round(value, 2) == 0:
        return "0.00"
    return f"{value:{'+' if signed else ''}.2f}".replace("-", MINUS)


def short_interval(estimate: Estimate) -> str:
    """A gain with its interval for headlines: "+0.41 [0.14, 0.67]"."""
    mean = short(estimate.mean, signed=True)
    if estimate.low is None or estimate.high is None or pd.isna(estimate.low):
        return mean
    return f"{mean} [{short(estimate.low)}, {short(estimate.high)}]"


_WORDS: dict[Verdict, str] = {
    "helps": "Helps",
    "hurts": "Hurts",
    "no worthwhile difference": "No worthwhile difference",
    "undecided": "Undecided",
}
_RIVAL_WORDS = _WORDS | {"helps": "Better", "hurts": "Worse"}
_OF_GAN: Mapping[Verdict, str] = {
    "helps": "helps",
    "hurts": "hurts",
    "no worthwhile difference": "makes no worthwhile difference",
}


def _found_lines(found: Sequence[Contrast], study: Study) -> tuple[tuple[str, str], ...]:
    return (*_verdict_lines(found, study), *_threshold_line(found[-1], study), *_so_far_line(found, study))


def _so_far_line(found: Sequence[Contrast], study: Study) -> tuple[tuple[str, str], ...]:
    """How much of the first round of seeds there is, and which ratios have no verdict; nothing if all is there."""
    progress = confirmation_progress(study)
    if progress.is_complete:
        return ()
    judged = {each.condition.imbalance_ratio for each in found}
    left = [ratio_text(ratio) for ratio in planned_ratios(study) if ratio is not None and ratio not in judged]
    unjudged = f"; no verdict yet at ratio{'s' if len(left) > 1 else ''} {listing(left)}" if left else ""
    return (("So far", f"{progress.run} of {progress.planned} confirmed trials{unjudged}"),)


def _threshold_line(of_tiles: Contrast, study: Study) -> tuple[tuple[str, str], ...]:
    """What the GAN of the tiles gains beyond a shifted threshold; nothing if its gain is not worthwhile."""
    several = len(planned_ratios(study)) > 1
    return tuple(
        (
            "Beyond a shifted threshold",
            f"{short_interval(each.left)} of {each.gan}'s {short(each.plain, signed=True)} in F1"
            f"{f', at ratio {ratio_text(each.condition.imbalance_ratio)}' if several else ''}",
        )
        for each in remainders(study)
        if each.condition == of_tiles.condition and each.plain >= study.verdicts.margin
    )


def _verdict_lines(found: Sequence[Contrast], study: Study) -> tuple[tuple[str, str], ...]:
    recalls = [each.recall for each in found if each.recall is not None]
    num_ratios = len(planned_ratios(study))
    if len(found) == 1:
        first = _one_verdict(found[0].gain, gan=found[0].gan) + _against_rival(found[0])
        return (("Minority F1", first), *(("Minority recall", _one_verdict(each)) for each in recalls))
    rivals = [each.difference for each in found if each.difference is not None]
    judged = {
        "Minority F1": ([each.gain for each in found], _WORDS),
        "Minority recall": (recalls, _WORDS),
        "F1 against simple method": (rivals, _RIVAL_WORDS),
    }
    lines = [(what, _over_ratios(some, words, num_ratios)) for what, (some, words) in judged.items() if some]
    # All of them are verdicts on the same seeds, so this is said once.
    return ((lines[0][0], lines[0][1] + _so_far_in_all(judged["Minority F1"][0])), *lines[1:])


def _one_verdict(comparison: Comparison, *, gan: str | None = None) -> str:
    """A verdict against no balancing; with `gan` the text names both."""
    if comparison.is_decided:
        limits = f" ({', '.join(comparison.reservations)})" if comparison.reservations else ""
        words = f"{gan} {_OF_GAN[comparison.verdict]}" if gan else _WORDS[comparison.verdict]
        gain = f"{short_interval(comparison.estimate)}{' over no balancing' if gan else ''}"
        return f"{words}: {gain}{limits}{_so_far(comparison)}"
    question = f" whether {gan} helps" if gan else ""
    seeds = count(comparison.estimate.n, "seed")
    return f"Undecided after {seeds}{question}; {_needed(comparison)}{_so_far(comparison)}"


def _so_far(comparison: Comparison) -> str:
    if comparison.is_exploratory:
        return " (exploratory)"
    return " (so far)" if comparison.is_provisional else ""


def _needed(comparison: Comparison) -> str:
    if comparison.lacks_images:
        return "more test images are needed"
    if not comparison.looks:
        return f"at least {MINIMUM_SEEDS} are needed"
    needed = comparison.seeds_needed
    return "more than 1,000 are needed" if needed is None else f"about {needed} are needed"


_RIVALS: Mapping[Verdict, str] = {
    "helps": "; better than {rival}",
    "hurts": "; worse than {rival}",
    "no worthwhile difference": "; no better and no worse than {rival}",
    "undecided": "; undecided whether better than {rival}",
}


def _against_rival(contrast: Contrast) -> str:
    if contrast.difference is None:
        return ""
    if not contrast.gain.is_decided and not contrast.difference.is_decided:
        return ""
    verdict, rival = contrast.difference.verdict, contrast.rival
    if verdict == "hurts" and contrast.gain.verdict == "helps":
        # The rival then helps as well; of a GAN that does not help, only that it is worse is known.
        return f"; {rival} helps more"
    return _RIVALS[verdict].format(rival=rival)


def _over_ratios(judged: Sequence[Comparison], words: Mapping[Verdict, str], num_ratios: int) -> str:
    """At which of the study's ratios it helps, hurts, makes no difference and is undecided, for each data set and
    classifier.
    """
    tasks = list(dict.fromkeys(each.pairs.condition.task for each in judged))
    said = []
    for task, group in groupby(judged, key=lambda each: each.pairs.condition.task):
        members = list(group)
        parts = [
            f"{words[verdict].lower()} at {_of_ratios(alike, num_ratios)}"
            for verdict in words
            if (alike := [each for each in members if each.verdict == verdict])
        ]
        where = f" ({task.dataset}, {task.classifier})" if len(tasks) > 1 else ""
        said.append(f"{', '.join(parts)}{where}")
    text = "; ".join(said)
    return text[0].upper() + text[1:]


def _so_far_in_all(judged: Sequence[Comparison]) -> str:
    """How much of the study the verdicts at several ratios are made of, where that is not all of it."""
    if not any(each.looks for each in judged):
        return f" (at least {MINIMUM_SEEDS} seeds are needed)"
    return " (so far)" if any(each.is_provisional for each in judged) else ""


def _of_ratios(alike: Sequence[Comparison], num_ratios: int) -> str:
    ratios = [ratio_text(each.pairs.condition.imbalance_ratio) for each in alike]
    if len(alike) >= num_ratios > 1:
        return "every ratio"
    return f"ratio{'s' if len(ratios) > 1 else ''} {listing(ratios)}"


def _tiles(study: Study, contrast: Contrast) -> tuple[Tile, ...]:
    summary = within(verdicts.summarise(study, metrics=("minority_f1", "minority_recall")), contrast.condition)
    estimates = {
        (row["balancer"], row["metric"], row["measure"]): estimate_of(row) for _, row in summary.iterrows()
    }
    kinds = method_kinds(study.records)

    def tile(title: str, method: str) -> Tile:
        f1, recall = (estimates.get((method, each, "score")) for each in ("minority_f1", "minority_recall"))
        gain = estimates.get((method, "minority_f1", "gain"))
        return Tile(
            title=title,
            method="" if method == NO_BALANCING else method,
            kind=kind_of(method, kinds[method]),
            f1=short(f1.mean) if f1 else ABSENT,
            recall=short(recall.mean) if recall else ABSENT,
            gain=short_interval(gain) if gain else "",
        )

    return (
        tile("No balancing", NO_BALANCING),
        *([tile("Chosen simple method", contrast.rival)] if contrast.rival else []),
        tile("Chosen GAN", contrast.gan),
        *(tile("Other generator", name) for name, kind in kinds.items() if kind == "other generator"),
        *([] if contrast.difference is None else [_difference(contrast.difference.estimate)]),
    )


def _difference(estimate: Estimate) -> Tile:
    gain = short_interval(estimate)
    return Tile(title="GAN minus simple method", method="", kind=None, f1="", recall="", gain=gain)


def _place(condition: Condition) -> str:
    return f"{condition.dataset}, {condition.classifier}, imbalance ratio {ratio_text(condition.imbalance_ratio)}"


def _asked(records: Sequence[Trial]) -> str:
    """What was asked, in a line: "digits (10 classes; rare: 8) · imbalance ratio 5 · classifier simple_cnn"."""
    parts = []
    for dataset in dict.fromkeys(record.dataset for record in records):
        here = [record for record in records if record.dataset == dataset]
        named = [record for record in here if record.class_names]
        classes = _classes(named) if named else ""
        ratios = [ratio_text(ratio) for ratio in sorted({record.imbalance_ratio for record in here})]
        classifiers = sorted({record.classifier for record in here})
        ratio = f"imbalance ratio{'s' if len(ratios) > 1 else ''} {listing(ratios)}"
        parts.append(f"{dataset}{classes} · {ratio} · classifier {listing(classifiers)}")
    seeds = len({record.seed for record in confirmed(records)})
    return " · ".join([*parts, *([count(seeds, "seed")] if seeds else []), count(len(records), "trial")])


def _classes(records: Sequence[Trial]) -> str:
    """How many classes there are, the rare ones, and how many training images these have, over all ratios."""
    first = records[0]
    rare = [first.class_names[index] for index in first.minority_classes]
    number = f"{len(first.class_names)} classes"
    numbers = {
        record.class_counts.training[index]
        for record in records
        if record.class_counts is not None
        for index in record.minority_classes
    }
    images = ""
    if numbers:
        ends = dict.fromkeys((min(numbers), max(numbers)))
        images = f", with {' to '.join(map(str, ends))} training images{' each' if len(rare) > 1 else ''}"
    return f" ({number}; rare: {listing(first_few(rare))}{images})" if rare else f" ({number})"
