"""Numbers and lists as text."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from gan_study.analysis.inference.estimates import Estimate
from gan_study.analysis.records.select import Condition

ABSENT = "–"
MINUS = "−"
_ACRONYMS = {"f1": "F1", "roc": "ROC", "auc": "AUC", "auprc": "AUPRC", "mcc": "MCC", "ece": "ECE"}
# Most items of a list that a sentence names.
MOST_NAMED = 6


def number(value: float | None, *, signed: bool = False) -> str:
    """`value` with three decimals, a true minus, and a plus where `signed`; a rounded zero has no sign.

    A dash for None.
    """
    if value is None:
        return ABSENT
    if round(value, 3) == 0:
        return "0.000"
    return f"{value:{'+' if signed else ''}.3f}".replace("-", MINUS)


def magnitude(value: float) -> str:
    """`value` of an unbounded scale: three decimals below 10, one above."""
    return number(value) if abs(value) < 10 else f"{value:.1f}".replace("-", MINUS)


def first_few(items: Sequence[str]) -> list[str]:
    """The first few items, and how many more there are."""
    more = [f"{len(items) - MOST_NAMED} more"] if len(items) > MOST_NAMED else []
    return [*items[:MOST_NAMED], *more]


def p_text(p_value: float) -> str:
    """A p value with three decimals; "< 0.001" below that."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def estimate_text(estimate: Estimate, *, signed: bool = False) -> str:
    """A mean with its interval, for tables: "0.412 [0.380, 0.444]"; the mean alone if there is none."""
    if estimate.low is None or estimate.high is None:
        return number(estimate.mean, signed=signed)
    return interval_text(estimate.mean, estimate.low, estimate.high, signed=signed)


def interval_text(middle: float, low: float | None, high: float | None, *, signed: bool = True) -> str:
    """A number with its interval, for tables: "+0.120 [+0.070, +0.170]"; "+0.120" if it has none."""
    if low is None or high is None:
        return number(middle, signed=signed)
    middle_text, low_text, high_text = (number(value, signed=signed) for value in (middle, low, high))
    return f"{middle_text} [{low_text}, {high_text}]"


def gain_phrase(estimate: Estimate) -> str:
    """A signed mean with its interval and seeds, for sentences."""
    mean = number(estimate.mean, signed=True)
    seeds = count(estimate.n, "seed")
    if estimate.low is None or estimate.high is None:
        return f"{mean} ({seeds}, so no interval)"
    low, high = (number(bound, signed=True) for bound in (estimate.low, estimate.high))
    return f"{mean} (corrected interval {low} to {high}, {seeds})"


def ratio_text(ratio: float) -> str:
    """An imbalance ratio without needless decimals."""
    return f"{ratio:.3g}" if ratio < 100 else f"{ratio:.0f}"


def where(condition: Condition) -> str:
    """A condition for sentences: "mnist with simple_cnn at imbalance ratio 10"."""
    ratio = ratio_text(condition.imbalance_ratio)
    return f"{condition.dataset} with {condition.classifier} at imbalance ratio {ratio}"


def count(number: int, noun: str) -> str:
    """`number` and its noun, plural unless it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listing(items: Sequence[str]) -> str:
    """Items as prose: "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def label(name: str) -> str:
    """A metric's name as a heading: "minority_f1" is "Minority F1"."""
    words = [_ACRONYMS.get(word, word) for word in name.split("_")]
    return words[0][0].upper() + " ".join(words)[1:]


def stated_settings(config: Mapping[str, JsonValue], section: str, names: Sequence[str]) -> list[str]:
    """Those of the settings `names` that a section of a trial's configuration contains: "batch size: 64"."""
    found = config.get(section)
    if not isinstance(found, dict):
        return []
    return [f"{name.replace('_', ' ')}: {found[name]}" for name in names if found.get(name) is not None]
