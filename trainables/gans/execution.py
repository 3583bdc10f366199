"""How the steps of a training are executed: one operation after the other, or recorded once and replayed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

# Of a batch's row indices to losses.
Step: TypeAlias = Callable[[Tensor], tuple[Tensor, ...]]


class Execution(Protocol):
    """A way to execute steps."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def prepared(self, step: Step, generators: Sequence[torch.Generator]) -> Step:
        """`step`, which draws from `generators` alone, as it is to be called from now on."""
        ...


@dataclass(frozen=True)
class Eager:
    """One operation after the other, as Python comes to it."""

    name: str = "eager"

    def prepared(self, step: Step, generators: Sequence[torch.Generator]) -> Step:
        """`step` itself."""
        return step


EAGER = Eager()
