"""The command that writes a study's report, or compares several studies."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gan_study.study.commands.output import console, fail, table_of
from gan_study.study.watch.terminal import printable, say
from gan_study.trainables.base.settings import UserError

if TYPE_CHECKING:
    from gan_study.analysis.records.load import Study

Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; compute every number again from the stored predictions.")
]


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="The folder of a study, or of several.")],
    check: Check = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the page of several studies. [default: comparison]"),
    ] = None,
) -> None:
    """Write report.html, tables and plots; for several studies, one page that compares them.

    Uses only the records of a study; prints the answer. With --check the exit code is 1 if a number of the report
    differs from the stored predictions. For several studies: their answers, links to their reports, and a ranking
    over data sets of the methods that all of them confirmed.
    """
    if out is not None and (check or len(folders) == 1):
        raise UserError("--out: this is for the page of several studies; the report of one study is in its folder")
    if check:
        # Each is checked, also where an earlier one is off.
        agreed = [_check_report(folder) for folder in folders]
        if not all(agreed):
            raise typer.Exit(1)
    elif len(folders) == 1:
        fail_if_undrawn(write_and_print(folders[0]))
    else:
        _report_studies(folders, out or Path("comparison"))


def write_and_print(folder: Path) -> Sequence[str]:
    """Write a study's report and print its answer; returns what could not be drawn.

    The answer is printed even if the report cannot be written.
    """
    from gan_study.study.run.folder import read_manifest

    read_manifest(folder)
    from gan_study.analysis.page.report import write_report_of
    from gan_study.analysis.records.load import load_study
    from gan_study.study.watch.importance import write_importances

    try:
        write_importances(folder)
        study = load_study(folder)
        written = write_report_of(study)
    except Exception:
        _print_answer(load_study(folder))
        raise
    _print_answer(study)
    say(console, f"Report: {written.page}")
    return written.failures


def fail_if_undrawn(failures: Sequence[str]) -> None:
    """End the process with exit code 1 if there are any."""
    if failures:
        more = f" (and {len(failures) - 1} more, which the page names)" if len(failures) > 1 else ""
        fail(f"the report is complete except for figures that could not be drawn: {failures[0]}{more}", 1)


def _print_answer(study: "Study") -> None:
    from gan_study.analysis.page.report import terminal_summary

    answer, frame = terminal_summary(study)
    console.print()
    console.print(answer, markup=False, highlight=False)
    if len(frame):
        console.print(table_of(frame), crop=False)


def _report_studies(folders: Sequence[Path], out: Path) -> None:
    """Write the page of several studies, and print what stands in its table."""
    from gan_study.study.run.folder import read_manifest

    for folder in folders:
        read_manifest(folder)
    from gan_study.analysis.page.studies import write_studies

    written = write_studies(folders, out)
    for sentence in written.sentences:
        say(console, sentence)
    console.print(table_of(written.table), crop=False)
    say(console, f"Page: {written.page}")


def _check_report(folder: Path) -> bool:
    """Whether every number of a study's report is what the stored predictions give; what is off is printed."""
    from gan_study.study.run.folder import read_manifest

    read_manifest(folder)
    from gan_study.analysis.page.recheck import recheck
    from gan_study.study.watch.importance import importance_differences

    found = recheck(folder)
    off = [*map(str, found.differences), *importance_differences(folder)]
    for line in (*(f"off: {difference}" for difference in off), *(f"note: {note}" for note in found.notes)):
        print(printable(line))
    print(
        f"{printable(str(folder))}: {found.num_cells} cells of the report's tables recomputed from "
        f"{found.num_predictions} files of predictions, {len(off) or 'none'} different"
    )
    return not off
