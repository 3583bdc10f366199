"""The pictures of a report, drawn in a separate process.

The drawing uses native code: Pillow, and V8, which lays out charts and bundles their JavaScript. Tables, answer
and page are not affected if it ends its process.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from gan_study.analysis.page.pictures import PagePictures
from gan_study.analysis.page.real_or_fake import Round
from gan_study.analysis.plots.chart import Chart
from gan_study.analysis.records.load import Study

PROCESS = "gan_study.analysis.page"
# The process starts in a folder of its own and finds there what it draws; what it drew it adds to the second file.
SUBJECT_FILE, DRAWN_FILE = "subject.pickle", "drawn.pickle"
# One that ends so often will end always.
MOST_DEATHS = 3


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A drawing has begun."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The result of a drawing; fields for other kinds of drawings are empty."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """By their positions in the report."""
    pictures: PagePictures = field(default_factory=PagePictures)
    rounds: tuple[Round, ...] = ()
    """Images for the page that asks which images are real."""
    script: str = ""
    """The JavaScript that draws the page's charts."""
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Why arrays could not be read, by trial."""


@dataclass(frozen=True, kw_only=True)
class NotDrawn:
    """A drawing failed: `what`, or else the one that started last."""

    reason: str
    what: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Something to be drawn."""

    name: str
    draw: Callable[[], Drawn]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The input of the drawing process."""

    study: Study
    charts: tuple[Chart, ...]


Message: TypeAlias = Begun | Drawn | NotDrawn


@dataclass(frozen=True, kw_only=True)
class Drawings(Drawn):
    """All finished drawings, and in `failures` a sentence for each that failed, with the reason."""

    failures: tuple[str, ...] = ()


def draw_apart(study: Study, charts: tuple[Chart, ...]) -> Drawings:
    """All drawings of a study and its `charts`, by a process that is restarted if a drawing ends it.

    Arrays that it could not read are noted in the study's trials.
    """
    messages: list[Message] = []
    try:
        with tempfile.TemporaryDirectory(prefix="gan-study-") as folder:
            (Path(folder) / SUBJECT_FILE).write_bytes(pickle.dumps(Subject(study=study, charts=charts)))
            for _ in range(MOST_DEATHS):
                before = len(messages)
                death = _run(Path(folder), skip=sum(isinstance(each, Begun) for each in messages))
                messages += _read(Path(folder) / DRAWN_FILE)
                if death is not None:
                    messages.append(NotDrawn(reason=death))
                if death is None or len(messages) == before + 1:
                    break
            else:
                messages.append(NotDrawn(what="all that follows", reason=f"stopped after {MOST_DEATHS} attempts"))
    except OSError as error:
        messages.append(NotDrawn(reason=f"the process that draws could not be started: {error}"))
    found = collect(messages)
    for trial in study.records:
        trial.note(*found.problems.get(trial.trial_id, ()))
    return found


def _run(folder: Path, *, skip: int) -> str | None:
    """Why a process that leaves out the first `skip` drawings ended early; None if it drew all others."""
    here = os.open(".", os.O_RDONLY)
    try:
        with (
            (folder / "stderr").open("w+b") as stderr,
            subprocess.Popen(
                [sys.executable, "-m", PROCESS, str(here), str(skip)],
                cwd=folder,
                # Modules are found as here.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                # It closes when this process ends, however it does, and the other one follows.
                stdin=subprocess.PIPE,
                stdout=stderr,
                stderr=stderr,
                pass_fds=(here,),
            ) as process,
        ):
            try:
                code = process.wait()
            finally:
                process.kill()
            stderr.seek(0)
            said = stderr.read().decode(errors="replace")
            if code:
                return _reason(code, said)
            # Warnings, of letters that no font has for instance.
            print(said, end="", file=sys.stderr)
            return None
    finally:
        os.close(here)


def _reason(code: int, said: str) -> str:
    """Why a process ended, in one line, by its exit code and what it said."""
    name = next((each.name for each in signal.Signals if each == -code), f"signal {-code}")
    ended = f"exit code {code}" if code > 0 else name
    lines = [line.strip("# \t") for line in said.splitlines() if line.strip("# \t")]
    # Python's reason is its last line; native code says one, if at all, above its stack.
    telling = lines[-1:] if code > 0 else [line for line in lines if "fatal" in line.lower()][:1]
    return ": ".join([f"the process that draws ended ({ended})", *telling])


def _read(path: Path) -> Iterator[Message]:
    """The messages that the last process wrote before it ended; they are removed."""
    if not path.exists():
        return
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                break
    path.unlink()


def collect(messages: Iterable[Message]) -> Drawings:
    """What messages say together."""
    files: dict[str, bytes] = {}
    failures, drawn = [], []
    name = "all images and charts"
    for message in messages:
        match message:
            case Begun():
                name = message.name
            case Drawn():
                drawn.append(message)
                files |= message.files
                name = f"what is drawn after {name}"
            case NotDrawn():
                failures.append(f"{message.what or name}: {message.reason}")
    return Drawings(
        files=files,
        pictures=PagePictures.joined(each.pictures for each in drawn),
        rounds=tuple(found for each in drawn for found in each.rounds),
        script="".join(each.script for each in drawn),
        problems=dict(chain.from_iterable(each.problems.items() for each in drawn)),
        # What fails before it begins fails again where the process is started again.
        failures=tuple(dict.fromkeys(failures)),
    )
