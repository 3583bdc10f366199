"""Commands that run trials: run, plan and resume."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gan_study.study.commands.options import (
    Address,
    Budget,
    Data,
    Folder,
    Quiet,
    Recipe,
    Set,
    SkipUnreadable,
    UntilDecided,
    Verbose,
    assignments,
)
from gan_study.study.commands.output import console
from gan_study.study.commands.reporting import fail_if_undrawn, write_and_print
from gan_study.study.watch.terminal import duration, printable, say
from gan_study.trainables.base.files import in_shell

# Modules that load torch, Ray or pandas are imported by the commands that need them, so that the others begin at
# once. This holds for every module of this package.
if TYPE_CHECKING:
    from gan_study.study.run.folder import Manifest
    from gan_study.study.run.options import RunOptions
    from gan_study.study.run.result import StudyResult
    from gan_study.trainables.records.study_header import TimePlan

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="New folder for the study. [default: studies/NAME-DATE]"),
]
Trials = Annotated[
    int | None, typer.Option("--trials", min=0, metavar="N", help="Number of configurations to search.")
]
Wandb = Annotated[
    str | None, typer.Option("--wandb", metavar="MODE", help="Mirror each trial to W&B: off, offline or online.")
]


def run(
    recipe: Recipe,
    data: Data = None,
    set_: Set = None,
    out: Out = None,
    trials: Trials = None,
    time_budget: Budget = None,
    until_decided: UntilDecided = False,
    address: Address = None,
    wandb: Wandb = None,
    skip_unreadable: SkipUnreadable = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run a study, print its answer, and write its report."""
    from gan_study.study.plan.recipe import study_config
    from gan_study.study.run.runner import run_study

    shortcuts = {
        "data.root": data,
        "search.trials": trials,
        "confirm.until": "decided" if until_decided else None,
        "wandb.mode": wandb,
        "data.skip_unreadable": True if skip_unreadable else None,
    }
    config = study_config(recipe, assignments(set_, shortcuts))
    options = _options(time_budget, address, verbose, quiet)
    _conclude(run_study(config, out=out, options=options), options.console)


def plan(
    recipe: Recipe,
    data: Data = None,
    set_: Set = None,
    time_budget: Budget = None,
    address: Address = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Print the number of trials, the expected time on this machine, and what fits into a time budget.

    Measures this machine for at most half a minute, and writes nothing.
    """
    from gan_study.study.plan.recipe import study_config
    from gan_study.study.run.runner import plan_study

    shortcuts = {"data.root": data, "data.skip_unreadable": True if skip_unreadable else None}
    config = study_config(recipe, assignments(set_, shortcuts))
    options = _options(time_budget, address)
    outlook = plan_study(config, options=options)
    if console.is_terminal:
        console.print(outlook.table())
    for line in outlook.lines():
        say(console, line)


def resume(
    folder: Folder,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, metavar="N", help="Extend the study to N seeds in all.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", min=1, metavar="N", help="Extend its search to N trials in all, and choose again."
        ),
    ] = None,
    time_budget: Budget = None,
    until_decided: UntilDecided = False,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Run failed trials again; their old records are moved to failed.jsonl."
        ),
    ] = False,
    address: Address = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Continue an interrupted study, or add seeds or trials; no trial is run twice."""
    options = _options(time_budget, address, verbose, quiet)
    from gan_study.study.run.runner import resume_study

    result = resume_study(
        folder,
        options=options,
        seeds=seeds,
        trials=trials,
        until_decided=until_decided,
        retry_failed=retry_failed,
    )
    _conclude(result, options.console)


def _options(
    time_budget: str | None, address: str | None, verbose: bool = False, quiet: bool = False
) -> "RunOptions":
    from gan_study.study.run.options import RunOptions
    from gan_study.study.run.time_budget import parse_seconds

    seconds = None if time_budget is None else parse_seconds(time_budget)

    # The processor time so far is an estimate of how long Python and the imports took.
    began_at = time.monotonic() - time.process_time()
    return RunOptions(
        address=address,
        time_budget_seconds=seconds,
        began_at=began_at,
        verbose=verbose,
        console=Console(quiet=True) if quiet else console,
    )


def _conclude(result: "StudyResult", told: Console) -> None:
    """Report on a study that has ended; raises MostTrialsFailedError, and without a report where all failed.

    `told` is where progress is printed.
    """
    from gan_study.study.run.folder import read_manifest

    if result.count("failed") == len(result.trials):
        result.check()
    if result.count("pruned"):
        console.print(f"{result.count('pruned')} of {len(result.trials)} trials pruned", style="yellow")
    say(told, "Writing the report")
    undrawn = write_and_print(result.folder)
    manifest = read_manifest(result.folder)
    if manifest.time_plan is not None and manifest.time_plan.sentences:
        _say_what_was_left_out(manifest.time_plan, result.folder)
    _mirror_report(manifest, result.folder)
    # Last of all, so that it is seen.
    if (failures := result.check().failures()) is not None:
        say(console, printable(failures))
    fail_if_undrawn(undrawn)


def _mirror_report(manifest: "Manifest", root: Path) -> None:
    """Send the report to W&B, where the study is mirrored there."""
    if manifest.config.wandb.mode == "off":
        return
    from gan_study.study.run.layout import StudyFolder
    from gan_study.study.watch.tracking import mirror_report, offline_runs

    folder = StudyFolder(root)
    for problem in mirror_report(manifest, folder):
        say(console, f"W&B: {problem}")
    if manifest.config.wandb.mode == "offline":
        say(console, f"W&B: `wandb sync {offline_runs(folder)}` sends the runs")


def _say_what_was_left_out(plan: "TimePlan", folder: Path) -> None:
    for sentence in plan.sentences:
        say(console, f"No time for all: {sentence}")
    budget = duration(plan.budget_seconds)
    say(
        console,
        f"Ended by its time budget, {budget}; `gan-study resume {in_shell(folder)}` does the rest",
    )
