"""Recipes: named studies, each written as its difference from the defaults."""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import JsonValue

from study.config import StudyConfig, parse_study
from trainables.settings import ConfigError, nearest

_FOLDER = files("study") / "recipes"
# Naming another of these makes the settings of the old one meaningless, so they go.
_DISCRIMINATORS = frozenset({"imbalance.profile"})


def study_config(name_or_path: str, assignments: Iterable[str] = ()) -> StudyConfig:
    """The study of a recipe or file after assignments such as "classifier.epochs=3"; raises ConfigError."""
    return parse_study(overridden(load_recipe(name_or_path), assignments))


def recipe_names() -> tuple[str, ...]:
    """The recipes that come with the project."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))
    )


def load_recipe(name_or_path: str) -> dict[str, JsonValue]:
    """The settings in a recipe, a YAML file, or the `study.json` of an earlier study.

    Raises ConfigError where there is no such recipe or file, or where it is not a mapping.
    """
    path = Path(name_or_path)
    if name_or_path in recipe_names():
        text, stem = (_FOLDER / f"{name_or_path}.yaml").read_text(encoding="utf-8"), name_or_path
    elif path.is_file():
        text, stem = _read(path), path.stem
    else:
        raise ConfigError(
            f"{name_or_path!r} is neither a recipe nor a file; {nearest(name_or_path, recipe_names())}"
        )
    values = _parse(text, where=name_or_path)
    if {"study_id", "config"} <= values.keys() and isinstance(values["config"], dict):
        return values["config"]
    return {"name": stem, **values}


def overridden(values: Mapping[str, JsonValue], assignments: Iterable[str]) -> dict[str, JsonValue]:
    """`values` after assignments such as "classifier.epochs=3"; the right-hand side is YAML.

    Raises ConfigError where an assignment has no "=" or leads through something that is not a section.
    """
    result = dict(values)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {assignment!r}: write key=value, for instance classifier.epochs=3")
        try:
            value: JsonValue = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {assignment!r}: the value is not YAML ({_one_line(error)})") from None
        result = _assigned(result, key.strip().split("."), value, key)
    return result


def _assigned(
    values: Mapping[str, JsonValue], path: list[str], value: JsonValue, key: str
) -> dict[str, JsonValue]:
    name, *rest = path
    if not rest:
        return {name: value} if key in _DISCRIMINATORS else {**values, name: value}
    inner = values.get(name) or {}
    if not isinstance(inner, dict):
        raise ConfigError(f"--set {key}: {name} has the value {inner!r} and no settings inside")
    return {**values, name: _assigned(inner, rest, value, key)}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a text file") from None


def _parse(text: str, *, where: str) -> dict[str, JsonValue]:
    try:
        values = json.loads(text) if where.endswith(".json") else yaml.safe_load(text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise ConfigError(f"{where} cannot be read: {_one_line(error)}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{where} is not a mapping of settings")
    return values


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
