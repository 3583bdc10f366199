"""Ways of starting Python in which libraries of a study do not load, or do not work."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol


class Flags(Protocol):
    """The relevant part of `sys.flags`."""

    @property
    def optimize(self) -> int:
        """How many times -O was given."""

    @property
    def bytes_warning(self) -> int:
        """How many times -b was given."""


def find_fault(flags: Flags = sys.flags, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why Ray and others do not load or work in a Python that was started in this way; None if they do."""
    if flags.optimize > 1:
        return "Ray and Altair need docstrings, which `python -OO` (PYTHONOPTIMIZE=2) removes; use -O"
    if flags.bytes_warning > 1:
        return "`python -bb` turns warnings that Ray causes on import into errors; use -b"
    if environment.get("TORCH_USE_RTLD_GLOBAL"):
        return "with TORCH_USE_RTLD_GLOBAL SciPy uses torch's linear algebra, and fails; unset it"
    return None
