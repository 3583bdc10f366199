"""The command `gan-study`: handles interruptions and errors while its libraries load, which takes seconds."""

import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gan_study.trainables.base.signals import end_in_order

# The exit code of a command that a person stopped by Ctrl-C, as shells have it.
INTERRUPTED = 128 + signal.SIGINT

# Commands that need none of the large libraries, or only where nobody has left what they print.
_LIGHT = frozenset({"list", "explain", "status", "ls"})
_ASKS_FOR_HELP = frozenset({"--help", "--version"})


def main() -> None:
    """Load the command and run it.

    An interruption or SIGTERM while it loads, a deleted current folder, and a library that cannot be loaded are
    one line on stderr.
    """
    _open_standard_files()
    try:
        # torch itself ends the process if there is none.
        Path.cwd()
    except OSError as error:
        _fail(f"the current folder: {error.strerror}; change to another one", 2)
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    # One that whoever started this process has set stays.
    ours = {number: handler for number, handler in usual.items() if signal.getsignal(number) == handler}
    for number in ours:
        signal.signal(number, _end_at_once)
    try:
        from gan_study.study.commands import run_command
        from gan_study.study.run import interpreter

        arguments = sys.argv[1:]
        if arguments and arguments[0] not in _LIGHT and not _ASKS_FOR_HELP.intersection(arguments):
            if (fault := interpreter.find_fault()) is not None:
                _fail(fault, 2)
            importlib.import_module("gan_study.study.run.folder")
    except (ImportError, MemoryError) as error:
        _fail(f"cannot be loaded: {' '.join(str(error).split()) or 'no memory'}", 2)
    for number, handler in ours.items():
        signal.signal(number, end_in_order if number == signal.SIGTERM else handler)
    run_command()


def _open_standard_files() -> None:
    """Open what is closed of standard input, output and error, so that no other file gets its number.

    Whatever a library or a worker prints would be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """End the process; an exception would be one of any kind by the time it has left a half-loaded library."""
    said = b"interrupted" if number == signal.SIGINT else b"ended by SIGTERM"
    os.write(2, b"gan-study: " + said + b"\n")
    os._exit(128 + number)


def _fail(message: str, code: int) -> NoReturn:
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in message)
    print(f"gan-study: {shown}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
