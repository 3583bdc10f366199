"""A pretended GPU: tensors that say `cuda:0` and have their real values on the CPU.

Within `PretendedGpu()` torch has one GPU, on a machine without any. Operations refuse tensors and generators of
another device as CUDA does; each operation is counted, and each moment in which Python waits for the device, with
the line of this project that asked for it. docs/gpu.md says what this cannot see.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, ClassVar, Self
from unittest.mock import patch
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from benchmarks.torch_internals import (
    NO_TORCH_FUNCTION,
    TorchDispatchMode,
    address_of,
    answer_for_cuda,
    changes_only_the_view,
    numbers_become_tensors_on_the_cpu,
    operation_of,
    parse_to,
    return_and_correct_aliasing,
    tree_flatten,
    tree_map_only,
    wrapper_of,
)

CUDA = torch.device("cuda", 0)
NAME = "Pretended GPU"
ROOT = Path(__file__).resolve().parents[1]

_CpuGenerator = torch.Generator

# What Python has to know the values or the size of, so that it waits for the device: what
# `torch.cuda.set_sync_debug_mode` finds there. `.item()`, `bool(tensor)` and `float(tensor)` are the first.
_WAITS = {
    "_local_scalar_dense": "item",
    "equal": "equal",
    "nonzero": "nonzero",
    "masked_select": "masked_select",
    "bincount": "bincount",
    "repeat_interleave": "repeat_interleave",
    "_unique2": "unique",
    "unique_dim": "unique",
    "unique_consecutive": "unique",
}
# Copies between devices, which take tensors of both.
_TRANSFERS = frozenset({"_to_copy", "copy_", "copy"})
# CUDA takes indices from the CPU, and uploads them.
_INDEXING = frozenset({"index", "index_put", "index_put_", "_index_put_impl_"})
_INDICES = (torch.int64, torch.int32, torch.bool, torch.uint8)
_MASKS = (torch.bool, torch.uint8)
# What makes memory, or another view of it, and computes nothing.
_WITHOUT_WORK = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "detach", "lift_fresh"})


class DeviceMismatchError(RuntimeError):
    """What CUDA refuses: tensors or generators of two devices in one operation."""


@dataclass(frozen=True)
class Wait:
    """A moment in which Python waited for the device."""

    what: str
    """The operation: `item`, `nonzero`, `download`, `upload` ..."""
    place: str
    """The file and the line of this project that asked for it."""
    within: frozenset[CodeType]
    """The functions of this project that were running."""


class GpuTensor(Tensor):
    """A tensor of the pretended GPU; `on_cpu` has its values."""

    on_cpu: Tensor
    __torch_function__ = NO_TORCH_FUNCTION  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, on_cpu: Tensor) -> "GpuTensor":
        """A tensor with the values of `on_cpu`, in the same memory."""
        tensor: GpuTensor = wrapper_of(cls, on_cpu)
        tensor.on_cpu = on_cpu
        return tensor

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Raises: within a PretendedGpu, that mode sees all operations first."""
        raise AssertionError(f"{func} on a tensor of the pretended GPU, outside of it")

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """`cuda:0`."""
        return CUDA

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        """Yes."""
        return True

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        """No."""
        return False

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        """No."""
        return False

    def get_device(self) -> int:
        """The number of the GPU."""
        return 0

    def data_ptr(self) -> int:
        """Where the values lie."""
        return self.on_cpu.data_ptr()

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"GpuTensor({self.on_cpu!r})"

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """A copy only where something changes; torch's own code takes the device for another."""
        device, dtype, _, memory_format = parse_to(*args, **kwargs)
        if device is not None and device.type != "cuda":
            return super().to(*args, **kwargs)
        return super().to(dtype=dtype or self.dtype, memory_format=memory_format or torch.preserve_format)

    def new_tensor(self, data: Any, **options: Any) -> Tensor:  # type: ignore[override]
        """A tensor of `data` with the type of this one, on the GPU if no device is named."""
        return torch.tensor(data, **{"dtype": self.dtype, "device": CUDA, **options})

    def numpy(self, *, force: bool = False) -> Any:
        """Raises TypeError, as CUDA's tensors do."""
        if not force:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        return self.detach().cpu().numpy()

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        """The values, which are downloaded."""
        return self.detach().cpu().tolist()

    @property
    def data(self) -> Tensor:
        """The tensor without its gradient."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        assert isinstance(other, GpuTensor), "a tensor of the pretended GPU is given data of the CPU"
        Tensor.data.__set__(self, other)  # type: ignore[attr-defined]
        self.on_cpu = other.on_cpu

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        assert self.is_leaf and self.grad is None, "only leaves without a gradient have been copied so far"
        copied = self.detach().clone()
        copied = nn.Parameter(copied, self.requires_grad) if isinstance(self, nn.Parameter) else copied
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        # To write it to a file is to read its values.
        return self.detach().cpu().__reduce_ex__(protocol)  # type: ignore[no-untyped-call]


class GpuGenerator(torch.Generator):
    """A generator of the pretended GPU; it draws what one of the CPU draws."""

    # By address: torch hands an operation another object for the same generator.
    _alive: ClassVar[WeakValueDictionary[int, "GpuGenerator"]] = WeakValueDictionary()

    def __init__(self) -> None:
        super().__init__()
        self._alive[address_of(self)] = self

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """`cuda:0`."""
        return CUDA

    @classmethod
    def is_one(cls, generator: torch.Generator) -> bool:
        """Whether `generator` belongs to the pretended GPU."""
        return address_of(generator) in cls._alive


class _Generators(torch.Generator):
    """`torch.Generator` where there is a pretended GPU."""

    def __new__(cls, device: torch.device | str = "cpu") -> torch.Generator:  # type: ignore[misc]
        return (GpuGenerator if torch.device(device).type == "cuda" else _CpuGenerator)()


class PretendedGpu(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it torch has a GPU."""

    waits: list[Wait]
    """The moments in which Python waited for the device."""
    launches: Counter[str]
    """How often each operation ran that has work for the device: views and allocations have none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits, self.launches = [], Counter()
        self._default = _CpuGenerator().manual_seed(0)
        self._patches = ExitStack()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here, and to import what compiles takes seconds.
        return False

    def __enter__(self) -> Self:
        self._patches.enter_context(numbers_become_tensors_on_the_cpu())
        self._patches.enter_context(patch.object(torch, "Generator", _Generators))
        answer_for_cuda()
        for name, answer in self._answers().items():
            self._patches.enter_context(patch.object(torch.cuda, name, answer))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)  # type: ignore[no-untyped-call]
        self._patches.close()

    def waits_within(self, *functions: Callable[..., object]) -> list[Wait]:
        """The waits while one of `functions`, of this project, ran."""
        codes = {function.__code__ for function in functions}
        return [wait for wait in self.waits if wait.within & codes]

    def places(self) -> str:
        """What was waited for, and where, in lines; the most frequent first."""
        counts = Counter((wait.what, wait.place) for wait in self.waits)
        return "\n".join(f"{number} x {what} in {place}" for (what, place), number in counts.most_common())

    def _answers(self) -> dict[str, Any]:
        """What `torch.cuda` says."""
        return {
            "is_available": lambda: True,
            "is_initialized": lambda: True,
            "_lazy_init": lambda: None,
            "device_count": lambda: 1,
            "current_device": lambda: 0,
            "get_device_name": lambda device=None: NAME,
            "get_device_capability": lambda device=None: (9, 0),
            "is_bf16_supported": lambda including_emulation=True: True,
            "device": _device,
            "manual_seed": self._default.manual_seed,
            "manual_seed_all": self._default.manual_seed,
            "get_rng_state": lambda device=None: self._default.get_state(),
            "set_rng_state": lambda state, device=None: self._default.set_state(state),
            "synchronize": lambda device=None: self._wait("synchronize"),
        }

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What `func` gives: on the pretended GPU, or on the CPU."""
        kwargs = kwargs or {}
        tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
        is_on_gpu = any(isinstance(each, GpuTensor) for each in tensors)
        device, generator = kwargs.get("device"), kwargs.get("generator")
        # torch's own code takes the tensors for some of "meta", and asks for new ones there.
        to_gpu = is_on_gpu if device is None else torch.device(device).type in ("cuda", "meta")
        if generator is not None and GpuGenerator.is_one(generator) != to_gpu:
            wanted, found = ("cuda", "cpu") if to_gpu else ("cpu", "cuda")
            raise DeviceMismatchError(
                f"{func}: Expected a '{wanted}' device type for generator but found '{found}'"
            )
        if not is_on_gpu and not to_gpu:
            return func(*args, **kwargs)
        _check_devices(func, tensors)
        self._count(func, tensors, to_gpu=to_gpu)
        inner_args, inner_kwargs = tree_map_only(GpuTensor, lambda each: each.on_cpu, (args, kwargs))
        if device is not None:
            inner_kwargs["device"] = torch.device("cpu")
        with self._own_generator(func, generator):
            result = func(*inner_args, **inner_kwargs)
        if not to_gpu:
            return result
        wrapped = tree_map_only(Tensor, GpuTensor, result)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)  # type: ignore[no-untyped-call]

    def _count(self, func: Any, tensors: Sequence[Tensor], *, to_gpu: bool) -> None:
        operation = operation_of(func).__name__
        if operation not in _WITHOUT_WORK and not changes_only_the_view(func):
            self.launches[operation] += 1
        have_strangers = any(not isinstance(each, GpuTensor) for each in tensors)
        if operation in _WAITS:
            self._wait(_WAITS[operation])
        elif operation in _TRANSFERS and (have_strangers or not to_gpu):
            is_from_gpu = isinstance(tensors[-1], GpuTensor)
            self._wait("download" if is_from_gpu else "upload")
        elif operation in _INDEXING and have_strangers:
            self._wait("upload")
        elif operation in _INDEXING and any(each.dtype in _MASKS for each in tensors[1:]):
            self._wait("nonzero")

    def _wait(self, what: str) -> None:
        frame, place, within = inspect.currentframe(), "", set()
        while frame is not None:
            path = frame.f_code.co_filename
            if path != __file__ and path.startswith(str(ROOT)) and "site-packages" not in path:
                place = place or f"{Path(path).relative_to(ROOT)}:{frame.f_lineno}"
                within.add(frame.f_code)
            frame = frame.f_back
        self.waits.append(Wait(what, place, frozenset(within)))

    @contextmanager
    def _own_generator(self, func: Any, generator: torch.Generator | None) -> Iterator[None]:
        """In the block, what draws without a generator draws from the device's own."""
        if generator is not None or torch.Tag.nondeterministic_seeded not in func.tags:
            yield
            return
        of_cpu = torch.default_generator.get_state()
        torch.default_generator.set_state(self._default.get_state())
        yield
        self._default.set_state(torch.default_generator.get_state())
        torch.default_generator.set_state(of_cpu)


def _check_devices(func: Any, tensors: Sequence[Tensor]) -> None:
    """Raises DeviceMismatchError where CUDA would not take `tensors` together."""
    operation = operation_of(func).__name__
    strangers = [each for each in tensors if not isinstance(each, GpuTensor)]
    if operation in _TRANSFERS or len(strangers) == len(tensors):
        return
    if operation in _INDEXING and isinstance(tensors[0], GpuTensor):
        strangers = [each for each in strangers if each.dtype not in _INDICES]
    if torch.Tag.pointwise in func.tags:
        # A tensor that is one number goes along with what is done element by element.
        strangers = [each for each in strangers if each.dim()]
    if strangers:
        shapes = [tuple(each.shape) for each in strangers]
        raise DeviceMismatchError(
            f"{func}: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
            f"cpu! On the cpu: {shapes}"
        )


@contextmanager
def _device(device: object) -> Iterator[None]:
    """`torch.cuda.device`, where there is one."""
    yield
