"""What the command `gan-study` does, once it is loaded (`study/cli.py`)."""

import importlib.metadata
import json
import os
import re
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_study.study.cli import INTERRUPTED
from gan_study.study.watch.terminal import duration, printable, say, tolerant_output
from gan_study.trainables.base.files import in_shell, named_path
from gan_study.trainables.base.settings import UserError

# Whatever loads torch, Ray or pandas is imported by the commands that need it: the others begin at once.
if TYPE_CHECKING:
    import pandas as pd

    from gan_study.analysis.records.load import Study
    from gan_study.study.run.options import RunOptions
    from gan_study.study.run.result import StudyResult
    from gan_study.trainables.record import TimePlan

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
console = Console()

# Python's words where the limit on processes is reached.
NO_MORE_THREADS = "can't start new thread"

# One that SIGTERM ended.
TERMINATED = 143
RUNS_TRIALS = ("run", "resume")
# What these print stands in their files too.
WRITES_FILES = ("run", "resume", "report", "balance", "sample")


def _complete_recipe(begun: str) -> list[str]:
    from gan_study.study.explain import read_reference

    return [name for name in read_reference()["listing"]["Recipes"] if name.startswith(begun)]


def _complete_key(begun: str) -> list[str]:
    from gan_study.study.explain import all_settings

    return [each.key for each in all_settings() if each.key.startswith(begun)]


Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A recipe's name (see `gan-study list`), or a YAML file.",
        autocompletion=_complete_recipe,
    ),
]
Data = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="Folder with the data set or the image folders.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting, for instance classifier.epochs=3; repeatable."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="New folder for the study. [default: studies/NAME-DATE]"),
]
Trials = Annotated[
    int | None, typer.Option("--trials", min=0, metavar="N", help="How many configurations to search.")
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--time-budget",
        metavar="TIME",
        help="Do what fits into TIME, report included, and say what was left out: 3m, 2h.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="ADDRESS", help="Run on this Ray cluster: auto, HOST:PORT or ray://HOST:PORT."
    ),
]
Wandb = Annotated[
    str | None, typer.Option("--wandb", metavar="MODE", help="Mirror each trial to W&B: off, offline or online.")
]
UntilDecided = Annotated[
    bool, typer.Option("--until-decided", help="Add seeds, round by round, to methods whose question is open.")
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Continue without images that cannot be read, and say which.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show all that Ray says.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the answer, the report's place and what went wrong alone.")
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; compute every number anew from the stored predictions.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.")]


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Does training a GAN on the rare classes help a classifier find them? Asks it of your images.

    Answers with paired gains and intervals.
    """
    if version:
        print(importlib.metadata.version("gan-study"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
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
    config = study_config(recipe, [*(set_ or []), *_assignments(shortcuts)])
    options = _options(time_budget, address, verbose, quiet)
    _conclude(run_study(config, out=out, options=options))


@app.command()
def plan(
    recipe: Recipe,
    data: Data = None,
    set_: Set = None,
    time_budget: Budget = None,
    address: Address = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Say how many trials a study has, how long it takes here, and what fits into a time budget.

    Probes this machine for half a minute at most, and writes nothing.
    """
    from gan_study.study.plan.recipe import study_config
    from gan_study.study.run.runner import plan_study

    shortcuts = {"data.root": data, "data.skip_unreadable": True if skip_unreadable else None}
    config = study_config(recipe, [*(set_ or []), *_assignments(shortcuts)])
    options = _options(time_budget, address)
    outlook = plan_study(config, options=options)
    if console.is_terminal:
        console.print(outlook.table())
    for line in outlook.lines():
        say(console, line)


@app.command()
def resume(
    folder: Folder,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, metavar="N", help="Take the study to N seeds in all.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, metavar="N", help="Take its search to N trials in all, and choose anew."),
    ] = None,
    time_budget: Budget = None,
    until_decided: UntilDecided = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run the trials again that failed; their records are set aside.")
    ] = False,
    address: Address = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Continue a study that was interrupted, or take one to more seeds or trials; no trial is run twice."""
    options = _options(time_budget, address, verbose, quiet)
    from gan_study.study.run.runner import resume_study

    _conclude(
        resume_study(
            folder,
            options=options,
            seeds=seeds,
            trials=trials,
            until_decided=until_decided,
            retry_failed=retry_failed,
        )
    )


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="The folder of a study, or of several.")],
    check: Check = False,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the page of several studies goes.")
    ] = Path("comparison"),
) -> None:
    """Write report.html, tables and plots; of several studies, one page that compares them.

    From the records of a study alone; prints the answer. With --check exit code 1 where a number of the report is
    not what the stored predictions give. Of several studies: their answers, links to their reports, and the
    methods that all of them confirmed, ranked over their data sets.
    """
    if check:
        # Each is checked, also where an earlier one is off.
        agreed = [_check_report(folder) for folder in folders]
        if not all(agreed):
            raise typer.Exit(1)
    elif len(folders) == 1:
        _fail_if_undrawn(_report(folders[0]))
    else:
        _report_studies(folders, out)


def _report_studies(folders: Sequence[Path], out: Path) -> None:
    """Write the page of several studies, and print what stands in its table."""
    from gan_study.study.run.folder import read_manifest

    for folder in folders:
        read_manifest(folder)
    from gan_study.analysis.page.studies import write_studies

    written = write_studies(folders, out)
    for sentence in written.sentences:
        say(console, sentence)
    console.print(_table(written.table), crop=False)
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
        print(line)
    print(
        f"{folder}: {found.num_cells} cells of the report's tables recomputed from {found.num_predictions} files "
        f"of predictions, {len(off) or 'nothing'} off"
    )
    return not off


@app.command()
def balance(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the balanced data set.")],
    data: Data = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="STUDY", help="Folder of a study: its best confirmed GAN is used."),
    ] = None,
    variant: Annotated[str | None, typer.Option("--variant", metavar="GAN", help="The GAN to use.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="How long to train it, in generator steps.")
    ] = None,
    ratio: Annotated[float | None, typer.Option("--ratio", help="Which imbalance ratio of the study.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the split and the training.")] = None,
    set_: Set = None,
    all_images: Annotated[
        bool, typer.Option("--all-images", help="Train on the validation part too; nothing is validated then.")
    ] = False,
    link: Annotated[bool, typer.Option("--link", help="Link real images instead of copying them.")] = False,
    about: Annotated[
        Path | None,
        typer.Option(
            "--about", metavar="FILE", help="YAML with what is known of the real images: license, source."
        ),
    ] = None,
    allow_memorised: Annotated[
        bool, typer.Option("--allow-memorised", help="Write the folder even if training images are memorised.")
    ] = False,
    allow_collapsed: Annotated[
        bool, typer.Option("--allow-collapsed", help="Write the folder even if the GAN makes a few images only.")
    ] = False,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Train a GAN on the rare classes and write the balanced data set.

    As an image folder, with the generator beside it; the same command continues one that was interrupted.
    """
    from gan_study.study.balance import BalanceOptions, allowed_faults, export_request, run_export
    from gan_study.study.run.data_checks import data_lines
    from gan_study.trainables.export.statements import fault_sentences, licence, memorisation_sentences

    options = BalanceOptions(
        study=from_,
        data=data,
        variant=variant,
        generator_steps=steps,
        ratio=ratio,
        seed=seed,
        assignments=(*(set_ or ()), *(("data.skip_unreadable=true",) if skip_unreadable else ())),
        all_images=all_images,
        links=link,
        about=about,
        allowed=allowed_faults(memorised=allow_memorised, collapsed=allow_collapsed),
    )
    try:
        request = export_request(options)
        for line in data_lines(request.config.data, request.config.imbalance):
            say(console, f"Data: {line}")
        description = run_export(request, out := named_path(out), console)
    except KeyboardInterrupt:
        _fail("interrupted; the same command continues", INTERRUPTED)
    table = Table("Class", "Real", "Synthetic", "Validation", header_style="bold")
    for each in description.classes:
        # A name may look like markup.
        name = Text(printable(each.name))
        table.add_row(name, *map(str, (each.num_real, each.num_synthetic, each.num_validation)))
    console.print(table)
    for note in (*description.notes, *fault_sentences(description), licence(description)):
        say(console, f"Note: {note}")
    for sentence in memorisation_sentences(description):
        say(console, f"Memorisation, {sentence}")
    say(console, f"Data card: {out / 'README.md'}")


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="The folder of a generator.")],
    class_name: Annotated[str, typer.Option("--class", metavar="NAME", help="Which class to make images of.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the class's folder of images goes.")],
    num: Annotated[int, typer.Option("--num", min=1, metavar="N", help="How many images to make.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds make equal images.")] = 0,
) -> None:
    """Make images with a generator that `balance` has written."""
    from gan_study.trainables.export.saved_generator import load_generator, write_samples

    written = write_samples(load_generator(folder), class_name, num, named_path(out), seed=seed)
    say(console, f"{num} images: {written.folder}")
    if written.num_distinct < written.num_compared:
        few = f"{written.num_distinct} different images among {written.num_compared}"
        say(console, f"Note: {few}; the others differ from one of these by less than can be seen")


