"""Where the reference of settings and parts is, and which files it was built from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_study.trainables.base.files import read_text
from gan_study.trainables.base.settings import from_json

REFERENCE = Path(__file__).with_name("reference.json")

# The titles of the lists below which parts of other packages are listed too.
DATA_SETS_TITLE = "Data sets"
BALANCERS_TITLE = "Balancers without a GAN"
GANS_TITLE = "GAN variants (each a balancer)"
CLASSIFIERS_TITLE = "Classifiers"
METRICS_TITLE = "Metrics of a classifier (objective)"

# Each file in one of these is a part, or a recipe: a new one needs no other entry.
_FOLDERS = (
    "trainables/data/sources",
    "trainables/balancing/methods",
    "trainables/gans/variants",
    "trainables/classifiers/models",
    "study/recipes",
)


def member_files() -> list[str]:
    """The files that define the parts and recipes of this package, by their paths in it."""
    package = Path(__file__).parents[1]
    return sorted(
        f"{folder}/{path.name}"
        for folder in _FOLDERS
        for path in (package / folder).iterdir()
        if path.suffix in (".py", ".yaml")
    )


def read_reference_file() -> Mapping[str, Any] | None:
    """What the reference file says; None if a part or recipe was added or removed since it was built."""
    content = from_json(read_text(REFERENCE))
    assert isinstance(content, dict), "it is written as an object"
    return content if content["members"] == member_files() else None
