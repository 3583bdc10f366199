"""docs/records.md lists what the code declares: every field of a record, and every array."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_study.trainables.records import record, study_header
from gan_study.trainables.records.arrays import ARRAYS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
CLASSES = (
    "TrialRecord",
    "Digests",
    "SearchTrial",
    "Seen",
    "RungReached",
    "Stop",
    "Selection",
    "Milestone",
    "GeneratedImages",
    "GanLength",
    "Memorisation",
    "StudyHeader",
    "VerdictPlan",
    "ComparisonFamily",
    "Change",
    "TimePlan",
)


def plain(text: str) -> str:
    """A docstring in one line, as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def field_rows(name: str) -> Iterator[str]:
    """A row for each field of a class: its name, its type, and its docstring."""
    trees = [ast.parse(Path(module.__file__).read_text(encoding="utf-8")) for module in (record, study_header)]
    (found,) = [
        node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name
    ]
    body = found.body[1:]
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(after, ast.Expr), f"{ast.unparse(statement.target)} has no docstring"
            assert isinstance(after.value, ast.Constant)
            type_ = ast.unparse(statement.annotation).replace("|", "\\|")
            yield f"| `{ast.unparse(statement.target)}` | `{type_}` | {plain(str(after.value.value))} |"


def array_rows() -> Iterator[str]:
    """A row for each array: its name, type, dimensions and meaning."""
    for name, spec in ARRAYS.items():
        yield f"| `{name}` | {spec.kind} | [{', '.join(spec.axes)}] | {plain(spec.meaning)} |"


def table_below(heading: str) -> list[str]:
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, flags=re.DOTALL | re.MULTILINE)
    return [line for line in section.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", CLASSES)
def test_the_page_has_every_field(name: str) -> None:
    assert table_below(f"`{name}`") == list(field_rows(name))


def test_the_page_has_every_array() -> None:
    assert table_below("The arrays") == list(array_rows())


def test_no_class_of_a_record_is_left_out() -> None:
    named = set(re.findall(r"\b[A-Z][A-Za-z]+\b", " ".join(row for name in CLASSES for row in field_rows(name))))
    ours = {
        name
        for name, value in vars(record).items()
        if isinstance(value, type) and hasattr(value, "__dataclass_fields__")
    }
    assert named & ours <= set(CLASSES)
