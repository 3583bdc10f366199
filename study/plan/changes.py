"""Which settings of a started study may be changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from pydantic import JsonValue

Values: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A setting with a new value; `before` or `after` is None if there is none."""

    key: str
    before: JsonValue
    after: JsonValue

    def __str__(self) -> str:
        return f"{self.key} ({_short(self.before)} before, {_short(self.after)} now)"


def _is_longer(before: JsonValue, after: JsonValue) -> bool:
    return (
        isinstance(before, list)
        and isinstance(after, list)
        and len(after) > len(before)
        and after[: len(before)] == before
    )


def _is_more(before: JsonValue, after: JsonValue) -> bool:
    # To Python, true is a number.
    return isinstance(before, int) and isinstance(after, int) and not isinstance(after, bool) and after > before


def _is_any(before: JsonValue, after: JsonValue) -> bool:
    return True


SEEDS, TRIALS = "confirm.seeds", "search.trials"
# The settings that may be changed in `study.json` before a study is resumed, and to what. The first two are
# carried out as `resume --seeds` and `resume --trials` are; of the others no number depends on more than its last
# digits, and what lies at the places is compared with what lay there.
MEANT: Mapping[str, Callable[[JsonValue, JsonValue], bool]] = {
    SEEDS: _is_longer,
    TRIALS: _is_more,
    "resources.*": _is_any,
    "storage": _is_any,
    "wandb.*": _is_any,
    "summary": _is_any,
    "data.root": _is_any,
    "data.labels": _is_any,
    "confirm.image_features.weights": _is_any,
    "classifier.backbone.weights": _is_any,
    "confirm.frozen_baseline.weights": _is_any,
}


def is_meant(edit: Edit) -> bool:
    """Whether this change is allowed in a started study."""
    return any(fnmatchcase(edit.key, key) and may_be(edit.before, edit.after) for key, may_be in MEANT.items())


def apply_edit(values: Values, edit: Edit) -> dict[str, JsonValue]:
    """`values` with this edit applied."""
    section, dot, rest = edit.key.partition(".")
    if not dot:
        return {**values, section: edit.after}
    inner = values.get(section)
    inside = Edit(key=rest, before=edit.before, after=edit.after)
    return {**values, section: apply_edit(inner if isinstance(inner, dict) else {}, inside)}


# Letters of a value in a sentence.
_MOST_SHOWN = 60


def _short(value: JsonValue) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
