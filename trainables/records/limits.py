"""How a record stays small: what is shortened, and what is left to `study.json`."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import cast

from pydantic import JsonValue

# Most bytes of one record, so that ten thousand stay some tens of megabytes: longer texts are shortened, and lists
# of classes are left to `study.json`, which has them once. Three lists of classes fit beside all else.
MOST_RECORD_BYTES = 8192
MOST_NOTES_BYTES, MOST_NOTE_BYTES, MOST_FAILURE_BYTES, MOST_CLASSES_BYTES = 1700, 400, 600, 150
# The settings of a trial that name classes.
_CLASS_LISTS = (("data", "classes"), ("imbalance", "minority_classes"), ("imbalance", "counts"))


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` bytes of JSON: its beginning and its end, which says what went wrong."""
    letters, shortened = len(text), text
    while len(json.dumps(shortened)) > most + 2:
        letters = letters * 9 // 10
        head = letters // 3
        shortened = f"{text[:head]} ... {text[len(text) - (letters - head) :]}"
    return shortened


def omit_classes(config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A trial's configuration in the short form of a record: a text replaces each long list of classes."""

    def shorten_list(section: str, key: str, value: JsonValue) -> JsonValue:
        if not isinstance(value, list | dict) or len(json.dumps(value)) <= MOST_CLASSES_BYTES:
            return value
        return f"{len(value)} classes, listed in study.json"

    return _replace_classes(config, shorten_list)


def restore_classes(config: Mapping[str, JsonValue], study: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The configuration of a record's trial with every list of classes, from that of the study in its header.

    A text without a list in the study is left unchanged, and is not a valid configuration.
    """

    def find_list(section: str, key: str, value: JsonValue) -> JsonValue:
        return cast(dict[str, JsonValue], study[section]).get(key, value) if isinstance(value, str) else value

    return _replace_classes(config, find_list)


def _replace_classes(
    config: Mapping[str, JsonValue], replace: Callable[[str, str, JsonValue], JsonValue]
) -> dict[str, JsonValue]:
    replaced = dict(config)
    for section, key in _CLASS_LISTS:
        values = replaced.get(section)
        if isinstance(values, dict) and key in values:
            replaced[section] = {**values, key: replace(section, key, values[key])}
    return replaced


def limit_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """The distinct notes that fit into a record, with long ones shortened; a last one counts those left out."""
    found = [shorten(note, MOST_NOTE_BYTES) for note in dict.fromkeys(notes)]
    ends = accumulate(len(json.dumps(note)) for note in found)
    fitting = [note for note, end in zip(found, ends, strict=True) if end <= MOST_NOTES_BYTES]
    left_out = len(found) - len(fitting)
    return (*fitting, *([f"{left_out} more notes that do not fit into the record"] if left_out else []))
