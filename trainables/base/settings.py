"""Settings: frozen dataclasses, parsed strictly from nested mappings, dumped canonically."""

import difflib
import functools
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NoReturn,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)

from pydantic import BeforeValidator, ConfigDict, JsonValue, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from gan_study.trainables.base.names import one_form

T = TypeVar("T")


class UserError(Exception):
    """An error that the user can fix; its message is one complete line."""

    exit_code = 2
    """The exit code of the command: 2 if the request is not possible, 1 if something failed."""


class ConfigError(UserError):
    """A setting is unknown or has an invalid value."""


class DataError(UserError):
    """The data set is missing, unreadable, or too small for the request."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Make `cls` a frozen keyword-only dataclass with checked values and no unknown keys.

    A boolean is not accepted as a number: pydantic by default reads true as 1.
    """
    cls.__annotations__ = {name: _with_strict_numbers(kind) for name, kind in cls.__annotations__.items()}
    decorate = pydantic_dataclass(
        frozen=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False)
    )
    return _with_one_line_errors(cast(type[T], decorate(cls)))


def _with_one_line_errors(cls: type[T]) -> type[T]:
    """`cls`, whose constructor raises ConfigError as `parse` does; pydantic's own error has several lines."""
    initialise: Callable[..., None] = getattr(cls, "__init__")  # noqa: B009

    @functools.wraps(initialise)
    def with_one_line_errors(self: T, *arguments: object, **values: object) -> None:
        try:
            initialise(self, *arguments, **values)
        except ValidationError as error:
            raise ConfigError(_first_error(type(self), error, where="")) from None

    setattr(cls, "__init__", with_one_line_errors)  # noqa: B010
    return cls


# Indexed by types that are known only when the program runs.
_ANNOTATED: Any = Annotated
_UNION: Any = Union


# What YAML leaves a text and a person means as a number: 010, 1e-3.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _refuse_other_kinds(value: object) -> object:
    # Pydantic would also read " 10 " and "1_0" as ten.
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError(f"{value!r} cannot be used; a number is needed")
    return value


def _with_strict_numbers(annotation: Any) -> Any:
    """`annotation` with numbers, however deep inside it, that refuse booleans and texts."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (int, float) or (origin is Literal and int in map(type, arguments)):
        return _ANNOTATED[annotation, BeforeValidator(_refuse_other_kinds)]
    if origin is Annotated:
        return _ANNOTATED[_with_strict_numbers(arguments[0]), *annotation.__metadata__]
    changed = tuple(map(_with_strict_numbers, arguments))
    if origin in (None, Literal) or changed == arguments:
        return annotation
    return _UNION[changed] if origin in (Union, UnionType) else origin[changed]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest of the `known` names, or all of them if none is near."""
    known = sorted(known)
    matches = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else f"known: {', '.join(known) or 'none'}"


def look_up(known: Mapping[str, T], name: str, *, where: str) -> T:
    """The value of `name` in `known`; raises ConfigError with the key `where` and the nearest name if there is
    none.
    """
    found = find_name(known, name)
    if found is None:
        raise ConfigError(f"{where}: {name!r} is unknown; {nearest(name, known)}")
    return known[found]


def find_name(known: Iterable[str], name: str) -> str | None:
    """The one of `known` that equals `name`, in any Unicode form; None if none is."""
    return next((each for each in known if one_form(each) == one_form(name)), None)


def parse(cls: type[T], values: object, *, where: str) -> T:
    """`values` (a nested mapping) as a `cls`.

    Raises ConfigError, one line with the full key, the value and what is allowed; `where` is the key's prefix.
    """
    try:
        value: T = _adapter(cls).validate_python(values)
    except ValidationError as error:
        raise ConfigError(_first_error(cls, error, where)) from None
    return value


def from_json(text: str | bytes) -> JsonValue:
    """The value in `text`; raises ConfigError, in one line, if it is not JSON.

    Stricter than Python's own reader: duplicate keys, NaN and numbers beyond a float's range are refused.
    """
    try:
        value: JsonValue = json.loads(
            text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_without_repeats
        )
    # Numbers of thousands of digits are no JSONDecodeError, nor are brackets nested by the thousand.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON ({getattr(error, 'msg', error)})") from None
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_number(digits)


