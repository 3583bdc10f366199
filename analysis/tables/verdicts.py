"""The verdicts as a table, and the components of the gains' variance."""

from collections.abc import Mapping

import pandas as pd

from gan_study.analysis.comparisons.verdicts import Comparison, comparisons
from gan_study.analysis.inference.decisions import Verdict
from gan_study.analysis.inference.looks import MINIMUM_SEEDS
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import ARM_COLUMNS, Arm
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import ABSENT, estimate_text, number

AGAINST_WORDS: Mapping[Verdict, str] = {
    "helps": "better",
    "hurts": "worse",
    "no worthwhile difference": "no worthwhile difference",
    "undecided": "undecided",
}
_METRICS = {"minority_f1": "F1", "minority_recall": "recall"}


def verdict_table(study: Study) -> Table:
    """A row for each condition and method: its verdict and gain over no balancing, by F1 and by recall.

    The CSV has a row for each comparison, including those with the simple method and with duplicates, and the
    settings of its trials (see trials.csv).
    """
    found = comparisons(study)
    arms: dict[Arm, dict[str, Comparison]] = {}
    for each in found:
        if each.pairs.against == "no balancing":
            arms.setdefault(Arm(*each.pairs.condition, each.pairs.method), {})[each.pairs.metric] = each
    headings = [f"{what} in {name}" for name in _METRICS.values() for what in ("Verdict", "Gain")]
    columns = [*ARM_COLUMNS, *headings, "Seeds", "To decide"]
    rows = [[*arm, *_cells(by_metric)] for arm, by_metric in arms.items()]
    return Table(
        name="verdicts",
        title="Each method against no balancing",
        numbers=pd.DataFrame(map(_numbers, found)),
        rows=pd.DataFrame(rows, columns=columns),
    )


def _cells(by_metric: Mapping[str, Comparison]) -> list[object]:
    found = [by_metric.get(metric) for metric in _METRICS]
    return [
        *(cell for each in found for cell in _pair_cells(each)),
        max((each.estimate.n for each in found if each), default=0),
        _to_decide(next((each for each in found if each and not each.is_decided), None)),
    ]


def _pair_cells(comparison: Comparison | None) -> tuple[str, str]:
    if comparison is None:
        return ABSENT, ABSENT
    return verdict_text(comparison), estimate_text(comparison.estimate, signed=True)


def verdict_text(comparison: Comparison) -> str:
    """The verdict in a word or two, with its reservations."""
    word = comparison.verdict if comparison.pairs.against == "no balancing" else AGAINST_WORDS[comparison.verdict]
    word = ", ".join([word, *comparison.reservations])
    if comparison.is_exploratory:
        return f"{word} (exploratory)"
    return f"{word} (so far)" if comparison.is_provisional else word


def _to_decide(comparison: Comparison | None) -> str:
    """What an undecided question needs: seeds in all, or more images than decide gains from the number given."""
    if comparison is None:
        return ABSENT
    if comparison.lacks_images:
        return f"more test images ({number(comparison.smallest_decidable)})"
    needed = comparison.seeds_needed
    if needed is None:
        return "over 1,000 seeds" if comparison.looks else f"at least {MINIMUM_SEEDS} seeds"
    return f"{needed} seeds" if needed <= comparison.most_seeds else f"a study of {needed} seeds"


def _numbers(comparison: Comparison) -> dict[str, object]:
    pairs, estimate = comparison.pairs, comparison.estimate
    last = comparison.looks[-1] if comparison.looks else None
    return {
        **pairs.condition._asdict(),
        "balancer": pairs.method,
        "metric": pairs.metric,
        "against": pairs.against,
        "reference": pairs.reference,
        "chosen_gan": pairs.asked,
        "seeds": estimate.n,
        **{name: getattr(estimate, name) for name in ("mean", "low", "high")},
        "verdict": comparison.verdict,
        "reservations": "; ".join(comparison.reservations),
        "exploratory": comparison.is_exploratory,
        "provisional": comparison.is_provisional,
        "difference_p": comparison.decision.difference_p,
        "equivalence_p": comparison.decision.equivalence_p,
        "margin": comparison.margin,
        "family": comparison.family,
        "corrected_for": comparison.family_size,
        "looks": len(comparison.looks),
        "spread_over_seeds": getattr(last, "spread", None),
        "error_over_images": getattr(last, "image_error", None),
        "smallest_decidable": comparison.smallest_decidable,
        "seeds_needed": comparison.seeds_needed,
        "setting_ids": " ".join(pairs.setting_ids),
    }
