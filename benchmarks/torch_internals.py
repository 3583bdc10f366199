"""All that the benchmarks use of torch and is not its public interface; seen in torch 2.15.0.

tests/test_internals.py names each of these, and fails with a sentence when a later torch no longer has it.
"""

from typing import Any

# The base of whatever sees each operation as it is carried out; torch's documentation uses it by this name.
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["TorchDispatchMode", "operation_of"]


def operation_of(overload: Any) -> Any:
    """The operation that `overload` is one of, as torch's table of floating point operations has it."""
    return overload._overloadpacket
