"""docs/unused.md names files that there are, and all settings that no recipe sets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gan_study.search_spaces.spaces import SPACES
from gan_study.study.explain import all_settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "unused.md").read_text(encoding="utf-8")
OFF = re.findall(r"^\| `([a-z_.]+)`[^|]*\| ([^|]+) \| (\d+) \|", PAGE, flags=re.MULTILINE)
_, PUBLISHED, REST = re.split(r"^## (?:At a published value|How a study is run)$", PAGE, flags=re.MULTILINE)
HOW_RUN, NOT_COUNTED = REST.split("## What does not count")
RUN = re.findall(r"^\| `([a-z_.]+)`", HOW_RUN, flags=re.MULTILINE)
# Set by kind: what is unused is one of the kinds, not the setting itself.
BY_KIND = ("classifier.schedule", "classifier.backbone.tuning", "confirm.image_features")


def keys(values: object, prefix: str = "") -> Iterator[str]:
    """All keys of a recipe; a balancer's own settings as `balancing.`, whatever its name."""
    if isinstance(values, dict):
        for key, value in values.items():
            path = f"{prefix}.{key}" if prefix else str(key)
            path = re.sub(r"^scales\.[^.]+\.", "", path)
            path = re.sub(r"^(?:search\.parameters\.)?balanc(?:ers\.[^.]+|ing)[./]", "balancing.", path)
            yield path.partition("@")[0].replace("/", ".")
            yield from keys(value, path)


RECIPES = [
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "study" / "recipes").glob("*.yaml"))
]
SEARCHED = {recipe["search"]["space"] for recipe in RECIPES if "space" in recipe.get("search", {})}
SET = {key for recipe in RECIPES for key in keys(recipe)} | {
    key for name in SEARCHED for key in keys({"search": {"parameters": dict(SPACES[name].parameters)}})
}


def first_cells(table: str) -> Iterator[str]:
    """The names in the first column of a table."""
    for cell in re.findall(r"^\| ([^|]*`[^|]*) \|", table, flags=re.MULTILINE):
        yield from re.findall(r"`([\w.]+)`", cell)


def settings() -> Iterator[str]:
    """Every setting that has no others inside, a balancer's own as in `keys`."""
    names = {each.key for each in all_settings()}
    above = {name.rpartition(".")[0] for name in names}
    for name in names - above:
        if not re.fullmatch(r"balancers\.[^.]+", name):
            yield re.sub(r"^balancers\.[^.]+\.", "balancing.", name)


def is_listed(name: str) -> bool:
    """Whether a setting, or a section that it is in, is in a table; one at a published value by its last part."""
    whole = {*(name for name, _, _ in OFF), *RUN, *first_cells(NOT_COUNTED)}
    sections = [name[: match.start()] for match in re.finditer(r"\.|$", name)]
    return not whole.isdisjoint(sections) or name.rpartition(".")[2] in {
        each.rpartition(".")[2] for each in first_cells(PUBLISHED)
    }


def test_every_setting_is_set_by_a_recipe_or_listed() -> None:
    assert sorted(name for name in {*settings()} - SET if not is_listed(name)) == []


def test_a_setting_that_nobody_lists_is_found() -> None:
    assert not is_listed("search.made_up") and not is_listed("balancing.gan.made_up")
    assert is_listed("data.columns.path") and is_listed("balancing.tau")


def test_the_recipes_are_read_as_they_are_meant() -> None:
    assert {"data.train_size", "classifier.budget", "balancing.gan.epochs", "balancing.image_size"} <= SET


@pytest.mark.parametrize("name", [*(name for name, _, _ in OFF if name not in BY_KIND), *RUN])
def test_no_recipe_sets_what_is_listed(name: str) -> None:
    assert name not in SET, f"{name} is used now: take it off docs/unused.md"


def test_what_is_listed_lies_where_the_page_says() -> None:
    assert len(OFF) == 12
    assert len(RUN) == 10
    places = re.findall(r"`((?:trainables|study)/[\w/.]+)`", PAGE)
    assert len(places) > len(OFF) + len(RUN)
    assert all((ROOT / place).exists() for place in places)
