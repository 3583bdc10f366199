from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Annotated, Literal

import pytest
from pydantic import Field

from gan_study.trainables.base.settings import ConfigError, digest, dump, from_json, parse, settings


@settings
class Inner:
    rate: float = Field(default=0.1, gt=0)


@settings
class Outer:
    name: str
    inner: Inner = Field(default_factory=Inner)
    table: Mapping[str, Inner] = Field(default_factory=dict)
    maybe: Inner | None = None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nam": "x"}, "s.nam: unknown key; did you mean 'name'?"),
        (
            {"name": "x", "inner": {"rat": 1}},
            "s.inner.rat: unknown key; did you mean 'rate'?",
        ),
        (
            {"name": "x", "table": {"a": {"rat": 1}}},
            "s.table.a.rat: unknown key; did you mean 'rate'?",
        ),
        (
            {"name": "x", "maybe": {"rat": 1}},
            "s.maybe.rat: unknown key; did you mean 'rate'?",
        ),
        (
            {"name": "x", "inner": {"rate": -1}},
            "s.inner.rate: -1 cannot be used; input should be greater than 0",
        ),
        ({"name": "x", "inner": {"rate": float("nan")}}, "s.inner.rate: nan cannot be used; "),
        (
            {"name": 1.5},
            "s.name: 1.5 cannot be used; input should be a valid string; put it in quotes to make it text",
        ),
        ({}, "s.name: a value is needed"),
        ([1], "s: [1] cannot be used; "),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(values, message):
    with pytest.raises(ConfigError) as error:
        parse(Outer, values, where="s")
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_dump_is_complete_and_parses_to_the_same():
    outer = parse(Outer, {"name": "x", "table": {"a": {}}}, where="")
    assert dump(outer) == {
        "name": "x",
        "inner": {"rate": 0.1},
        "table": {"a": {"rate": 0.1}},
        "maybe": None,
    }
    assert parse(Outer, dump(outer), where="") == outer


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Inner().rate = 1  # type: ignore[misc]


@pytest.mark.parametrize("text", ["{", "[NaN]", "[" * 100_000, "1" * 5000, b"\xff", b""])
def test_what_is_not_json_is_said_in_one_line(text):
    with pytest.raises(ConfigError, match=r"^not JSON \(.+\)$"):
        from_json(text)
    assert from_json('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}


def test_a_digest_ignores_the_order_of_keys_and_nothing_else():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert digest({"a": 1}) != digest({"a": "1"})


@settings
class Circle:
    kind: Literal["circle"] = "circle"
    radius: float


@settings
class Square:
    kind: Literal["square"] = "square"
    side: float


@settings
class Drawing:
    shape: Annotated[Circle | Square, Field(discriminator="kind")]


def test_the_tag_of_a_union_does_not_show_in_the_key():
    with pytest.raises(ConfigError, match=r"^shape\.radus: unknown key; did you mean 'radius'\?$"):
        parse(Drawing, {"shape": {"kind": "circle", "radus": 1}}, where="")
    with pytest.raises(ConfigError, match=r"^shape\.side: a value is needed$"):
        parse(Drawing, {"shape": {"kind": "square"}}, where="")
