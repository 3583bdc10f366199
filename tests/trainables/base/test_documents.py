from collections.abc import Mapping
from dataclasses import field

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.base.documents import from_yaml, to_yaml
from gan_study.trainables.base.settings import ConfigError, from_json, parse, settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Words and times of YAML 1.1, which are text in YAML 1.2.
        *((word, word) for word in ("on", "off", "yes", "no", "Yes", "y", "1:30", "2020-01-01", "1_000", "=")),
        ("010", "010"),
        ("true", True),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+3", 3),
        ("~", None),
        ("", None),
        ("a: &x {p: 1}\nb: {<<: *x, q: 2}", {"a": {"p": 1}, "b": {"p": 1, "q": 2}}),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = from_yaml(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "'a' appears twice, in lines 1 and 3"),
        ("x:\n  a: 1\n  'a': 2", "'a' appears twice, in lines 2 and 3"),
        ("3: 1\n'3': 2", "'3' appears twice, in lines 1 and 2"),
        ("1: 1\ntrue: 2", "twice, in lines 1 and 2"),
        ("p: {q: &a {b: 1}}\nc: {<<: *a, d: 2, d: 3}", "'d' appears twice, in lines 2 and 2"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_lines(text, said):
    with pytest.raises(ConfigError, match=said):
        from_yaml(text)


def test_a_key_that_takes_the_place_of_a_merged_one_is_there_once():
    # The outer mapping of `c` is made before the one that it merges.
    assert from_yaml("p: {q: &a {<<: {b: 1}, b: 2}}\nc: {<<: *a, b: 3}") == {"p": {"q": {"b": 2}}, "c": {"b": 3}}


@pytest.mark.parametrize(
    "tag", ["!!timestamp 2020-01-01", "!!python/name:os.system", "!!set {a}", "!!binary aa=="]
)
def test_other_tags_than_those_of_the_core_schema_are_refused(tag):
    with pytest.raises(ConfigError):
        from_yaml(tag)


@given(
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=6),
            st.sampled_from(["on", "1e3", "010", "0o7", "1:30", "<<", "~", "1_000", "0x1", ".5", "2020-01-01"]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text("abno19", min_size=1), inner)
        ),
        max_leaves=5,
    )
)
def test_what_is_written_is_read_back_by_readers_of_either_version(value):
    # As a number, a key and the text of its digits are one class to us, so keys are text here.
    text = to_yaml(value)
    assert from_yaml(text) == value
    assert yaml.safe_load(text) == value


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 3}', '[{"x": {"a": 1, "a": 1}}]'])
def test_json_with_a_key_twice_is_refused(text):
    with pytest.raises(ConfigError, match="'a' appears twice"):
        from_json(text)


@pytest.mark.parametrize("text", ["1e400", "[-1e999]", "NaN", "[Infinity]"])
def test_json_numbers_are_finite(text):
    with pytest.raises(ConfigError, match="not a JSON number"):
        from_json(text)


@settings
class Inner:
    share: float = 0.5


@settings
class Outer:
    number: int = 1
    either: int | str = 1
    numbers: tuple[int, ...] = ()
    by_name: Mapping[str, float | None] = field(default_factory=dict)
    inner: Inner = Inner()
    switch: bool = False
    anything: tuple[bool | int | float | str, ...] = ()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"number": True}, "number"),
        ({"either": False}, "either"),
        ({"numbers": [1, True]}, "numbers.1"),
        ({"by_name": {"x": True}}, "by_name.x"),
        ({"inner": {"share": True}}, "inner.share"),
    ],
)
def test_a_boolean_is_no_number(values, key):
    with pytest.raises(ConfigError, match=f"^{key}: (True|False) cannot be used"):
        parse(Outer, values, where="")


def test_what_may_be_either_stays_what_it_is():
    found = parse(Outer, {"anything": [True, 2, 2.5, "x"], "switch": True, "either": "a"}, where="")
    assert list(map(type, found.anything)) == [bool, int, float, str]
    assert found.switch is True


@pytest.mark.parametrize(("given_", "found"), [(3.0, 3), (1e3, 1000), ("010", 10)])
def test_a_whole_number_is_a_count_however_it_is_written(given_, found):
    assert parse(Outer, {"number": given_}, where="").number == found


@pytest.mark.parametrize("given_", ["1_0", " 10 ", "10 ", "ten", "", "\u0661\u0660", "0x10", "nan"])
def test_a_text_that_is_not_written_as_a_number_is_none(given_):
    with pytest.raises(ConfigError, match=r"^number: .* cannot be used; a number is needed"):
        parse(Outer, {"number": given_}, where="")


def test_half_a_number_is_no_count():
    with pytest.raises(ConfigError, match=r"^number: 3\.5 cannot be used"):
        parse(Outer, {"number": 3.5}, where="")
