"""Where measured tables go: between two marks of a page of the documentation."""

from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def put_lines(page: str, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->` of docs/PAGE."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    path = DOCS / page
    before, rest = path.read_text(encoding="utf-8").split(begin)
    text = "\n".join(lines)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
