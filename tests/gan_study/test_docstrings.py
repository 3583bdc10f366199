"""The public names are documented as numpydoc has it: parameters by name, what is returned, examples that run."""

import ast
import doctest
import inspect
import re
import textwrap
from dataclasses import is_dataclass

import pytest

import gan_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from gan_study.trainables.classifiers.scores import Scores
from tests.analysis.planted import predicted_study, write_arrays
from tests.trainables.export.test_saved_generator import written

NAMES = sorted({*gan_study.__all__} - {"__version__"})
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "See Also", "Examples")

# What trains for longer than tests should; each says so before its example.
SKIPPED = {"export_balanced", "resume_study", "retrain", "run_study"}

_HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n(-+)$", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+)( : \S.*)?$", re.MULTILINE)


def sections(docstring):
    """Title -> text of each section; what stands before the first is the description, ""."""
    title, *rest = _HEADING.split(inspect.cleandoc(docstring))
    titles, lines, texts = rest[::3], rest[1::3], rest[2::3]
    assert all(len(title) == len(line) for title, line in zip(titles, lines, strict=True))
    return {"": title.strip(), **dict(zip(titles, (text.strip("\n") for text in texts), strict=True))}


def entries(section):
    """Name -> description of each parameter in a section."""
    _, *rest = _ENTRY.split(section)
    return dict(zip(rest[::3], (text.strip() for text in rest[2::3]), strict=True))


def fields_without_docstring(cls):
    """The fields of a dataclass, its bases' too, below which nothing stands."""
    bare = []
    for base in (each for each in cls.__mro__ if is_dataclass(each)):
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        for field, below in zip(node.body, [*node.body[1:], None], strict=True):
            is_field = isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field.annotation)
            is_said = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            bare += [ast.unparse(field.target)] if is_field and not is_said else []
    return bare


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_has_its_sections(name):
    value = getattr(gan_study, name)
    found = sections(value.__doc__)
    titles = [title for title in found if title]
    assert titles == [title for title in SECTIONS if title in titles] and "Examples" in titles
    summary = found[""].split("\n\n")[0]
    assert summary.endswith((".", ").")) and "`" not in summary.split()[0]
    if is_dataclass(value):
        # A setting's meaning stands under it.
        assert fields_without_docstring(value) == []
        return
    parameters = entries(found["Parameters"])
    assert list(parameters) == list(inspect.signature(value).parameters) and all(parameters.values())
    if inspect.isfunction(value):
        assert ("Yields" if "Iterator" in str(value.__annotations__["return"]) else "Returns") in titles
        assert entries(found["Raises"])


def test_a_field_that_says_nothing_is_found_and_a_section_is_read():
    assert fields_without_docstring(Scores) == ["recall", "f1"]
    assert entries("a : int\n    First.\nb : str, optional\n    Second.") == {"a": "First.", "b": "Second."}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the study and the generator that the examples read."""
    folder = tmp_path_factory.mktemp("examples")
    create_study_folder(folder / "studies" / "mine", study_config("quickstart", []), {})
    write_arrays(folder / "studies" / "mine", predicted_study())
    written(folder / "balanced" / "generator")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_run(name, place, monkeypatch):
    monkeypatch.chdir(place)
    examples = doctest.DocTestParser().get_doctest(
        inspect.cleandoc(getattr(gan_study, name).__doc__), {}, name, None, None
    )
    assert len(examples.examples) >= 2
    is_skipped = any(each.options.get(doctest.SKIP) for each in examples.examples)
    assert is_skipped == (name in SKIPPED)
    assert doctest.DocTestRunner().run(examples).failed == 0
