"""Text for the terminal."""

import codecs
import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console

# What stands for characters of ours that an encoding lacks; "?" in place of a minus would be another number.
_PLAIN = {"−": "-", "–": "-", "…": "...", "±": "+/-", "×": "x", "’": "'", "“": '"', "”": '"', "•": "*"}
_LEGIBLE = "gan_study.legible"


def say(console: Console, text: object) -> None:
    """Print `text` as it is: no markup, no colours, no line breaks of rich's own, and no control characters."""
    console.print(printable_lines(text), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """`text` with control characters escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable_lines(text: object) -> str:
    """`text` with its line breaks, and escapes in place of what would steer a terminal."""
    return "\n".join(map(printable, str(text).split("\n")))


def duration(seconds: float | None) -> str:
    """Seconds in words: 45 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


class Output(io.RawIOBase):
    """A stream to a file descriptor that accepts all text; text that it cannot write is lost, and `failure` says
    why.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.failure: OSError | None = None

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, content: object) -> int:
        """The number of bytes accepted."""
        view = memoryview(content).cast("B")  # type: ignore[arg-type]
        while self.failure is None:
            try:
                return os.write(self._descriptor, view)
            except BlockingIOError:
                # The reader is slow, and the descriptor is non-blocking.
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.failure = error
        return len(view)


@contextlib.contextmanager
def tolerant_output() -> Iterator[Output | None]:
    """Standard output and error that never fail: characters that they cannot encode are replaced, unwritable text
    is lost.

    Yields the new standard output; None if it is not a file of the system.
    """
    codecs.register_error(_LEGIBLE, _replace_characters)
    before = sys.stdout, sys.stderr
    sys.stdout, output = _tolerant(sys.stdout)
    sys.stderr, _ = _tolerant(sys.stderr)
    try:
        yield output
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before


def _tolerant(stream: TextIO) -> tuple[TextIO, Output | None]:
    """A stream in place of `stream`, and its output; `stream` itself where it is none of the system's files."""
    # Python has None if the descriptor is closed, and tests have streams without one.
    if stream is None:
        return stream, None
    try:
        output = Output(stream.fileno())
    except (OSError, ValueError):
        return stream, None
    stream.flush()
    text = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stream.encoding,
        errors=_LEGIBLE,
        line_buffering=bool(stream.line_buffering),
    )
    return text, output


def _replace_characters(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that cannot be encoded: others that say the same, or their codes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(
        _PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in lost
    ), error.end
