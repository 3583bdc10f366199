"""A process in place of the one that draws: its drawings fail and die."""

import os
import signal
import sys
from collections.abc import Iterator

from gan_study.analysis.page.drawing import Drawing, Drawn
from gan_study.analysis.page.process import run


def drawings(subject: object) -> Iterator[Drawing]:
    """Drawings, of which the second fails, the third ends the process, and so do the fourth and the sixth."""
    yield Drawing(name="first", draw=lambda: Drawn(files={"plots/first.svg": b"1"}))
    yield Drawing(name="second", draw=_fails)
    yield Drawing(name="third", draw=_dies)
    yield Drawing(name="fourth", draw=_exits)
    yield Drawing(name="fifth", draw=lambda: Drawn(script="5"))
    yield Drawing(name="sixth", draw=_exits)
    yield Drawing(name="seventh", draw=lambda: Drawn(script="7"))


def unfinished_drawings(subject: object) -> Iterator[Drawing]:
    """One drawing, and then nothing can be made of the study any more."""
    yield Drawing(name="zeroth", draw=lambda: Drawn(files={"plots/zeroth.svg": b"0"}))
    raise ValueError("no rows")


def _fails() -> Drawn:
    raise RuntimeError("no\nTeX")


def _dies() -> Drawn:
    print("#\n# Fatal process out of memory: CagedHeap\n#\n0x1", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTRAP)
    raise AssertionError


def _exits() -> Drawn:
    os._exit(3)


if __name__ == "__main__":
    run({"unfinished drawings": unfinished_drawings, "drawings": drawings})