@app.command()
def check(folder: Folder) -> None:
    """Say what is wrong with a study's folder, and change nothing.

    Exit code 0 where nothing is wrong, 1 where something is, 2 where there is no study.
    """
    from gan_study.study.watch.check import check_study

    checked = check_study(folder)
    for finding in checked.findings:
        print(f"{'wrong' if finding.is_wrong else 'note'}: {finding}")
    of = "" if checked.num_trials is None else f" of {checked.num_trials}"
    wrong = sum(finding.is_wrong for finding in checked.findings)
    print(f"{folder}: {checked.num_records}{of} trials recorded, {wrong or 'nothing'} wrong")
    if not checked.is_sound:
        raise typer.Exit(1)


@app.command()
def status(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="The status for programs, as a JSON object.")] = False,
) -> None:
    """Say how far a study is, from any machine that sees its folder."""
    from gan_study.study.watch.status import study_status

    found = study_status(folder)
    if as_json:
        print(json.dumps(found.as_json()))
        return
    for line in found.lines():
        say(console, line)


@app.command(name="ls")
def list_studies(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where studies lie.")] = Path("studies"),
) -> None:
    """List the studies below a folder: how far each is, and what its report says of the chosen GAN."""
    from gan_study.study.watch.studies import find_studies

    found = find_studies(folder)
    if not found:
        say(console, f"{folder}: no study")
        return
    table = Table("Study", "Of", "Began", "State", "Trials", "Chosen GAN", header_style="bold", box=None)
    for line in found:
        cells = (line.folder, line.name, line.began, line.state, line.done, line.verdict)
        table.add_row(*(Text(str(cell)) for cell in cells))
    console.print(table)


