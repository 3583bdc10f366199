"""What each method is worth under each condition, in a word: helps, hurts, no evidence, too few seeds.

Every verdict of the report is made here, after Holm's correction: by the paired test over seeds, and by that over
test images, since neither another seed nor other images may turn it round.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from gan_study.analysis import select, statistics
from gan_study.analysis.aggregate import Estimate, t_interval
from gan_study.analysis.load import Study
from gan_study.analysis.select import ARM_COLUMNS, MAIN_METRIC, NO_BALANCING, Arm, Condition, Family
from gan_study.analysis.statistics import LEVEL, HolmStep
from gan_study.analysis.tables import Table
from gan_study.analysis.trial import Trial
from gan_study.analysis.wording import ABSENT, estimate_text, number, p_text
from gan_study.trainables.record import RecordError

# Two values have an interval, but one that a lucky pair makes as narrow as it likes.
MINIMUM_SEEDS = 3

Verdict: TypeAlias = Literal["helps", "hurts", "no evidence", "too few seeds"]
Against: TypeAlias = Literal["no balancing", "best simple method"]

AGAINST_SIMPLE_WORDS: Mapping[Verdict, str] = {
    "helps": "better",
    "hurts": "worse",
    "no evidence": "no evidence",
    "too few seeds": "too few seeds",
}


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The test scores in minority F1 of `method` minus those of `reference` in the same settings, a seed each.

    `asked` where it is what the study set out to know: of the GAN that validation chose.
    """

    condition: Condition
    method: str
    against: Against
    reference: str
    asked: bool
    setting_ids: tuple[str, ...]
    differences: tuple[float, ...]

    @property
    def decidable(self) -> bool:
        """Whether there are seeds enough for a verdict."""
        return len(self.differences) >= MINIMUM_SEEDS


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A paired comparison and its verdict.

    `seeds_p` is the p value over seeds and `images_p` that over test images, both before correction; `images_p` is
    None where not all predictions are stored. `p_value` is the larger of the two after Holm's correction for the
    `family_size` comparisons that were corrected together. `estimate` has the 95 % interval over seeds, and
    `corrected` the one at the level to which Holm's procedure came. Below three seeds p values and `corrected` are
    None, but not `images_p`. `effect_size` is None where there is no spread, `seeds_needed` too, and where it is
    above 1000.
    """

    pairs: Pairs
    estimate: Estimate
    effect_size: float | None
    corrected: Estimate | None
    seeds_p: float | None
    images_p: float | None
    p_value: float | None
    family_size: int | None
    seeds_needed: int | None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the method, as against its reference."""
        if self.p_value is None:
            return "too few seeds"
        if self.p_value >= LEVEL:
            return "no evidence"
        return "helps" if self.estimate.mean > 0 else "hurts"

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval without correction lies on one side of 0."""
        low, high = self.estimate.low, self.estimate.high
        return low is not None and high is not None and (low > 0 or high < 0)

    @property
    def lacks_images(self) -> bool:
        """Whether the seeds agree on one side of 0 and the test images are too few to tell."""
        undecided = self.images_p is not None and self.images_p >= LEVEL
        return undecided and self.excludes_zero and self.verdict == "no evidence"


# The tests over images take a while, and tables, answer and page ask for the same.
@lru_cache(maxsize=4)
def comparisons(study: Study) -> tuple[Comparison, ...]:
    """Every confirmed method against no balancing and against the best simple one, by condition.

    What the study set out to know, the gain of the GAN that validation chose, is one family of tests over all
    conditions; that of all other methods is another; likewise against the simple method that validation chose.
    Holm's correction holds within each: where nothing makes a difference, a family has a wrong verdict in one
    study of twenty at most. Real images that were held back are no method, and have no verdict. Raises RecordError
    where trials of one setting were tested on different images.
    """
    found = all_pairs(study.records)
    images = _images_p_values(study, found)
    seeds = {pairs: statistics.paired_p_value(pairs.differences) for pairs in found if pairs.decidable}
    decided: dict[tuple[Against, bool], list[Pairs]] = {}
    for pairs in seeds:
        decided.setdefault((pairs.against, pairs.asked), []).append(pairs)
    steps: dict[Pairs, tuple[HolmStep, int]] = {}
    for family in decided.values():
        # It must be there for other seeds and for other images: an intersection-union test (Berger 1982).
        corrected = statistics.holm([max(seeds[pairs], images.get(pairs, 0.0)) for pairs in family])
        steps |= {pairs: (step, len(family)) for pairs, step in zip(family, corrected, strict=True)}
    return tuple(_comparison(pairs, seeds.get(pairs), images.get(pairs), steps.get(pairs)) for pairs in found)


def all_pairs(records: Sequence[Trial]) -> tuple[Pairs, ...]:
    """Every confirmed method beside no balancing and beside the best simple one, by condition."""
    kinds, found = select.families(records), select.conditions(select.confirmed(records))
    return tuple(pairs for condition in found for pairs in _pairs(records, condition, kinds))


def chosen_methods(records: Sequence[Trial]) -> dict[Condition, tuple[str, ...]]:
    """The GAN that validation chose under each condition, and the simple method where there is one."""
    found: dict[Condition, tuple[str, ...]] = {}
    for pairs in all_pairs(records):
        if pairs.asked:
            rival = (pairs.reference,) if pairs.against == "best simple method" else ()
            found[pairs.condition] = (pairs.method, *rival)
    return found


def _images_p_values(study: Study, found: Sequence[Pairs]) -> dict[Pairs, float]:
    """The p value over test images of all pairs whose predictions are stored, every one of them."""
    records = {(record.setting_id, record.balancer): record for record in select.confirmed(study.records)}
    stored = {key: record.predictions("test") for key, record in records.items()}
    p_values = {}
    for pairs in found:
        keys = [(setting, name) for name in (pairs.method, pairs.reference) for setting in pairs.setting_ids]
        predictions = [each for key in keys if (each := stored[key]) is not None]
        if len(predictions) == len(keys):
            labels, number = predictions[0].labels, len(pairs.setting_ids)
            if not all(np.array_equal(each.labels, labels) for each in predictions):
                raise RecordError(
                    f"trials of {pairs.method} and {pairs.reference} were tested on different images"
                )
            predicted = np.stack([each.predicted[0] for each in predictions])
            classes = records[keys[0]].minority_classes
            p_values[pairs] = statistics.swap_p_value(labels, predicted[:number], predicted[number:], classes)
    return p_values


def _pairs(records: Sequence[Trial], condition: Condition, kinds: Mapping[str, Family]) -> Iterator[Pairs]:
    here = select.under(records, condition)
    gan = select.best_by_validation(here, condition, "GAN", kinds)
    references: dict[Against, str | None] = {
        "no balancing": NO_BALANCING,
        "best simple method": select.best_by_validation(here, condition, "simple", kinds),
    }
    for against, reference in references.items():
        if reference is None:
            continue
        gains = select.paired_gains(here, MAIN_METRIC, reference=reference).sort_values("seed")
        for method in kinds:
            of_method = gains[gains["balancer"] == method]
            if of_method.empty or kinds[method] in ("no balancing", "upper bound"):
                continue
            yield Pairs(
                condition=condition,
                method=method,
                against=against,
                reference=reference,
                asked=method == gan,
                setting_ids=tuple(of_method["setting_id"]),
                differences=tuple(of_method["value"]),
            )


def _comparison(
    pairs: Pairs, seeds_p: float | None, images_p: float | None, held: tuple[HolmStep, int] | None
) -> Comparison:
    effect = statistics.effect_size(pairs.differences)
    step, family_size = held or (None, None)
    level = step.level if step else LEVEL
    return Comparison(
        pairs=pairs,
        estimate=t_interval(pairs.differences),
        effect_size=effect,
        corrected=t_interval(pairs.differences, confidence=1 - level) if step else None,
        seeds_p=seeds_p,
        images_p=images_p,
        p_value=step.p_value if step else None,
        family_size=family_size,
        seeds_needed=statistics.seeds_needed(effect, level=level) if effect else None,
    )


def verdict_table(study: Study) -> Table:
    """A row for each condition and method: both comparisons in numbers and words.

    The CSV has a row for each comparison, with the settings whose trials it is made of (see trials.csv).
    """
    found = comparisons(study)
    arms: dict[Arm, dict[Against, Comparison]] = {}
    for each in found:
        arms.setdefault(Arm(*each.pairs.condition, each.pairs.method), {})[each.pairs.against] = each
    columns = [*ARM_COLUMNS, "Verdict", "Against simple", "Gain over none", "p (Holm)", "Images' p", "Effect size"]
    columns += ["Simple method", "Gain over it", "p over it (Holm)", "Seeds", "Seeds needed"]
    title = "Each method against no balancing and against the simple method chosen on validation"
    rows = pd.DataFrame([[*arm, *_text_cells(against)] for arm, against in arms.items()], columns=columns)
    return Table(name="verdicts", title=title, numbers=pd.DataFrame(map(_numbers, found)), rows=rows)


def _text_cells(against: Mapping[Against, Comparison]) -> list[object]:
    gain, difference = against.get("no balancing"), against.get("best simple method")
    first = next(iter(against.values()))
    return [
        gain.verdict if gain else ABSENT,
        AGAINST_SIMPLE_WORDS[difference.verdict] if difference else ABSENT,
        *_cells(gain),
        difference.pairs.reference if difference else ABSENT,
        *_cells(difference)[:2],
        first.estimate.n,
        _seeds_needed_text(gain or first),
    ]


def _cells(comparison: Comparison | None) -> list[str]:
    """The 95 % interval, the corrected p value, that over images alone, and the effect size."""
    if comparison is None:
        return [ABSENT] * 4
    return [
        estimate_text(comparison.estimate, signed=True),
        *(ABSENT if p is None else p_text(p) for p in (comparison.p_value, comparison.images_p)),
        number(comparison.effect_size, signed=True),
    ]


def _seeds_needed_text(comparison: Comparison) -> str:
    """How many seeds would find an effect of the size seen, where these did not and the test images might."""
    if comparison.verdict in ("helps", "hurts"):
        return ABSENT
    if comparison.lacks_images:
        return "more images"
    if comparison.effect_size is None:
        return "unknown"
    needed = comparison.seeds_needed
    return "over 1000" if needed is None else str(max(needed, MINIMUM_SEEDS))


def _numbers(comparison: Comparison) -> dict[str, object]:
    pairs, estimate, corrected = comparison.pairs, comparison.estimate, comparison.corrected
    return {
        **pairs.condition._asdict(),
        "balancer": pairs.method,
        "against": pairs.against,
        "reference": pairs.reference,
        "chosen_gan": pairs.asked,
        "seeds": estimate.n,
        **{name: getattr(estimate, name) for name in ("mean", "low", "high")},
        **{f"corrected_{name}": getattr(corrected, name, None) for name in ("low", "high")},
        "seeds_p": comparison.seeds_p,
        "images_p": comparison.images_p,
        "corrected_p": comparison.p_value,
        "corrected_for": comparison.family_size,
        "effect_size": comparison.effect_size,
        "seeds_needed": comparison.seeds_needed,
        "verdict": comparison.verdict,
        "setting_ids": " ".join(pairs.setting_ids),
    }
