"""How large the tensors are that a piece of work makes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from benchmarks.torch_internals import TorchDispatchMode, tree_flatten


class _Largest(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        given = [each.untyped_storage() for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
        # A window on what is there already makes nothing.
        known = {each.data_ptr() for each in given}
        made = [each.untyped_storage() for each in tree_flatten(results)[0] if isinstance(each, Tensor)]
        self.num_bytes = max([self.num_bytes, *(each.nbytes() for each in made if each.data_ptr() not in known)])
        return results


def largest_made(work: Callable[[], object]) -> int:
    """The bytes of the largest tensor that `work` makes; what it is given, and views of that, do not count."""
    with _Largest() as found:
        work()
    return found.num_bytes
