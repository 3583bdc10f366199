"""The settings of a process that trains: its threads, and its handling of freed memory."""

import contextlib
import ctypes
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from gan_study.trainables.base.precision import gpu_products_in
from gan_study.trainables.runtime.environment import library, use

_Function = TypeVar("_Function", bound=Callable[..., object])

# Parameters of glibc's mallopt (malloc.h), and their values in bytes.
_MALLOC_SETTINGS = (
    (-3, 32 * 2**20),  # M_MMAP_THRESHOLD: the largest that glibc takes on 64 bits
    (-1, 2**31 - 1),  # M_TRIM_THRESHOLD: nothing is ever handed back
    (-2, 64 * 2**20),  # M_TOP_PAD: what is asked of the system at once
)


def use_threads(count: int) -> None:
    """Let torch and the numeric libraries use `count` threads.

    Never all of the machine: four processes with four threads each on four cores run over a hundred times slower
    than with one each.
    """
    # Libraries yet to be loaded read the environment; those that are loaded have read it, and have to be told.
    os.environ["OMP_NUM_THREADS"] = str(count)
    threadpool_limits(count)
    torch.set_num_threads(count)


@contextlib.contextmanager
def arithmetic_given_back() -> Iterator[None]:
    """Restore a caller's threads and library of matrix products after the block."""
    threads, chosen, told = torch.get_num_threads(), library(), os.environ.get("OMP_NUM_THREADS")
    pools = [(pool, pool.num_threads) for pool in ThreadpoolController().lib_controllers]
    try:
        yield
    finally:
        for pool, before in pools:
            pool.set_num_threads(before)
        torch.set_num_threads(threads)
        use(chosen)
        if told is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = told


def with_torch_defaults(function: _Function) -> _Function:
    """`function`, or a generator function, with results that do not depend on its caller's torch state.

    Also inside `torch.no_grad`, `inference_mode` or `autocast`, and with another default type or device of new
    tensors. A generator has torch's defaults while it runs; between two values the caller has its own state.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*arguments: Any, **named: Any) -> Iterator[Any]:
            with contextlib.closing(function(*arguments, **named)) as values:
                while True:
                    with _torch_defaults():
                        try:
                            value = next(values)
                        except StopIteration:
                            return
                    yield value

        return cast(_Function, steps)

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with _torch_defaults():
            return function(*arguments, **named)

    return cast(_Function, call)


@contextlib.contextmanager
def _torch_defaults() -> Iterator[None]:
    """Gradients, 32 bits, no autocast and the CPU for new tensors in the block, the caller's state after it."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    with contextlib.ExitStack() as state:
        state.enter_context(torch.inference_mode(False))
        state.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            state.enter_context(_without_autocast(kind))
        # Only where it differs: each of torch's functions is slower below it.
        if device.type != "cpu":
            state.enter_context(torch.device("cpu"))
        # oneDNN's convolutions on newer CPUs, and its products unless its library was chosen here (see `library`).
        onednn: Any = torch.backends.mkldnn
        for switch in (onednn.conv, onednn.matmul):
            if switch is onednn.conv or library() == "default":
                state.callback(setattr, switch, "fp32_precision", switch.fp32_precision)
                switch.fp32_precision = "ieee"
        # A GPU's convolutions too, whose default is TF32.
        if torch.cuda.is_available():
            state.enter_context(gpu_products_in("float32"))
        state.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        yield


@contextlib.contextmanager
def _without_autocast(kind: str) -> Iterator[None]:
    # Not torch.autocast, which warns where there is no such device.
    before = torch.is_autocast_enabled(kind)
    torch.set_autocast_enabled(kind, False)
    try:
        yield
    finally:
        torch.set_autocast_enabled(kind, before)


def keep_freed_memory() -> bool:
    """Let the process keep freed memory; returns whether the C library supports this (glibc does).

    Every optimiser step frees its gradients and allocates as many again. By default glibc returns blocks of that
    size to the system, which zeroes them page by page when they are allocated again. Without this, WGAN-GP on
    batches of 4 takes a quarter less time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(parameter, value) for parameter, value in _MALLOC_SETTINGS)


def usable_device(device: str | torch.device | None) -> torch.device:
    """Where networks are trained, by default a GPU if there is one; raises ValueError if it cannot be used."""
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if device is None else device
    try:
        found = torch.device(wanted)
        torch.zeros(1, device=found).cpu()
    # torch has an error of another kind for each way in which a device can be none, or not be there.
    except Exception as error:
        raise ValueError(f"device: {wanted!r} cannot be used ({' '.join(str(error).split())})") from None
    return found
