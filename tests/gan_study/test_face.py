"""The public face: what `gan_study` itself gives, when it loads, and that documents need no more."""

import ast
import importlib
import json
import re
import subprocess
import sys

import nbformat
import pytest

import gan_study
from tests.distributions import ROOT

LARGE = {"torch", "ray", "pandas", "numpy", "optuna", "sklearn", "pydantic"}
PAGES = [ROOT / "README.md", ROOT / "docs" / "index.md", ROOT / "docs" / "balanced_data.md"]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def seen_by_type_checkers():
    """Name -> module, as imported under TYPE_CHECKING."""
    tree = ast.parse((ROOT / "gan_study" / "__init__.py").read_text(encoding="utf-8"))
    [block] = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}


def imported_parts(code):
    """The modules of gan_study that some code imports from."""
    for node in ast.walk(ast.parse(code)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules = [node.module] if isinstance(node, ast.ImportFrom) else names
        yield from (module for module in modules if module.partition(".")[0] == "gan_study")


def python_of(path):
    if path.suffix == ".ipynb":
        return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return _PYTHON.findall(path.read_text(encoding="utf-8"))


def test_importing_it_is_quick_and_loads_no_large_library():
    code = (
        "import json, sys, time; start = time.process_time(); import gan_study; "
        "print(json.dumps([time.process_time() - start, sorted(sys.modules)]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.05
    for _, modules in runs:
        assert "gan_study" in modules
        assert not {name for name in modules if name.partition(".")[0] in LARGE or name.startswith("gan_study.")}


def test_the_loader_finds_each_name_where_type_checkers_do():
    assert seen_by_type_checkers() == {name: f"gan_study.{home}" for name, home in gan_study._MODULE_OF.items()}
    assert sorted(gan_study.__all__) == sorted([*gan_study._MODULE_OF, "__version__"])


@pytest.mark.parametrize("name", sorted(set(gan_study.__all__) - {"__version__"}))
def test_each_name_is_the_thing_itself_and_documented(name):
    home = importlib.import_module(f"gan_study.{gan_study._MODULE_OF[name]}")
    assert getattr(gan_study, name) is getattr(home, name)
    assert name in dir(gan_study)
    # A dataclass without a docstring is given its signature for one.
    assert not (getattr(home, name).__doc__ or f"{name}(").startswith(f"{name}(")


def test_a_name_that_is_none_of_them_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'run_studies'"):
        gan_study.run_studies  # noqa: B018
    with pytest.raises(ImportError, match="run_studies"):
        exec("from gan_study import run_studies")


def test_the_api_page_is_made_from_the_face():
    assert "::: gan_study\n" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.name)
def test_what_users_read_imports_from_the_face_alone(path):
    assert {part for code in python_of(path) for part in imported_parts(code)} <= {"gan_study"}


def test_there_are_imports_to_look_at():
    for path in (ROOT / "README.md", ROOT / "docs" / "balanced_data.md", *NOTEBOOKS):
        assert [part for code in python_of(path) for part in imported_parts(code)], path
    assert list(imported_parts("import gan_study.study\nfrom gan_study.analysis.records.load import x")) == [
        "gan_study.study",
        "gan_study.analysis.records.load",
    ]
