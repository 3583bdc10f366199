"""Imports go down only. docs/architecture.md draws the same picture."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("study", "search_spaces", "trainables", "analysis")

# Room -> the rooms below it, without the package's name.
# A module belongs to the longest room that its name begins with.
DATA = ("trainables.data", "trainables.base")
# What an analysis knows of the trials that it reads.
RECORDED = (
    "trainables.records",
    "trainables.base.arguments",
    "trainables.base.files",
    "trainables.base.settings",
    "trainables.base.notes",
    "trainables.base.openmp",
    "trainables.classifiers.metrics",
    "trainables.classifiers.scores",
    # Its report is written as every folder is, and names are escaped as in the cards.
    "trainables.runtime.folders",
    "trainables.base.markup",
)
NUMBERS = ("analysis.comparisons", "analysis.wording", "analysis.records", "analysis.inference")
BELOW = {
    "trainables": (),
    "trainables.base": (),
    "trainables.runtime": ("trainables.base",),
    "trainables.records": ("trainables.base",),
    "trainables.data": ("trainables.base",),
    "trainables.classifiers": DATA,
    # They score stored predictions too, for an analysis that loads without torch.
    "trainables.classifiers.metrics": ("trainables.base.settings", "trainables.base.plugins"),
    "trainables.classifiers.scores": ("trainables.classifiers.metrics",),
    "trainables.gans": ("trainables.runtime", *DATA),
    # The training loop, checkpoints and sampling are those of the GANs.
    "trainables.flow": ("trainables.gans", "trainables.runtime", *DATA),
    "trainables.image_quality": ("trainables.classifiers", "trainables.runtime", *DATA),
    "trainables.balancing": (
        "trainables.classifiers",
        "trainables.flow",
        "trainables.gans",
        "trainables.image_quality.distribution_metrics",
        *DATA,
    ),
    "trainables.contracts": ("trainables.balancing", "trainables.classifiers", "trainables.gans", *DATA),
    "trainables.trial": (
        "trainables.balancing",
        "trainables.classifiers",
        "trainables.gans",
        "trainables.image_quality",
        "trainables.runtime",
        "trainables.records",
        *DATA,
    ),
    "trainables.export": (
        "trainables.balancing",
        "trainables.classifiers",
        "trainables.flow",
        "trainables.gans",
        "trainables.image_quality",
        "trainables.runtime",
        "trainables.trial",
        *DATA,
    ),
    "search_spaces": (
        "trainables.base",
        "trainables.balancing.autoencoder.training",
        "trainables.balancing.catalog",
        "trainables.balancing.autoencoder.training",
        "trainables.flow.training",
        "trainables.gans.catalog",
        "trainables.gans.length",
    ),
    "study": ("search_spaces", "trainables"),
    "study.plan": ("search_spaces", "trainables"),
    "study.run": ("study.plan", "study.watch", "search_spaces", "trainables"),
    # Only these ask for an analysis, and only when it is wanted (inside a function).
    "study.balance": ("study", "search_spaces", "trainables", "analysis"),
    "study.commands": ("study", "search_spaces", "trainables", "analysis"),
    "study.reference": ("study", "search_spaces", "trainables", "analysis"),
    "study.watch.tracking": ("study", "trainables", "analysis"),
    "study.run.questions": ("study", "trainables", "analysis"),
    "study.run.result": ("study.run.retention", "trainables", "analysis"),
    "study.run.retention": ("study", "trainables", "analysis"),
    # It scores stored predictions as a trial does, by the same arithmetic, which loads without torch.
    "analysis": RECORDED,
    "analysis.inference": (),
    "analysis.records": ("analysis.inference", *RECORDED),
    "analysis.comparisons": ("analysis.wording", "analysis.records", "analysis.inference", *RECORDED),
    "analysis.wording": ("analysis.records", "analysis.inference"),
    "analysis.tables": (*NUMBERS, *RECORDED),
    "analysis.plots": ("analysis.tables", *NUMBERS, *RECORDED),
    "analysis.page": ("analysis.plots", "analysis.tables", *NUMBERS, *RECORDED),
}

# Library -> the rooms that may import it.
LIBRARIES = {
    "ray": ("trainables.trial.trainable", "study"),
    "optuna": (
        "search_spaces.optuna_adapter",
        "study.plan.searcher",
        "study.watch.importance",
        "study.watch.optuna_view",
    ),
    "sqlalchemy": ("study.plan.storage_url", "study.watch.optuna_view"),
    "wandb": ("study.watch.tracking", "study.watch.wandb_internals"),
    "wandb_workspaces": ("study.watch.dashboard", "study.watch.wandb_internals"),
    "matplotlib": ("analysis",),
    "altair": ("analysis",),
    "vl_convert": ("analysis",),
    "torch": ("trainables", "study.run.data_checks", "study.run.probe"),
    "typer": ("study.commands",),
    "safetensors": ("trainables.export", "trainables.classifiers.pretrained"),
    "timm": ("trainables.classifiers.pretrained",),
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
        library, _, inside = target.partition(".")
        if library in PACKAGES:
            found.append(f"{module} imports {target}, which is gan_study.{target}")
        elif library == "gan_study":
            allowed = (room, *BELOW[room])
            if not any(lies_in(inside, below) for below in allowed):
                found.append(f"{module} imports {inside}, which does not lie below {room}")
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
        ("trainables.data.split", "from gan_study.trainables.gans.catalog import VARIANTS"),
        ("trainables.gans.training", "import gan_study.trainables.balancing.balancer"),
        ("trainables.classifiers.training", "from gan_study.trainables.balancing.balancer import Balancer"),
        ("trainables.classifiers.scores", "from gan_study.trainables.data.images import Labels"),
        ("trainables.trial.run", "def later():\n    import ray"),
        ("analysis.page.report", "from gan_study.trainables.trial.run import run_trial"),
        ("analysis.page.report", "import torch"),
        ("analysis.tables.table", "from gan_study.analysis.page.answer import answer"),
        ("analysis.inference.looks", "from gan_study.analysis.records.load import Study"),
        ("search_spaces.space", "from gan_study.study.plan.config import StudyConfig"),
        ("search_spaces.space", "import optuna"),
        ("study.plan.planner", "from gan_study.analysis.records.load import load_study"),
        ("study.plan.planner", "from trainables.records.record import TrialRecord"),
        ("study.plan.planner", "from gan_study import run_study"),
    ],
)
def test_an_import_that_runs_up_is_found(module, source):
    assert len(faults(module, source)) == 1


def test_an_import_that_goes_down_is_not():
    assert faults("trainables.trial.run", "from gan_study.trainables.data.images import Labels") == []


def test_the_analysis_is_asked_for_lazily():
    for module in ("balance", "cli", "listing", "run/questions", "run/result", "run/retention", "watch/tracking"):
        tree = ast.parse((ROOT / "study" / f"{module}.py").read_text(encoding="utf-8"))
        at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any("gan_study.analysis" in ast.dump(node) for node in at_the_top)


def test_the_page_of_the_house_names_what_is_there_and_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:study|trainables|analysis|search_spaces|docs)/[\w./-]+)`", page))
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    tree = page.partition("## The rooms")[2].partition("## ")[0]
    rooms = [
        path.name for package in PACKAGES for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()
    ]
    assert [room for room in rooms if f" {room}/" not in tree] == []


# How several GANs are trained as one computation is known in this room alone. Who hands its values on may name it;
# one line of `study.plan.trials` chooses which trials share a training.
TOGETHER = "trainables.gans.batched"
HANDS_ON = {
    "study.plan.config",
    "study.plan.trials",
    "trainables.balancing.deep_smote",
    "trainables.balancing.gan",
    "trainables.balancing.generator",
    "trainables.trial.request",
    "trainables.trial.run",
}
# The page of a room names the one beside it; families of comparisons are something else.
SAYS_SO = {
    "trainables.gans.trainer": {"batched"},
    "trainables.records.study_header": {"families", "family"},
    "study.plan.verdict_plan": {"families"},
}
_TOGETHER_WORDS = re.compile(r"(?<![a-z])(?:famil(?:y|ies)|stacks?|stacked|batched)(?![a-z])", re.IGNORECASE)


def words_of_training_together(source: str) -> set[str]:
    """The words in `source` that tell how GANs are trained together; arrays are stacked everywhere."""
    plain = re.sub(r"\b(?:np|torch)\.stack\(|from \S+\.batched import", "", source)
    return {word.lower() for word in _TOGETHER_WORDS.findall(plain)}


def unquoted_places(tree: ast.Module) -> list[str]:
    """What stands unquoted in the commands for a shell that messages name: `gan-study ... {place}`."""
    found = []
    for text in ast.walk(tree):
        in_command = False
        for part in text.values if isinstance(text, ast.JoinedStr) else ():
            if isinstance(part, ast.Constant):
                after = re.split("`(?:gan-study|wandb) ", str(part.value))[-1]
                in_command = "`" not in after and (in_command or after != part.value)
            elif in_command and isinstance(part, ast.FormattedValue):
                is_quoted = isinstance(part.value, ast.Call) and ast.unparse(part.value.func) == "in_shell"
                found += [] if is_quoted else [ast.unparse(part.value)]
    return found


def test_places_are_quoted_in_the_commands_that_messages_name():
    """A folder with a blank in its name, and one that is a command."""
    # All are put together of places that are quoted, and of an option.
    joined = {"option", "kept", "offline_runs(folder)"}
    found = {
        place for _, path in modules() for place in unquoted_places(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == joined
    for unquoted in (
        "f'`gan-study resume {root}`'",
        "f'`gan-study run X --out {a.b}`'",
        "f'a; `wandb sync {kept}`'",
    ):
        assert unquoted_places(ast.parse(unquoted)), unquoted
    assert not unquoted_places(ast.parse("f'{a} `gan-study resume {in_shell(b)}` goes on {c} `x`'"))


def test_training_together_is_known_behind_one_door():
    outside = {
        name: path.read_text(encoding="utf-8")
        for name, path in modules()
        if not lies_in(name, TOGETHER) and not lies_in(name, "analysis")
    }
    asked = {name: {each for each in imports(source) if TOGETHER in each} for name, source in outside.items()}
    door = {f"gan_study.{TOGETHER}"}
    assert {name: found for name, found in asked.items() if found} == dict.fromkeys(HANDS_ON, door)
    said = {name: words_of_training_together(source) for name, source in outside.items()}
    assert {name: words for name, words in said.items() if words} == SAYS_SO
    assert outside["study.plan.trials"].count(".is_shared") == 1
    assert not any(".is_shared" in source for name, source in outside.items() if name != "study.plan.trials")


@pytest.mark.parametrize(
    "source",
    ["family = ()", "self._waits_for_family(trial)", 'way == "batched"', "# one stack of GANs", "_Stack()"],
)
def test_a_word_that_tells_of_training_together_is_found(source):
    assert len(words_of_training_together(source)) == 1


@pytest.mark.parametrize("package", ["study", "trainables", "analysis"])
def test_a_package_has_at_most_twelve_rooms(package):
    inside = [path for path in (ROOT / package).iterdir() if path.name not in {"__init__.py", "__pycache__"}]
    assert len(inside) <= 12
