"""Ways of starting Python in which libraries of a study do not load, or do not work."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol


class Flags(Protocol):
    """What of `sys.flags` is looked at."""

    @property
    def optimize(self) -> int:
        """How many times -O was given."""

    @property
    def bytes_warning(self) -> int:
        """How many times -b was given."""


def find_fault(flags: Flags = sys.flags, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why Ray and others do not load, or not work, in a Python that was started so; None where they do."""
    if flags.optimize > 1:
        return "Ray and Altair need the docstrings that `python -OO` (PYTHONOPTIMIZE=2) leaves out; -O will do"
    if flags.bytes_warning > 1:
        return "`python -bb` makes errors of what Ray does when it is loaded; -b will do"
    if environment.get("TORCH_USE_RTLD_GLOBAL"):
        return "with TORCH_USE_RTLD_GLOBAL SciPy uses torch's linear algebra, and fails; unset it"
    return None
