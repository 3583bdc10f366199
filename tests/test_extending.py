"""docs/extending.md is followed to the letter, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
COPIED = (
    "gan_study",
    "study",
    "search_spaces",
    "trainables",
    "analysis",
    "tests",
    "benchmarks",
    "pyproject.toml",
    "README.md",
)


@dataclass(frozen=True)
class Block:
    path: str
    text: str


def blocks(page: str) -> list[Block]:
    """The page's code blocks, each with the file that is named above it."""
    pattern = r"^`([\w/.]+)`\n\n```python\n(.*?)^```$"
    return [Block(*found) for found in re.findall(pattern, page, flags=re.MULTILINE | re.DOTALL)]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for block in blocks(PAGE):
        path = folder / block.path
        assert not path.exists()
        path.write_text(block.text, encoding="utf-8")
    return folder


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_page_has_all_of_its_blocks():
    assert len(blocks(PAGE)) == PAGE.count("```") // 2 == 8


def test_the_examples_pass_their_own_tests(extended):
    tests = [block.path for block in blocks(PAGE) if Path(block.path).name.startswith("test_")]
    assert len(tests) == 4
    assert "4 passed" in run(extended, "-m", "pytest", "-p", "no:cacheprovider", *tests)


def test_the_examples_keep_the_contracts(extended):
    chosen = "ragan or square_root_sampling or shapes or linear"
    said = run(
        extended,
        *("-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider", "-k", chosen, "tests/contracts"),
        *("tests/trainables/gans", "tests/trainables/balancing", "tests/trainables/data"),
    )
    passed = [line for line in said.splitlines() if "PASSED" in line]
    assert all(any(name in line for line in passed) for name in chosen.split(" or "))


def test_the_examples_are_listed_and_searched(extended):
    listed = run(extended, "-m", "gan_study.study.cli", "list")
    assert all(name in listed for name in ("ragan", "square_root_sampling", "shapes", "linear"))
    settings = (
        "data.name=shapes",
        "imbalance.minority_classes=[disc]",
        "classifier.name=linear",
        "baselines=[square_root_sampling]",
        "search.space=small",
        "search.parameters.balancing/name={kind: choice, options: [ragan]}",
    )
    options = (word for setting in settings for word in ("--set", setting))
    assert "ragan" in run(extended, "-m", "gan_study.study.cli", "show", "quickstart", *options)


def test_the_examples_are_well_typed(extended):
    written = [block.path for block in blocks(PAGE) if not block.path.startswith("tests/")]
    run(extended, "-m", "ruff", "check", "--isolated", "--line-length", "115", *written)
