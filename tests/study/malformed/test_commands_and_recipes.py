"""Any command line, recipe and assignment."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gan_study.study.commands import app
from gan_study.study.plan.recipe import load_recipe, study_config
from gan_study.trainables.base.settings import dump
from tests.study.malformed.inputs import answer, assert_civil, keys_of, tried, values, with_value

RECIPE = load_recipe("quickstart")
# Ten billion values in nine lines.
ALIASES_OF_ALIASES = "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(10)
).encode()
KEYS = sorted(set(keys_of(dump(study_config("quickstart")))) | set(keys_of(RECIPE)))
WORDS = st.one_of(
    st.sampled_from([command.name or command.callback.__name__ for command in app.registered_commands]),
    st.sampled_from(["--out", "--set", "--trials", "--from", "--num", "--seed", "--class", "--link", "--json"]),
    st.sampled_from(["--", "-", "-x", "--oops", "--out=a", "--num=0", "--seed=x", "--epochs=1e9", "--help", "\n"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)


@tried("command lines")
@given(words=st.lists(WORDS, max_size=6))
def test_any_command_line(nowhere, words):
    assert_civil(answer(*words))


@tried("recipes")
@given(path=st.sampled_from(KEYS), value=values, extends=st.booleans())
def test_a_recipe_with_one_odd_value(tmp_path_factory, path, value, extends):
    file = tmp_path_factory.getbasetemp() / "recipe.yaml"
    base = {"extends": "quickstart"} if extends else RECIPE
    file.write_text(yaml.safe_dump(with_value(base, path, value)), encoding="utf-8")
    assert_civil(answer("show", file))


@tried("files")
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="[]{}:-&*!|>?%@`'\" \n\tab019.#,~<=", max_size=60).map(str.encode),
        st.sampled_from(
            [
                b"[" * 100_000,
                b"a: " + b"1" * 5000,
                b"a: 2020-99-99",
                b"a: &a [*a]",
                b"name: &a {b: *a}",
                ALIASES_OF_ALIASES,
                b"a: !!python/object/apply:os.system [ls]",
                b"a: 0x",
                b"a: 1:99:99",
                b"\xff\xfe",
                b"scales: 3",
                b"extends: [1]",
                b"a: !!binary ;",
                b"? [1]\n: 2",
                b"a: !!timestamp x",
            ]
        ),
    ),
    suffix=st.sampled_from([".yaml", ".json", ""]),
)
def test_a_recipe_that_is_any_bytes(tmp_path_factory, content, suffix):
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_bytes(content)
    assert_civil(answer("show", file))


@tried("assignments")
@given(
    key=st.one_of(st.sampled_from(KEYS).map(".".join), st.text(max_size=8)),
    value=st.one_of(
        values.map(lambda value: yaml.safe_dump(value, default_flow_style=True)), st.text(max_size=20)
    ),
    also=st.sampled_from([[], ["scale=ci"], ["scale=3"], ["imbalance.profile=long_tailed"]]),
)
def test_any_assignment(key, value, also):
    assert_civil(answer("show", "quickstart", f"--set={key}={value}", *(f"--set={text}" for text in also)))


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("oops://zoe@host/db", id="no such kind"),
        pytest.param("postgresql+oops://zoe@host/db", id="no such driver"),
        # Nobody listens at port 1, and no name ends in .invalid (RFC 6761).
        pytest.param("postgresql://zoe@127.0.0.1:1/db", id="nobody listens"),
        pytest.param("mysql://zoe@host.invalid/db", id="no such host"),
        pytest.param("redis://host/0", id="no longer Optuna's"),
        pytest.param("sqlite:////dev/null/study.db", id="no such folder"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_refused_before_anything_is_written(nowhere, url):
    code, err = answer("run", "quickstart", f"--set=storage={url}", "--out=study")
    assert (code, err.count("\n")) == (2, 1)
    assert "storage" in err and "zoe" not in err
    assert not Path("study").exists()
