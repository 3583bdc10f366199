"""The reference of all settings and all parts, as the file that `list`, `explain` and editors read.

Built from the types of the settings, the docstrings below their fields, and the catalogs, all of which load torch;
the file lets a command answer at once. `python -m gan_study.study.reference` writes it again; a test says when
this is needed.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import JsonValue, TypeAdapter
from pydantic.fields import FieldInfo

from gan_study.search_spaces.spaces import SPACES
from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.recipe import FULL, load_recipe, recipe_names, scales_of
from gan_study.study.reference_file import (
    BALANCERS_TITLE,
    CLASSIFIERS_TITLE,
    DATA_SETS_TITLE,
    GANS_TITLE,
    METRICS_TITLE,
    REFERENCE,
    member_files,
)
from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.catalog import BACKBONE_SUMMARY, CLASSIFIERS
from gan_study.trainables.classifiers.classifier import BACKBONE
from gan_study.trainables.classifiers.metrics import METRICS
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.runtime.storage import write_atomically

# What pydantic calls limits where a check comes before them, and JSON Schema's words for these.
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}

# The first section of a numpydoc docstring, examples for instance, ends the description.
_SECTION = re.compile(r"\n\n[A-Z][A-Za-z ]*\n---+\n")


def reference() -> dict[str, JsonValue]:
    """The JSON schema of a recipe, the lines of `gan-study list`, and the files that parts and recipes are in."""
    listing: dict[str, JsonValue] = {title: {**entries} for title, entries in own_listing().items()}
    return {"members": [*member_files()], "schema": recipe_schema(), "listing": listing}


def own_listing() -> dict[str, dict[str, str]]:
    """The parts that this package has: titles to names to lines."""
    # The analysis lies above, and is asked for this alone.
    from gan_study.analysis.tables.generated import FIDELITY, VARIETY

    return {
        DATA_SETS_TITLE: {name: entry.summary for name, entry in DATA_SETS.items()},
        BALANCERS_TITLE: {name: entry.summary for name, entry in BALANCERS.items() if not entry.is_gan},
        GANS_TITLE: {name: variant.summary for name, variant in VARIANTS.items()},
        CLASSIFIERS_TITLE: {
            **{name: entry.summary for name, entry in CLASSIFIERS.items()},
            BACKBONE: BACKBONE_SUMMARY,
        },
        METRICS_TITLE: {name: each.summary for name, each in METRICS.items()},
        "Metrics of generated images": {
            each.metric: each.meaning.partition(". ")[0] for each in (*FIDELITY, *VARIETY)
        },
        "Search spaces": {name: space.summary for name, space in SPACES.items()},
        "Recipes": {name: _recipe_line(name) for name in recipe_names()},
    }


def _recipe_line(name: str) -> str:
    recipe = load_recipe(name)
    return f"{recipe['summary']} (sizes: {', '.join([FULL, *scales_of(recipe)])})"


def recipe_schema() -> dict[str, JsonValue]:
    """The JSON schema (draft 2020-12) of a recipe: every setting with its meaning, limits and default."""
    schema: dict[str, Any] = _with_usual_limits(TypeAdapter(StudyConfig).json_schema())
    definitions = schema["$defs"]
    balancers = schema["properties"]["balancers"]
    balancers["properties"] = {}
    for name in sorted(BALANCERS):
        entry = BALANCERS[name]
        made: dict[str, Any] = _with_usual_limits(TypeAdapter(entry.settings).json_schema())
        definitions.update(made.pop("$defs", {}))
        definitions.setdefault(made["title"], made)
        balancers["properties"][name] = {
            "$ref": f"#/$defs/{made['title']}",
            "description": entry.summary,
            "default": _defaults(name),
        }
    # A balancer of another package has settings of its own.
    balancers["additionalProperties"] = {"type": "object"}
    for cls in _settings_classes():
        _describe(schema if cls is StudyConfig else definitions[cls.__name__], cls)
    balancers["description"] += " By name, in the order of `gan-study list`."
    for each in (schema, *definitions.values()):
        # A recipe is a difference from the defaults, and its sizes are differences from it.
        each.pop("required", None)
    schema["properties"] |= {
        "extends": {"type": "string", "description": "The recipe that this one extends."},
        "scales": {
            "type": "object",
            "additionalProperties": {"$ref": "#"},
            "description": "Changes for other sizes of the recipe, by the name of the size: `--set scale=NAME`.",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of gan-study",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _defaults(name: str) -> dict[str, JsonValue]:
    """The settings of a balancer for which nothing is said."""
    return {key: value for key, value in parse_balancing({"name": name}).dump().items() if key != "name"}


def _settings_classes() -> tuple[type, ...]:
    """Every class of settings that a study's configuration is made of, balancers included."""
    found: dict[type, None] = {}
    waiting: list[Any] = [StudyConfig, *(BALANCERS[name].settings for name in sorted(BALANCERS))]
    while waiting:
        kind = waiting.pop()
        waiting.extend(get_args(kind))
        if isinstance(kind, type) and is_dataclass(kind) and kind not in found:
            found[kind] = None
            waiting.extend(get_type_hints(kind).values())
    return tuple(found)


def _describe(schema: dict[str, Any], cls: type) -> None:
    """Add to the schema of a class what stands below each of its fields, and defaults that are made."""
    assert is_dataclass(cls)
    meanings = dict(_meanings(cls))
    schema["description"] = _SECTION.split(inspect.cleandoc(cls.__doc__ or ""))[0]
    schema["module"] = cls.__module__.removeprefix("gan_study.").replace(".", "/") + ".py"
    properties = schema["properties"]
    # An alias is the first word: `from`, which Python keeps for itself, stands for `from_study`.
    names = {
        each.name: each.name if each.name in properties else each.name.partition("_")[0] for each in fields(cls)
    }
    schema["properties"] = {name: properties[name] for name in names.values()}
    for field in fields(cls):
        info, place = field.default, properties[names[field.name]]
        place.pop("title", None)
        if field.name in meanings:
            place["description"] = meanings[field.name]
        factory = info.default_factory if isinstance(info, FieldInfo) else None
        if factory is not None and "default" not in place:
            made = factory()  # type: ignore[call-arg]
            place["default"] = dump(made) if is_dataclass(made) else made


def _meanings(cls: type) -> Iterator[tuple[str, str]]:
    """The docstring below each field of a class, its bases' first."""
    for base in reversed(cls.__mro__):
        if not is_dataclass(base):
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(node, ast.ClassDef)
        for field, below in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match below:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield field.target.id, " ".join(text.split())


def _with_usual_limits(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {_LIMITS.get(key, key): _with_usual_limits(value) for key, value in schema.items()}
    return [_with_usual_limits(value) for value in schema] if isinstance(schema, list) else schema


def write_reference() -> None:
    """Write the file again."""
    write_atomically(REFERENCE, to_text(reference()))


def to_text(content: Mapping[str, JsonValue]) -> bytes:
    """The file's bytes."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    write_reference()
