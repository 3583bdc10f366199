"""Imports go down only. docs/architecture.md draws the same picture."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("study", "search_spaces", "trainables", "analysis")

# Room -> the rooms below it. A module belongs to the longest room that its name begins with.
GROUND = (
    "trainables.settings",
    "trainables.seeding",
    "trainables.tunable",
    "trainables.batches",
    "trainables.maps",
)
DATA = ("trainables.data", "trainables.record", *GROUND)
BELOW = {
    "trainables": (),
    "trainables.settings": (),
    "trainables.seeding": (),
    "trainables.batches": (),
    "trainables.maps": (),
    "trainables.process": (),
    "trainables.time_limit": (),
    "trainables.matrix_products": ("trainables.files",),
    "trainables.files": (),
    "trainables.log": (),
    "trainables.kept": ("trainables.files", "trainables.matrix_products", "trainables.settings"),
    "trainables.tunable": ("trainables.settings",),
    "trainables.record": ("trainables.settings",),
    "trainables.data": GROUND,
    "trainables.artifacts": ("trainables.data", "trainables.metrics"),
    "trainables.metrics": ("trainables.record", "trainables.seeding"),
    "trainables.fitting": (),
    "trainables.classifiers": ("trainables.fitting", *DATA),
    "trainables.gans": ("trainables.kept", *DATA),
    "trainables.balancing": ("trainables.fitting", "trainables.gans", "trainables.metrics", *DATA),
    "trainables.evaluation": ("trainables.settings",),
    "trainables.config": ("trainables.balancing", "trainables.classifiers", "trainables.evaluation", *DATA),
    "trainables.parts": ("trainables.balancing.balancer", "trainables.config", *DATA),
    "trainables.features": (
        "trainables.classifiers",
        "trainables.evaluation",
        "trainables.fitting",
        "trainables.kept",
        *DATA,
    ),
    "trainables.generation": (
        "trainables.classifiers",
        "trainables.evaluation",
        "trainables.features",
        "trainables.kept",
        "trainables.metrics",
        *DATA,
    ),
    "trainables.trial": (
        "trainables.artifacts",
        "trainables.config",
        "trainables.generation",
        "trainables.parts",
        "trainables.balancing",
        "trainables.classifiers",
        "trainables.fitting",
        "trainables.gans.checkpoints",
        "trainables.gans.together",
        "trainables.kept",
        "trainables.matrix_products",
        "trainables.metrics",
        *DATA,
    ),
    "trainables.resampling": ("trainables.balancing", *DATA),
    "trainables.product": (
        "trainables.balancing",
        "trainables.classifiers",
        "trainables.config",
        "trainables.files",
        "trainables.gans",
        "trainables.generation",
        "trainables.kept",
        "trainables.matrix_products",
        "trainables.metrics",
        "trainables.parts",
        "trainables.process",
        "trainables.trial",
        *DATA,
    ),
    "trainables.ray_trainable": (
        "trainables.config",
        "trainables.files",
        "trainables.gans.checkpoints",
        "trainables.gans.together",
        "trainables.kept",
        "trainables.log",
        "trainables.matrix_products",
        "trainables.process",
        "trainables.time_limit",
        "trainables.trial",
        *DATA,
    ),
    "search_spaces": (
        "trainables.settings",
        "trainables.tunable",
        "trainables.balancing.catalog",
        "trainables.gans.catalog",
        "trainables.gans.variant",
    ),
    "study": ("search_spaces", "trainables"),
    # Only these ask for an analysis, and only when it is wanted (inside a function).
    "study.balance": ("study", "search_spaces", "trainables", "analysis"),
    "study.cli": ("study", "search_spaces", "trainables", "analysis"),
    "study.listing": ("study", "search_spaces", "trainables", "analysis"),
    "study.result": ("trainables", "analysis"),
    "analysis": ("trainables.record", "trainables.settings"),
    # It scores stored predictions as a trial does, by the same arithmetic; that loads without torch too.
    "analysis.recheck": (
        "analysis",
        "trainables.metrics.classification",
        "trainables.record",
        "trainables.settings",
    ),
}

# Library -> the rooms that may import it.
LIBRARIES = {
    "ray": ("trainables.ray_trainable", "study"),
    "optuna": ("search_spaces.optuna_adapter", "study.searcher", "study.importance"),
    "sqlalchemy": ("study.searcher",),
    "wandb": ("study.tracking",),
    "wandb_workspaces": ("study.dashboard",),
    "matplotlib": ("analysis",),
    "altair": ("analysis",),
    "vl_convert": ("analysis",),
    "torch": ("trainables", "study.runner"),
    "typer": ("study.cli",),
    "safetensors": ("trainables.product",),
}


def lies_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str:
    return max((room for room in BELOW if lies_in(module, room)), key=len)


def imports(source: str) -> Iterator[str]:
    """Every module that a source file imports, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def faults(module: str, source: str) -> list[str]:
    """What is wrong with a module's imports."""
    room = room_of(module)
    found = []
    for target in imports(source):
        library = target.split(".")[0]
        if library in PACKAGES:
            allowed = (room, *BELOW[room])
            if not any(lies_in(target, below) for below in allowed):
                found.append(f"{module} imports {target}, which does not lie below {room}")
        elif not any(lies_in(module, place) for place in LIBRARIES.get(library, (module,))):
            found.append(f"{module} imports {library}, which belongs to {LIBRARIES[library]}")
    return found


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


@pytest.mark.parametrize(("module", "path"), [pytest.param(*each, id=each[0]) for each in modules()])
def test_imports_go_down_only(module, path):
    assert faults(module, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trainables.data.split", "from trainables.gans.catalog import VARIANTS"),
        ("trainables.gans.training", "import trainables.balancing.balancer"),
        ("trainables.classifiers.training", "from trainables.balancing.balancer import Balancer"),
        ("trainables.metrics.classification", "from trainables.data.images import Labels"),
        ("trainables.trial", "def later():\n    import ray"),
        ("analysis.report", "from trainables.trial import run_trial"),
        ("analysis.report", "import torch"),
        ("search_spaces.space", "from study.config import StudyConfig"),
        ("search_spaces.space", "import optuna"),
        ("study.planner", "from analysis.load import load_study"),
    ],
)
def test_an_import_that_runs_up_is_found(module, source):
    assert len(faults(module, source)) == 1


def test_an_import_that_goes_down_is_not():
    assert faults("trainables.trial", "import torch\nfrom trainables.data.images import Labels") == []


def test_the_analysis_is_asked_for_lazily():
    for module in ("balance", "cli", "listing", "result"):
        tree = ast.parse((ROOT / "study" / f"{module}.py").read_text(encoding="utf-8"))
        at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any("analysis" in ast.dump(node) for node in at_the_top)
