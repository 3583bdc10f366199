"""What each method is worth under each condition, in a word: helps, hurts, no evidence, too few seeds.

Every verdict of the report is made here, by the paired test after Holm's correction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

import pandas as pd

from analysis.aggregate import Estimate, t_interval
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
from analysis.statistics import LEVEL, HolmStep, effect_size, holm, paired_p_value, seeds_needed
from analysis.tables import Table, headed, without_constants
from analysis.wording import ABSENT, estimate_text, number, p_text
from trainables.record import TrialRecord

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

    `estimate` has the 95 % interval, `corrected` the one at the level to which Holm's procedure came for the
    `family_size` comparisons that were corrected together; it holds 0 exactly where `p_value`, corrected, is not
    below 0.05 (equal differences, which have no spread, excepted). All three are None below three seeds.
    `effect_size` is None where there is no spread, `seeds_needed` too, and where it is above 1000.
    """

    pairs: Pairs
    estimate: Estimate
    effect_size: float | None
    corrected: Estimate | None
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


def comparisons(records: Sequence[TrialRecord]) -> tuple[Comparison, ...]:
    """Every confirmed method against no balancing and against the best simple one, by condition.

    What the study set out to know, the gain of the GAN that validation chose, is one family of tests over all
    conditions; that of all other methods is another; likewise against the simple method that validation chose.
    Holm's correction holds within each: where nothing makes a difference, a family has a wrong verdict in one
    study of twenty at most. Real images that were held back are no method, and have no verdict.
    """
    kinds = families(records)
    found = [pairs for condition in conditions(confirmed(records)) for pairs in _pairs(records, condition, kinds)]
    decided: dict[tuple[Against, bool], list[Pairs]] = {}
    for pairs in found:
        if pairs.decidable:
            decided.setdefault((pairs.against, pairs.asked), []).append(pairs)
    steps: dict[tuple[Condition, str, Against], tuple[HolmStep, int]] = {}
    for family in decided.values():
        corrected = holm([paired_p_value(pairs.differences) for pairs in family])
        for pairs, step in zip(family, corrected, strict=True):
            steps[pairs.condition, pairs.method, pairs.against] = (step, len(family))
    return tuple(_comparison(pairs, steps.get((pairs.condition, pairs.method, pairs.against))) for pairs in found)


def _pairs(records: Sequence[TrialRecord], condition: Condition, kinds: Mapping[str, Family]) -> Iterator[Pairs]:
    here = under(records, condition)
    gan = best_by_validation(here, condition, "GAN", kinds)
    references: dict[Against, str | None] = {
        "no balancing": NO_BALANCING,
        "best simple method": best_by_validation(here, condition, "simple", kinds),
    }
    for against, reference in references.items():
        if reference is None:
            continue
        gains = paired_gains(here, MAIN_METRIC, reference=reference).sort_values("seed")
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


def _comparison(pairs: Pairs, held: tuple[HolmStep, int] | None) -> Comparison:
    effect = effect_size(pairs.differences)
    step, family_size = held or (None, None)
    level = step.level if step else LEVEL
    return Comparison(
        pairs=pairs,
        estimate=t_interval(pairs.differences),
        effect_size=effect,
        corrected=t_interval(pairs.differences, confidence=1 - level) if step else None,
        p_value=step.p_value if step else None,
        family_size=family_size,
        seeds_needed=seeds_needed(effect, level=level) if effect else None,
    )


def verdict_table(records: Sequence[TrialRecord]) -> Table:
    """A row for each condition and method: both comparisons in numbers and words.

    The CSV has a row for each comparison, with the settings whose trials it is made of (see trials.csv).
    """
    found = comparisons(records)
    rows = [_text_row(list(group)) for _, group in groupby(_by_arm(found), key=_arm)]
    columns = [*CONDITION_COLUMNS, "balancer", "Verdict", "Against simple", "Gain over none", "p (Holm)"]
    columns += ["Effect size", "Simple method", "Gain over it", "p over it (Holm)", "Seeds", "Seeds needed"]
    return Table(
        name="verdicts",
        title="Each method against no balancing and against the simple method chosen on validation",
        numbers=pd.DataFrame([_numbers(comparison) for comparison in found]),
        text=headed(without_constants(pd.DataFrame(rows, columns=columns))),
    )


def _arm(comparison: Comparison) -> tuple[Condition, str]:
    return comparison.pairs.condition, comparison.pairs.method


def _by_arm(found: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons of one method side by side, in the order of their first."""
    order = {arm: place for place, arm in enumerate(dict.fromkeys(map(_arm, found)))}
    return sorted(found, key=lambda comparison: order[_arm(comparison)])


def _text_row(of_method: Sequence[Comparison]) -> list[object]:
    against = {comparison.pairs.against: comparison for comparison in of_method}
    first = of_method[0]
    gain, difference = against.get("no balancing"), against.get("best simple method")
    return [
        *first.pairs.condition,
        first.pairs.method,
        gain.verdict if gain else ABSENT,
        AGAINST_SIMPLE_WORDS[difference.verdict] if difference else ABSENT,
        *_cells(gain),
        difference.pairs.reference if difference else ABSENT,
        *_cells(difference)[:2],
        first.estimate.n,
        _seeds_needed_text(gain or first),
    ]


def _cells(comparison: Comparison | None) -> list[str]:
    """The 95 % interval, the corrected p value and the effect size."""
    if comparison is None:
        return [ABSENT] * 3
    p_value, effect = comparison.p_value, comparison.effect_size
    return [
        estimate_text(comparison.estimate, signed=True),
        ABSENT if p_value is None else p_text(p_value),
        ABSENT if effect is None else number(effect, signed=True),
    ]


def _seeds_needed_text(comparison: Comparison) -> str:
    """How many seeds would find an effect of the size seen, where these did not."""
    if comparison.verdict in ("helps", "hurts"):
        return ABSENT
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
        "mean": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "corrected_low": corrected.low if corrected else None,
        "corrected_high": corrected.high if corrected else None,
        "corrected_p": comparison.p_value,
        "corrected_for": comparison.family_size,
        "effect_size": comparison.effect_size,
        "seeds_needed": comparison.seeds_needed,
        "verdict": comparison.verdict,
        "setting_ids": " ".join(pairs.setting_ids),
    }
