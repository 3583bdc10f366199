"""Commands that only read studies: check, status, ls, logs and dashboard."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from gan_study.study.commands.options import Folder
from gan_study.study.commands.output import console
from gan_study.study.watch.terminal import printable, printable_lines, say


def check(folder: Folder) -> None:
    """Check a study's folder without changing it.

    Exit code 0 if there is no problem, 1 if there is one, 2 if there is no study.
    """
    from gan_study.study.watch.check import check_study

    checked = check_study(folder)
    for finding in checked.findings:
        print(printable(f"{'wrong' if finding.is_wrong else 'note'}: {finding}"))
    of = "" if checked.num_trials is None else f" of {checked.num_trials}"
    wrong = sum(finding.is_wrong for finding in checked.findings)
    print(printable(f"{folder}: {checked.num_records}{of} trials recorded, {wrong or 'nothing'} wrong"))
    if not checked.is_sound:
        raise typer.Exit(1)


def status(
    folder: Folder,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the status as a JSON object, for programs.")
    ] = False,
) -> None:
    """Print the progress of a study, from any machine that sees its folder."""
    from gan_study.study.watch.status import study_status

    found = study_status(folder)
    if as_json:
        print(json.dumps(found.as_json()))
        return
    for line in found.lines():
        say(console, line)


def list_studies(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where studies lie.")] = Path("studies"),
) -> None:
    """List the studies below a folder, with their progress and the verdict on the chosen GAN."""
    from gan_study.study.watch.studies import find_studies

    found = find_studies(folder)
    if not found:
        say(console, f"{folder}: no study")
        return
    table = Table(header_style="bold", box=None)
    for column in ("Study", "Began", "Progress", "Chosen GAN"):
        table.add_column(column, overflow="fold", no_wrap=column == "Began")
    for line in found:
        cells = (line.title(folder), line.began, line.progress, line.verdict)
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    console.print(table)


def logs(
    folder: Folder,
    trial: Annotated[
        str | None,
        typer.Argument(metavar="TRIAL", help="A trial's id, or the beginning of it. [default: the driver]"),
    ] = None,
    raw: Annotated[bool, typer.Option("--json", help="Print the log lines unchanged, for programs.")] = False,
) -> None:
    """Print the log of the driver or of a trial."""
    from gan_study.study.run.folder import read_manifest
    from gan_study.study.run.layout import StudyFolder
    from gan_study.study.watch.journal import log_named, read_log

    read_manifest(folder)
    for line in read_log(log_named(StudyFolder(folder), trial)):
        print(json.dumps(dict(line.values)) if raw else printable_lines(line.text))


def dashboard(
    folder: Folder,
    entity: Annotated[str, typer.Option("--entity", metavar="NAME", help="The W&B user or team.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the specification of both; send nothing.")
    ] = False,
) -> None:
    """Save a W&B workspace and a W&B report of a study, and print their addresses."""
    from gan_study.study.run.folder import read_manifest

    manifest = read_manifest(folder)
    from gan_study.analysis.page.markdown import answer_markdown
    from gan_study.analysis.records.load import load_study
    from gan_study.study.watch import dashboard as wandb_view
    from gan_study.study.watch.wandb_internals import report_specification, specification

    answer = answer_markdown(load_study(folder))
    workspace = wandb_view.dashboard(manifest, entity=entity, answer=answer)
    report = wandb_view.report(manifest, entity=entity, answer=answer)
    if dry_run:
        workspace_text, report_text = specification(workspace), report_specification(report)
        print(f'{{"workspace": {workspace_text}, "report": {report_text}}}')
    else:
        say(console, f"Workspace: {wandb_view.save(workspace)}")
        say(console, f"Report: {wandb_view.save(report)}")
