"""What a study's search decided: JSON lines that are only ever appended to."""

import os
from pathlib import Path

from gan_study.study.plan.decisions import Decision, from_line, to_line
from gan_study.trainables.base.files import read_bytes
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.records.record import record_lines
from gan_study.trainables.runtime.storage import append


class DecisionStore:
    """The file `path`, one decision in each line, flushed to the disk before it takes effect.

    Opening it removes an incomplete last line, whose decision had no effect yet. Raises ConfigError with the line
    if another one is damaged. Failing storage is retried for `patience_seconds`.
    """

    def __init__(self, path: Path, *, patience_seconds: float = 0.0) -> None:
        self._path = path
        self._patience_seconds = patience_seconds
        if path.exists() and not (content := read_bytes(path)).endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)
        self.decisions = read_decisions(path)

    def append(self, decision: Decision) -> None:
        """Write `decision` to the disk and flush it."""
        append(self._path, f"{to_line(decision)}\n".encode(), patience_seconds=self._patience_seconds)


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """The decisions in the complete lines of `path`, in order; none if there is no file.

    Raises ConfigError if one is damaged, or out of order.
    """
    if not path.exists():
        return ()
    lines, _ = record_lines(read_bytes(path))
    decisions, num_suggestions = [], 0
    for number, line in enumerate(lines, start=1):
        try:
            decision = from_line(line)
        except ConfigError as error:
            raise ConfigError(f"{path}:{number} is damaged: {error}") from None
        if decision.kind == "suggestion":
            if decision.number != num_suggestions:
                raise ConfigError(f"{path}:{number} is damaged: number: {decision.number}, not {num_suggestions}")
            num_suggestions += 1
        decisions.append(decision)
    return tuple(decisions)