@app.command()
def logs(
    folder: Folder,
    trial: Annotated[
        str | None, typer.Argument(metavar="TRIAL", help="A trial's id, or how it begins. [default: the driver]")
    ] = None,
    raw: Annotated[bool, typer.Option("--json", help="The lines as they were written, for programs.")] = False,
) -> None:
    """Print the log of the driver or of a trial."""
    from gan_study.study.run.folder import StudyFolder, read_manifest
    from gan_study.study.watch.journal import log_named, read_log

    read_manifest(folder)
    for line in read_log(log_named(StudyFolder(folder), trial)):
        print(json.dumps(dict(line.values)) if raw else line.text)


@app.command()
def dashboard(
    folder: Folder,
    entity: Annotated[str, typer.Option("--entity", metavar="NAME", help="The W&B user or team.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the view's specification; send nothing.")
    ] = False,
) -> None:
    """Save the W&B view of a study, and print its address."""
    from gan_study.study.run.folder import read_manifest

    manifest = read_manifest(folder)
    from gan_study.analysis.page.markdown import answer_markdown
    from gan_study.analysis.records.load import load_study
    from gan_study.study.watch import dashboard as wandb_view
    from gan_study.study.watch.wandb_internals import specification

    view = wandb_view.dashboard(manifest, entity=entity, answer=answer_markdown(load_study(folder)))
    print(specification(view) if dry_run else wandb_view.save(view))


@app.command(name="list")
def list_() -> None:
    """List all that a study can be made of.

    Data sets, balancers, GAN variants, classifiers, metrics, search spaces and recipes; parts that other packages
    register by their metadata alone.
    """
    from gan_study.study.listing import listing

    for title, entries in listing().items():
        console.print(title, style="bold")
        width = max(len(name) for name in entries)
        for name, summary in entries.items():
            say(console, f"  {name:{width}}  {summary}")


