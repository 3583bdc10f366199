"""The meaning, allowed values and default of each setting, from a file, so that no library must be loaded.

`reference.py` makes that file from the settings' types.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from gan_study.study.reference_file import read_reference_file
from gan_study.trainables.base.settings import ConfigError

# JSON's types as people say them; arrays and unions are put together from these.
_WORDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
}
_LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting or a section of them, by its whole key."""

    key: str
    meaning: str
    kind: str
    """Its type, with its limits, in words."""
    default: str | None
    """As YAML writes it in one line; None if it is required, and for a section."""
    owner: str
    """The class of settings that it belongs to, and that class's module."""
    when: str = ""
    """If it exists only with a value of another setting: that value."""
    inner: tuple[str, ...] = ()
    """The keys of a section's settings."""

    def lines(self) -> list[str]:
        """The setting for people."""
        head = self.key + (f" (where {self.when})" if self.when else "")
        lines = [head, f"  {self.meaning or 'A section of settings.'}"]
        lines += [f"  Type: {self.kind}"]
        if self.default is not None:
            lines.append(f"  Default: {self.default}")
        if self.inner:
            lines.append(f"  Settings: {', '.join(key.rpartition('.')[2] for key in self.inner)}")
        return [*lines, f"  Of {self.owner}"]


@cache
def read_reference() -> Mapping[str, Any]:
    """The JSON schema of a recipe, and the lines of `gan-study list`: from their file, or computed again if that
    is outdated.
    """
    content = read_reference_file()
    if content is None:
        # Seconds, for who has added a part.
        from gan_study.study.reference import reference

        content = reference()
    return content


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every setting and section of a study, with one section for each balancer."""
    schema = read_reference()["schema"]
    return tuple(_walk(schema, schema, "", {}))


def explain(key: str) -> tuple[Setting, ...]:
    """The settings that `key` names, by the whole key or its end: one for each different meaning.

    Settings that all GANs share are listed once. Raises ConfigError for an unknown key, with the nearest one.
    """
    key = key.strip().replace("/", ".").strip(".")
    known = all_settings()
    exact = tuple(each for each in known if each.key == key)
    found = exact or tuple(each for each in known if each.key.endswith(f".{key}"))
    if not found:
        raise ConfigError(f"{key!r} is not a setting; {_hint(key, known)}")
    alike: dict[tuple[str, str, str], list[Setting]] = {}
    for each in found:
        alike.setdefault((each.meaning, each.owner, each.when), []).append(each)
    return tuple(map(_one_of, alike.values()))


def _one_of(alike: Sequence[Setting]) -> Setting:
    """One setting for several of one meaning, whose defaults may differ."""
    first, keys = alike[0], [each.key.split(".") for each in alike]
    if len(alike) == 1:
        return first
    key = ".".join(part if all(each[i] == part for each in keys) else "NAME" for i, part in enumerate(keys[0]))
    names: dict[str | None, list[str]] = {}
    for each in alike:
        names.setdefault(each.default, []).append(each.key.split(".")[1])
    default = "; ".join(f"{value} ({', '.join(of)})" for value, of in names.items())
    return replace(first, key=key, default=first.default if len(names) == 1 else default)


def _hint(key: str, known: Sequence[Setting]) -> str:
    """The setting nearest to a key, or to how one ends; the sections where none is near."""
    keys = dict.fromkeys(each.key for each in known)
    ends = {each.rpartition(".")[2]: each for each in keys}
    near = difflib.get_close_matches(key, [*keys], n=1) or [
        ends[end] for end in difflib.get_close_matches(key.rpartition(".")[2], [*ends], n=1)
    ]
    return (
        f"did you mean {near[0]!r}?"
        if near
        else f"sections: {', '.join(each for each in keys if '.' not in each)}"
    )


def sections() -> tuple[Setting, ...]:
    """The settings and sections at the top of a study's configuration."""
    return tuple(each for each in all_settings() if "." not in each.key)


def _walk(root: Mapping[str, Any], place: Mapping[str, Any], prefix: str, default: Any) -> Iterator[Setting]:
    """The settings of the object `place`, whose defaults are `default` where that says them."""
    owner = (
        f"{place['title']}, {place['module']}"
        if prefix and "module" in place
        else f"StudyConfig, {root['module']}"
    )
    for name, setting in place.get("properties", {}).items():
        if not prefix and name in ("extends", "scales"):
            continue
        key = f"{prefix}.{name}" if prefix else name
        given = default[name] if isinstance(default, Mapping) and name in default else setting.get("default")
        has_default = "default" in setting or (isinstance(default, Mapping) and name in default)
        members = _members(root, setting)
        objects = [each for each in members if each.get("properties")]
        # A balancer's settings are one class; so are those of a section.
        inner = tuple(f"{key}.{each}" for member in objects for each in member["properties"])
        yield Setting(
            key=key,
            meaning=setting.get("description") or (objects[0].get("description", "") if objects else ""),
            kind=_kind(root, setting),
            default=_yaml(given) if has_default and not isinstance(given, Mapping) else None,
            owner=owner,
            inner=tuple(dict.fromkeys(inner)),
        )
        for member in objects:
            for each in _walk(root, member, key, given if len(objects) == 1 else None):
                told = _told_by(member, key) if len(objects) > 1 else ""
                yield each if not told or each.when else replace(each, when=told)


def _told_by(member: Mapping[str, Any], key: str) -> str:
    """By which setting one knows that a section is of this kind."""
    for name, setting in member["properties"].items():
        if "const" in setting:
            return f"{key}.{name} is {setting['const']}"
    return ""


def _members(root: Mapping[str, Any], setting: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas that a setting may follow, references resolved."""
    if "$ref" in setting:
        return _members(root, root["$defs"][setting["$ref"].rpartition("/")[2]])
    for key in ("anyOf", "oneOf"):
        if key in setting:
            return [member for each in setting[key] for member in _members(root, each)]
    return [setting]


def _kind(root: Mapping[str, Any], setting: Mapping[str, Any]) -> str:
    words = dict.fromkeys(_kind_of_one(root, each) for each in _members(root, setting))
    return ", or ".join(words)


def _kind_of_one(root: Mapping[str, Any], member: Mapping[str, Any]) -> str:
    if member.get("properties"):
        return "section"
    if "const" in member:
        return _yaml(member["const"])
    if "enum" in member:
        return "one of " + ", ".join(map(_yaml, member["enum"]))
    kind = member.get("type", "any value")
    if kind == "array":
        inner = _kind(root, member["items"]) if member.get("items") else "values"
        least = member.get("minItems")
        return f"list ({inner})" + (f" of at least {least}" if least else "")
    if kind == "object" and isinstance(member.get("additionalProperties"), Mapping):
        return f"mapping (to {_kind(root, member['additionalProperties'])})"
    limits = [f"{words} {member[key]:g}" for key, words in _LIMITS.items() if key in member]
    return " ".join([_WORDS.get(kind, kind), " and ".join(limits)]).strip()


def _yaml(value: Any) -> str:
    """A value in one line, as a recipe writes it."""
    if isinstance(value, str) and value and value == value.strip() and not set(value) & set("{}[],:#&*!|>'\"%@`"):
        return value
    return json.dumps(value, ensure_ascii=False)


def table_of_settings(settings: Sequence[Setting]) -> str:
    """Markdown: a table of the settings of one section, for the documentation."""
    rows = ["| Setting | Meaning | Type | Default |", "| --- | --- | --- | --- |"]
    for each in settings:
        cells = (f"`{each.key}`", each.meaning.replace("\n", " "), each.kind, each.default or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)
