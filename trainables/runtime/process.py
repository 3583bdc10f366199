"""What a process that trains is set to: its threads, and what it does with freed memory."""

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

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

    Never the machine's number: four processes with four threads each on four cores run over a hundred times
    slower than with one each.
    """
    # Libraries yet to be loaded read the environment; those that are loaded have read it, and have to be told.
    os.environ["OMP_NUM_THREADS"] = str(count)
    threadpool_limits(count)
    torch.set_num_threads(count)


@contextlib.contextmanager
def arithmetic_given_back() -> Iterator[None]:
    """Give a caller's process its threads and its library of matrix products back after the block."""
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


def with_gradients(function: _Function) -> _Function:
    """`function`, or a generator function, that trains alike below `torch.no_grad` or `inference_mode`."""
    trains: _Function = torch.inference_mode(False)(torch.enable_grad()(function))
    return trains


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process; whether the C library can be told so (glibc can).

    Every optimiser step frees its gradients and asks for as many again. By default glibc hands blocks of that size
    back to the system, which zeroes them page by page when they are wanted. Without, WGAN-GP on batches of 4
    takes a quarter less time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(parameter, value) for parameter, value in _MALLOC_SETTINGS)
