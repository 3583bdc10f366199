"""Ways of starting Python in which libraries of a study do not load."""

import sys
from typing import Protocol

from gan_study.trainables.base.settings import UserError


class Flags(Protocol):
    """What of `sys.flags` is looked at."""

    @property
    def optimize(self) -> int:
        """How many times -O was given."""

    @property
    def bytes_warning(self) -> int:
        """How many times -b was given."""


def check_interpreter(flags: Flags = sys.flags) -> None:
    """Raise UserError where Python was started in a way in which Ray and others do not load."""
    if flags.optimize > 1:
        raise UserError(
            "Ray and Altair need the docstrings that `python -OO` (PYTHONOPTIMIZE=2) leaves out; -O will do"
        )
    if flags.bytes_warning > 1:
        raise UserError("`python -bb` makes errors of what Ray does when it is loaded; -b will do")
