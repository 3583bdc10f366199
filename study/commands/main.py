"""The command `gan-study`: its subcommands, and the conversion of errors to one line and an exit code."""

import importlib.metadata
import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gan_study.study.cli import INTERRUPTED
from gan_study.study.commands import describing, exporting, reporting, running, watching
from gan_study.study.commands.output import CommandEnd, fail
from gan_study.study.watch.terminal import tolerant_output
from gan_study.trainables.base.files import is_url
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.base.signals import TERMINATED

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

# In the order of `gan-study --help`.
_COMMANDS: Mapping[str, Callable[..., None]] = {
    "run": running.run,
    "plan": running.plan,
    "resume": running.resume,
    "report": reporting.report,
    "balance": exporting.balance,
    "sample": exporting.sample,
    "check": watching.check,
    "status": watching.status,
    "ls": watching.list_studies,
    "logs": watching.logs,
    "dashboard": watching.dashboard,
    "list": describing.list_parts,
    "explain": describing.explain,
    "check-plugin": describing.check_plugin,
    "show": describing.show,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)

# What Python says where the limit on processes is reached.
NO_MORE_THREADS = "can't start new thread"

# How a command that runs trials is continued, if it was ended.
CONTINUED: Mapping[str, str] = {
    # It may be ended before the folder has a study: then nothing is left of it.
    "run": "; if the study had begun, `gan-study resume DIR` continues",
    "resume": "; `gan-study resume DIR` continues",
}
# What these print is in their files too.
WRITES_FILES = ("run", "resume", "report", "balance", "sample")


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Does training a GAN on the rare classes help a classifier find them? Answers this for your images.

    With paired gains and intervals.
    """
    if version:
        print(importlib.metadata.version("gan-study"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def run_command() -> None:
    """Run the command; an error that the user can fix is one line on stderr and exit code 2.

    If standard output cannot be written, a command that writes files still returns its own exit code.
    """
    # Ray's processes outlive Ray's handles to them. The warnings would reach users who turn warnings into errors.
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
            fail(f"standard output: {failure.strerror}; not all of the text could be shown", code)
        fail(f"standard output: {failure.strerror}", code or 2)


def _run_app() -> NoReturn:
    _ensure_home()
    try:
        _refuse_odd_arguments(sys.argv[1:])
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        # An unknown option or a missing argument, for which typer itself prints five lines.
        message = " ".join(error.format_message().split()).rstrip(".")
        fail(f"{message} (see `gan-study --help`)", 2)
    except UserError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        fail(f"{error.strerror or error}{place}", 2)
    except ImportError as error:
        # Some commands load large libraries only if they need them.
        fail(f"cannot be loaded: {' '.join(str(error).split())}", 2)
    except MemoryError as error:
        fail(f"out of memory{f': {error}' if str(error) else ''}", 2)
    except RuntimeError as error:
        if str(error) != NO_MORE_THREADS:
            raise
        fail(f"{error}: the limit on processes (ulimit -u) is too low", 2)
    except SystemExit as error:
        if error.code == TERMINATED:
            fail(f"ended by SIGTERM{_how_to_continue()}", TERMINATED)
        if isinstance(error, CommandEnd):
            raise
        # Its exit code may be 0, which would say that the command has done its work.
        fail(f"a part of another package ended the command (SystemExit: {error.code})", 2)
    if code == INTERRUPTED:
        # A second Ctrl-C changes nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        fail(f"interrupted{_how_to_continue()}", INTERRUPTED)
    raise CommandEnd(code)


def _refuse_odd_arguments(arguments: Sequence[str]) -> None:
    """Raise UserError for an argument with a NUL, for a URL, and for an empty one, which Python takes for "."."""
    for before, argument in pairwise(["", *arguments]):
        if "\0" in argument:
            raise UserError(f"{argument!r}: an argument cannot contain a NUL character")
        name, _, value = argument.partition("=") if argument.startswith("--") else (before, "", argument)
        if is_url(value) and "--address" not in (name, before):
            what = name if name.startswith("--") else "an argument"
            raise UserError(
                f"{what} is a URL (not shown, as it may contain a password); a local file or folder is needed"
            )
        if not argument or re.fullmatch("--[a-z-]+=", argument):
            what = argument.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UserError(f"{what} is empty; is a shell variable not set?")


def _how_to_continue() -> str:
    return "".join(CONTINUED.get(command, "") for command in sys.argv[1:2])


def _ensure_home() -> None:
    """Set HOME to the temporary folder where it is not set, as in some containers; Ray needs one."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
