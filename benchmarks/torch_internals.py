"""All that the benchmarks use of torch and is not its public interface; seen in torch 2.15.0.

tests/test_internals.py names each of these, and fails with a sentence when a later torch no longer has it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

# The base of whatever sees each operation as it is carried out; torch's documentation uses it by this name. Beside
# it, what keeps views and changes in place those of the wrapped tensors, and what finds tensors among arguments.
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

__all__ = [
    "NO_TORCH_FUNCTION",
    "TorchDispatchMode",
    "address_of",
    "answer_for_cuda",
    "changes_only_the_view",
    "numbers_become_tensors_on_the_cpu",
    "operation_of",
    "parse_to",
    "return_and_correct_aliasing",
    "tree_flatten",
    "tree_map_only",
    "wrapper_of",
]

# A subclass of Tensor with it sees operations, and not the functions that call them.
NO_TORCH_FUNCTION = torch._C._disabled_torch_function_impl


def operation_of(overload: Any) -> Any:
    """The operation that `overload` is one of, as torch's table of floating point operations has it."""
    return overload._overloadpacket


def changes_only_the_view(overload: Any) -> bool:
    """Whether `overload` gives its argument's memory in another shape, and computes nothing."""
    return bool(overload.is_view)


def wrapper_of(kind: Any, tensor: Tensor) -> Any:
    """A tensor of `kind` that looks like `tensor`, and has no memory of its own."""
    # "meta": so autograd runs it on the caller's thread and asks for no CUDA.
    return Tensor._make_wrapper_subclass(
        kind,
        tensor.size(),
        strides=tensor.stride(),
        storage_offset=tensor.storage_offset(),
        dtype=tensor.dtype,
        device=torch.device("meta"),
    )


def parse_to(*args: Any, **kwargs: Any) -> Any:
    """Device, type, whether to wait, and memory format that arguments of `Tensor.to` ask for, or None of each."""
    return torch._C._nn._parse_to(*args, **kwargs)


def address_of(generator: torch.Generator) -> int:
    """Where a generator lies, by which it is known again in another Python object."""
    address: int = generator._cdata  # type: ignore[attr-defined]
    return address


def answer_for_cuda() -> None:
    """On a machine without a GPU, let torch's own code ask for CUDA's current device: one that does nothing.

    It stays so for the rest of the process; `torch.cuda.is_available` goes on to say what is true.
    """
    torch._C._ensureCUDADeviceGuardSet()


@contextmanager
def numbers_become_tensors_on_the_cpu() -> Iterator[None]:
    """In the block, `torch.tensor(numbers, device=...)` makes a tensor on the CPU and copies it."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