@app.command()
def explain(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY",
            help="A setting, such as classifier.epochs, or the end of one.",
            autocompletion=_complete_key,
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of a recipe, for editors, instead.")
    ] = False,
) -> None:
    """Say what a setting means, which values it may have, and its default; without KEY all sections."""
    from gan_study.study import explain as settings

    if schema:
        print(json.dumps(settings.read_reference()["schema"], indent=1, ensure_ascii=False))
        return
    for each in settings.sections() if key is None else settings.explain(key):
        for line in each.lines():
            say(console, line)


@app.command(name="check-plugin")
def check_plugin(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A part's name (see `gan-study list`), or module:attribute."),
    ],
    data: Data = None,
) -> None:
    """Check a part of another package against all that parts of its kind promise.

    Exit code 0 if it keeps every promise, 1 if it breaks one, 2 if it cannot be loaded. A data set that reads
    files needs --data.
    """
    from gan_study.trainables.contracts.parts import check_part, find_parts
    from gan_study.trainables.data.source import DataConfig

    broken = 0
    for part in find_parts(name, where="NAME"):
        of = "" if part.registered is None else f", of {part.registered.package}: {part.registered.reference}"
        say(console, f"{name} ({part.kind}{of})")
        for finding in check_part(part, data=DataConfig(root=data), where="NAME"):
            broken += finding.wrong is not None
            say(console, f"  {'kept' if finding.wrong is None else 'broken'}: {finding.promise}")
            if finding.wrong is not None:
                say(console, f"    {finding.wrong}")
    if broken:
        raise typer.Exit(1)


@app.command()
def show(recipe: Recipe, set_: Set = None) -> None:
    """Print a recipe's whole configuration.

    As YAML, the search space and every default included.
    """
    from gan_study.study.plan.config import resolve_study
    from gan_study.study.plan.recipe import study_config
    from gan_study.trainables.base.documents import to_yaml

    print(to_yaml(resolve_study(study_config(recipe, set_ or []))))


def run_command() -> None:
    """Run the command; what the person can mend is one line on stderr and exit code 2.

    A terminal that takes no text decides nothing where files are what was asked for.
    """
    # Ray's processes outlive the handles that it has of them: nothing for whoever makes errors of warnings.
    warnings.simplefilter("ignore", ResourceWarning)
    try:
        with tolerant_output() as output:
            _run_app()
    except SystemExit as ended:
        failure = None if output is None else output.failure
        if failure is None:
            raise
        code = ended.code if isinstance(ended.code, int) else 0
        if {*sys.argv[1:2]} & {*WRITES_FILES} and "--check" not in sys.argv:
            _fail(f"standard output: {failure.strerror}; not all of the text could be shown", code)
        _fail(f"standard output: {failure.strerror}", code or 2)


def _run_app() -> NoReturn:
    _ensure_home()
    try:
        _refuse_odd_arguments(sys.argv[1:])
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        # An unknown option, a missing argument; typer itself says it in five lines.
        message = " ".join(error.format_message().split()).rstrip(".")
        _fail(f"{message} (see `gan-study --help`)", 2)
    except UserError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        _fail(f"{error.strerror or error}{place}", 2)
    except MemoryError as error:
        _fail(f"out of memory{f': {error}' if str(error) else ''}", 2)
    except RuntimeError as error:
        if str(error) != NO_MORE_THREADS:
            raise
        _fail(f"{error}: the limit on processes (ulimit -u) is too low", 2)
    except SystemExit as error:
        if error.code == TERMINATED:
            _fail(f"ended by SIGTERM{_how_to_go_on()}", TERMINATED)
        raise
    if code == INTERRUPTED:
        # Who presses again has been heard.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _fail(f"interrupted{_how_to_go_on()}", INTERRUPTED)
    sys.exit(code)


def _refuse_odd_arguments(arguments: Sequence[str]) -> None:
    """Raise UserError for an argument with a NUL, and for an empty one, a path that Python takes for "."."""
    for before, argument in pairwise(["", *arguments]):
        if "\0" in argument:
            raise UserError(f"{argument!r}: no argument can hold a NUL character")
        if not argument or re.fullmatch("--[a-z-]+=", argument):
            what = argument.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UserError(f"{what} is empty; is a variable of the shell not set?")


def _how_to_go_on() -> str:
    return "; `gan-study resume DIR` continues" if {*sys.argv[1:2]} & {*RUNS_TRIALS} else ""


