"""The answer of a study as Markdown, for views without HTML: the same verdicts and tables as the page."""

from collections.abc import Iterator

from gan_study.analysis.page.overview import overview
from gan_study.analysis.page.report import report_tables
from gan_study.analysis.records.load import Study
from gan_study.analysis.tables.markup import to_markdown
from gan_study.trainables.base.markup import markdown_text

# The tables of the page that a view shows, where the study has them, and what they are called there.
SHOWN = {
    "results": "Results: gain over no balancing on test images",
    "gain": "Gain against the imbalance ratio",
    "dose": "Gain against the dose",
}


def answer_markdown(study: Study) -> dict[str, str]:
    """Texts by their titles: the verdicts, and each table of SHOWN that has rows."""
    return {"Answer": "\n\n".join(_verdicts(study)), **dict(_tables(study))}


def _verdicts(study: Study) -> Iterator[str]:
    first = overview(study)
    yield markdown_text(first.asked)
    for what, text in first.verdicts:
        yield f"**{markdown_text(what)}**: {markdown_text(text)}" if what else markdown_text(text)


def _tables(study: Study) -> Iterator[tuple[str, str]]:
    found = {table.name: table for table in report_tables(study)}
    for name, title in SHOWN.items():
        if name in found and len(found[name].text):
            shown = found[name].text.drop(columns=list(found[name].more))
            yield title, to_markdown(shown)