def _without_repeats(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {repeated!r} appears twice")
    return found


# Making an adapter costs milliseconds, and a study parses thousands of settings.
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


# What YAML makes of bare words that a person may mean as names.
_READ_FROM_TEXT = (bool, int, float, NoneType)
# In the words of YAML; pydantic uses those of Python (tuple, dataclass).
_NEEDED = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type"), "a list is needed, such as [1, 2]"),
    **dict.fromkeys(("dict_type", "mapping_type", "dataclass_type"), "keys and values are needed, such as {a: 1}"),
}
_UNKNOWN_KEY = frozenset({"unexpected_keyword_argument", "extra_forbidden"})


def _first_error(cls: type, error: ValidationError, where: str) -> str:
    # An unknown key is named before a missing one: it is usually why the other is missing.
    first = min(error.errors(include_url=False), key=lambda e: e["type"] not in _UNKNOWN_KEY)
    names, owners = _walk(cls, [str(part) for part in first["loc"]])
    key = ".".join([where, *names] if where else names)
    if first["type"] in _UNKNOWN_KEY and names:
        return f"{key}: unknown key; {nearest(names[-1], owners)}"
    if first["type"] == "union_tag_not_found":
        return f"{key}: {first['input']!r} needs a key {first['ctx']['discriminator']} that names its kind"
    if first["type"].startswith("missing"):
        return f"{key}: a value is needed"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
    what = _NEEDED.get(first["type"]) or f"{first['msg'][0].lower()}{first['msg'][1:]}"
    said = f"{key}: {first['input']!r} cannot be used; {what}"
    is_misread = first["type"] == "string_type" and isinstance(first["input"], _READ_FROM_TEXT)
    return f'{said}; put it in quotes to make it text, as in "1.0" or "true"' if is_misread else said


_Node: TypeAlias = dict[str, Any]
# The keys of a JSON schema by which a value has others inside.
_HOLDERS = frozenset({"properties", "additionalProperties", "items"})


def _walk(cls: type, path: list[str]) -> tuple[list[str], list[str]]:
    """The keys on `path` as the person wrote them, and the keys that the last one's owner knows.

    Pydantic puts the tag of a union between the keys ("imbalance", "step", "ratio"); the schema tells them apart.
    """
    schema = _adapter(cls).json_schema()
    nodes, names, owners = [schema], [], []
    for name in path:
        tagged = [node for node in nodes if name in node.get("discriminator", {}).get("mapping", {})]
        if tagged:
            nodes = _alternatives(schema, {"$ref": tagged[0]["discriminator"]["mapping"][name]})
            continue
        # What pydantic calls the one of several kinds that a plain value might have been.
        if nodes and not any(node.keys() & _HOLDERS for node in nodes):
            continue
        names.append(name)
        owners = [key for node in nodes for key in node.get("properties", {})]
        steps = [
            node.get("items") or node.get("properties", {}).get(name, node.get("additionalProperties"))
            for node in nodes
        ]
        nodes = [found for step in steps if isinstance(step, dict) for found in _alternatives(schema, step)]
    return names, owners


def _alternatives(schema: _Node, node: _Node) -> list[_Node]:
    """`node` with its reference followed, or what it may be where it is a union without a tag."""
    if "$ref" in node:
        return _alternatives(schema, schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in node:
        return [found for option in node["anyOf"] for found in _alternatives(schema, option)]
    return [node]


def dump(value: object) -> dict[str, JsonValue]:
    """A settings object as a nested dict of JSON values, every default written out."""
    dumped: dict[str, JsonValue] = _adapter(type(value)).dump_python(value, mode="json")
    return dumped


def find_differences(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], *, prefix: str = ""
) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """The full key of each value that differs, and the value in both mappings, in the order of `after`.

    None stands for a missing value.
    """
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from find_differences(old, new, prefix=f"{prefix}{key}.")
        # To Python, true equals 1.
        elif old != new or isinstance(old, bool) != isinstance(new, bool):
            yield f"{prefix}{key}", old, new


def digest(value: JsonValue) -> str:
    """Twelve hexadecimal digits that identify a JSON value, independent of the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
