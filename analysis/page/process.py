"""The drawing process: it reads a study, and writes one drawing after the other."""

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

from gan_study.analysis.page.drawing import (
    DRAWN_FILE,
    SUBJECT_FILE,
    Begun,
    Drawing,
    Drawn,
    Message,
    NotDrawn,
    Subject,
)

Group: TypeAlias = Callable[[Subject], Iterable[Drawing]]


def run(groups: Mapping[str, Group]) -> None:
    """Draw all `groups` of the data in the folder in which the process started, except the first few drawings.

    Arguments: a descriptor of the folder that the study's paths start from, and the number of drawings to skip.
    """
    here, skip = map(int, sys.argv[1:])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    subject: Subject = pickle.loads(Path(SUBJECT_FILE).read_bytes())
    with Path(DRAWN_FILE).open("wb") as file:
        os.fchdir(here)
        for name, group in groups.items():
            skip = _draw(name, group, subject, file, skip=skip)
        records = subject.study.records
        problems = {trial.trial_id: tuple(trial.problems) for trial in records if trial.problems}
        _write(file, Drawn(problems=problems))


def _draw(name: str, group: Group, subject: Subject, file: BinaryIO, *, skip: int) -> int:
    """How many of the first drawings are still to be left out after this group."""
    # If one fails, the others are still drawn, and the page says so.
    try:
        for drawing in group(subject):
            if skip:
                skip -= 1
                continue
            _write(file, Begun(name=drawing.name))
            try:
                _write(file, drawing.draw())
            except Exception as error:
                _write(file, NotDrawn(reason=_in_one_line(error)))
    except Exception as error:
        _write(file, NotDrawn(what=f"what is left of {name}", reason=_in_one_line(error)))
    return skip


def _in_one_line(error: Exception) -> str:
    return ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))


def _write(file: BinaryIO, message: Message) -> None:
    pickle.dump(message, file)
    # What is written stays, also if the next drawing ends this process.
    file.flush()


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, which holds the other end of its input."""
    # A read of Python's own would hold a lock that Python wants when it ends.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
