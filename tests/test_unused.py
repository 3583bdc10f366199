"""docs/unused.md names files that there are, and settings that no recipe sets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "unused.md").read_text(encoding="utf-8")
OFF = re.findall(r"^\| `([a-z_.]+)`[^|]*\| ([^|]+) \| (\d+) \|", PAGE, flags=re.MULTILINE)
RUN = re.findall(r"^\| `([a-z_.]+)`", PAGE.split("## How a study is run")[1], flags=re.MULTILINE)
# Set by kind: what is unused is one of the kinds, not the setting itself.
BY_KIND = ("classifier.schedule", "classifier.backbone.tuning", "confirm.image_features")


def keys(values: object, prefix: str = "") -> Iterator[str]:
    """All keys of a recipe; a balancer's own settings as `balancing.`, whatever its name."""
    if isinstance(values, dict):
        for key, value in values.items():
            path = f"{prefix}.{key}" if prefix else str(key)
            path = re.sub(r"^scales\.[^.]+\.", "", path)
            yield re.sub(r"^balancers\.[^.]+\.", "balancing.", path)
            yield from keys(value, path)


SET = {
    key
    for path in sorted((ROOT / "study" / "recipes").glob("*.yaml"))
    for key in keys(yaml.safe_load(path.read_text(encoding="utf-8")))
}


def test_the_recipes_are_read_as_they_are_meant() -> None:
    assert {"data.train_size", "classifier.budget", "balancing.gan.epochs", "balancing.image_size"} <= SET


@pytest.mark.parametrize("name", [*(name for name, _, _ in OFF if name not in BY_KIND), *RUN])
def test_no_recipe_sets_what_is_listed(name: str) -> None:
    assert name not in SET, f"{name} is used now: take it off docs/unused.md"


def test_what_is_listed_lies_where_the_page_says() -> None:
    assert len(OFF) == 14
    assert len(RUN) == 10
    places = re.findall(r"`((?:trainables|study)/[\w/.]+)`", PAGE)
    assert len(places) > len(OFF) + len(RUN)
    assert all((ROOT / place).exists() for place in places)