def _ensure_home() -> None:
    """Let the temporary folder be the home folder of who has none, as in some containers; Ray asks for one."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()


def _assignments(shortcuts: Mapping[str, JsonValue]) -> list[str]:
    """Options of the command as the settings that they stand for."""
    # JSON is YAML, and quotes what YAML would misread.
    return [f"{key}={json.dumps(value)}" for key, value in shortcuts.items() if value is not None]


def _options(
    time_budget: str | None, address: str | None, verbose: bool = False, quiet: bool = False
) -> "RunOptions":
    from gan_study.study.run.options import RunOptions
    from gan_study.study.run.time_budget import parse_seconds

    seconds = None if time_budget is None else parse_seconds(time_budget)

    # The processor's time until here is that of Python and of the imports, as far as it can be told everywhere.
    began_at = time.monotonic() - time.process_time()
    return RunOptions(
        address=address,
        time_budget_seconds=seconds,
        began_at=began_at,
        verbose=verbose,
        console=Console(quiet=True) if quiet else console,
    )


def _conclude(result: "StudyResult") -> None:
    """Report on a study that has ended; raises MostTrialsFailedError, and without a report where all failed."""
    from gan_study.study.run.folder import StudyFolder, read_manifest

    if result.count("failed") == len(result.trials):
        result.check()
    if result.count("pruned"):
        console.print(f"{result.count('pruned')} of {len(result.trials)} trials pruned", style="yellow")
    undrawn = _report(result.folder)
    manifest = read_manifest(result.folder)
    if manifest.time_plan is not None and manifest.time_plan.sentences:
        _say_what_was_left_out(manifest.time_plan, result.folder)
    if manifest.config.wandb.mode != "off":
        from gan_study.study.watch.tracking import mirror_report, offline_runs

        folder = StudyFolder(result.folder)
        for problem in mirror_report(manifest, folder):
            say(console, f"W&B: {problem}")
        if manifest.config.wandb.mode == "offline":
            say(console, f"W&B: `wandb sync {offline_runs(folder)}` sends the runs")
    # Last of all, so that it is seen.
    if (failures := result.check().failures()) is not None:
        say(console, printable(failures))
    _fail_if_undrawn(undrawn)


def _say_what_was_left_out(plan: "TimePlan", folder: Path) -> None:
    for sentence in plan.sentences:
        say(console, f"No time for all: {sentence}")
    budget = duration(plan.budget_seconds)
    say(
        console,
        f"Ended by its time budget, {budget}; `gan-study resume {in_shell(folder)}` goes on to all that was asked "
        "for",
    )


def _report(folder: Path) -> Sequence[str]:
    """What could not be drawn of the report, which is written before the answer is printed.

    The answer is printed where the report cannot be written, too.
    """
    from gan_study.study.run.folder import read_manifest

    read_manifest(folder)
    from gan_study.analysis.page.report import write_report_of
    from gan_study.analysis.records.load import load_study
    from gan_study.study.watch.importance import write_importances

    try:
        write_importances(folder)
        study = load_study(folder)
        report = write_report_of(study)
    except Exception:
        _print_answer(load_study(folder))
        raise
    _print_answer(study)
    say(console, f"Report: {report.page}")
    return report.failures


def _fail_if_undrawn(failures: Sequence[str]) -> None:
    """Exit code 1 if there are any."""
    if failures:
        more = f" (and {len(failures) - 1} more, which the page names)" if len(failures) > 1 else ""
        _fail(f"all of the report is there but what could not be drawn: {failures[0]}{more}", 1)


def _print_answer(study: "Study") -> None:
    from gan_study.analysis.page.report import terminal_summary

    answer, frame = terminal_summary(study)
    console.print()
    console.print(answer, markup=False, highlight=False)
    if len(frame):
        console.print(_table(frame), crop=False)


def _table(frame: "pd.DataFrame") -> Table:
    # Sixty columns suffice.
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in frame.columns:
        # Nothing is cut: what is too wide breaks between words, and names not at all. Sixty columns suffice.
        words = (word for text in (column, *frame[column]) for word in str(text).split())
        table.add_column(str(column), no_wrap=column == "Balancer", min_width=max(map(len, words)))
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:g}" if isinstance(value, float) else str(value) for value in row))
    return table


def _fail(message: str, code: int) -> NoReturn:
    print(f"gan-study: {message}", file=sys.stderr)
    sys.exit(code)
