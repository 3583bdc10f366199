"""YAML with the core schema of YAML 1.2, in which `no` is a word and 1:30 is not a number.

PyYAML itself reads YAML 1.1: `on` is true, 010 is eight, 1:30 is ninety; of two equal keys the last one is used.
"""

import itertools
import math
import re
from typing import Any, ClassVar

import yaml
from pydantic import JsonValue

from gan_study.trainables.base.settings import ConfigError

# Characters and values, aliases written out; our own recipes have some thousand. A few lines of aliases of aliases
# can say more than fits in a computer's memory.
_LONGEST = 1_000_000
# Brackets nested by the thousand, and tags such as !!bool before what is none, are no YAMLError.
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, LookupError)

_PREFIX = "tag:yaml.org,2002:"
# YAML 1.2.2, section 10.3.2, but for 0123: 123 to some, 83 to others, and neither to a class of this name. It
# stays the text that it is, and is 123 where a number is asked for.
_WHOLE = r"[-+]?(?:0|[1-9][0-9]*)"
_CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": rf"{_WHOLE}|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": rf"[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?|{_WHOLE}(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    # Valid in YAML 1.1 only, and in use.
    "merge": r"<<",
}
# Those under None are tried for every scalar.
_RESOLVERS: dict[Any, Any] = {
    None: [(f"{_PREFIX}{name}", re.compile(rf"(?:{pattern})\Z")) for name, pattern in _CORE.items()]
}


def from_yaml(text: str) -> JsonValue:
    """The value in `text`; raises ConfigError, in one line, if it is not YAML."""
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"more than {_LONGEST:,} characters")
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _length(node, {}) > _LONGEST:
                raise ValueError(f"its aliases expand to more than {_LONGEST:,} characters")
            value: JsonValue = loader.construct_document(node)
        finally:
            loader.dispose()
    except _UNREADABLE as error:
        raise ConfigError(" ".join(str(error).split())) from None
    return value


def to_yaml(value: JsonValue) -> str:
    """`value` as YAML that `from_yaml` and readers of YAML 1.1 can read."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema and `<<`; a key that appears twice is an error that names both lines."""

    yaml_implicit_resolvers = _RESOLVERS
    yaml_constructors: ClassVar[dict[Any, Any]] = {
        tag: yaml.SafeLoader.yaml_constructors[tag]
        for tag in (None, *(f"{_PREFIX}{name}" for name in ("null", "bool", "float", "str", "seq", "map")))
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first_keys: dict[object, yaml.ScalarNode] = {}
        keys = (key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != f"{_PREFIX}merge")
        for key in keys:
            value = self.construct_object(key)
            # 3 and "3" name one class, and to Python 1, 1.0 and true are one key.
            for name in (value, str(value)):
                first = first_keys.setdefault(name, key)
                if first is not key:
                    at = f"lines {first.start_mark.line + 1} and {key.start_mark.line + 1}"
                    raise ValueError(f"the key {str(value)!r} appears twice, in {at}")
        return node

    def _construct_int(self, node: yaml.ScalarNode) -> int:
        return int(str(self.construct_scalar(node)), base=0)


_Loader.add_constructor(f"{_PREFIX}int", _Loader._construct_int)


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for something other than text."""

    yaml_implicit_resolvers = {**yaml.SafeDumper.yaml_implicit_resolvers, **_RESOLVERS}  # noqa: RUF012 (PyYAML's own)


def _length(node: yaml.Node, known: dict[yaml.Node, float]) -> float:
    """Characters and values in `node`, its aliases written out; infinity where one leads back to where it stands.

    `known` are the lengths of nodes that were seen before.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1 + len(node.value)
    if node not in known:
        known[node] = math.inf
        inner = itertools.chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        known[node] = 1 + sum(_length(each, known) for each in inner)
    return known[node]
