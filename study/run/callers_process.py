"""The process that calls a study: which of its state does not affect a study, and what is restored."""

import contextlib
import logging
import os
import random
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# What Ray Tune reads from the environment says how somebody's own runs behave; what a study needs of it, it sets.
# And what lowers the precision of products, which `gan.precision` says: a GPU's, and oneDNN's on newer CPUs. Where
# warnings are errors Ray's processes do not start, and a client of Ray cannot start one.
_OF_OTHER_RUNS = re.compile(
    r"(?:TUNE|RAY_AIR|RAY_TRAIN|RAY_TUNE)_\w+|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|NVIDIA_TF32_OVERRIDE|(?:ONEDNN|DNNL)_DEFAULT_FPMATH_MODE"
    r"|PYTHONWARNINGS|RAY_CLIENT_MODE"
)
# What Ray itself leaves behind in a process that has used it.
_RAYS_OWN = frozenset({("RAY_CLIENT_MODE", "0")})


def foreign_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables in `environment` that were set for other runs, and would affect a study's."""
    found = (name for name in environment if _OF_OTHER_RUNS.fullmatch(name))
    return tuple(sorted(name for name in found if (name, environment[name]) not in _RAYS_OWN))


@contextlib.contextmanager
def as_it_was() -> Iterator[tuple[str, ...]]:
    """Restore the process to its state before the block, in which variables of other runs are not set.

    Gives their names. Restored are: the environment, signal handlers, hooks, warning filters, loggers,
    Matplotlib's settings, and the states of Python's and NumPy's random numbers.
    """
    with contextlib.ExitStack() as closing:
        for unchanged in (_environment(), _signal_handlers(), _hooks(), _loggers(), _random_states(), _plots()):
            closing.enter_context(unchanged)
        closing.enter_context(warnings.catch_warnings())
        if any(action == "error" for action, *_ in warnings.filters):
            # What Ray and others warn of is no fault of a study.
            warnings.simplefilter("default")
        foreign = foreign_variables(os.environ)
        for name in foreign:
            del os.environ[name]
        yield foreign


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


@contextlib.contextmanager
def _signal_handlers() -> Iterator[None]:
    # Only the main thread may set them.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # None: set by what is no Python, and not to be set again by it.
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)


@contextlib.contextmanager
def _hooks() -> Iterator[None]:
    before = sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook
    try:
        yield
    finally:
        sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook = before


@contextlib.contextmanager
def _loggers() -> Iterator[None]:
    """The loggers there are keep their levels, handlers and filters; one that is new keeps what it was given."""
    before = {logger: _state(logger) for logger in _all_loggers()}
    try:
        yield
    finally:
        for logger in _all_loggers():
            if logger in before and _state(logger) != before[logger]:
                level, logger.propagate, logger.disabled, handlers, filters = before[logger]
                logger.handlers[:], logger.filters[:] = handlers, filters
                # Not the attribute: a logger caches what it is enabled for.
                logger.setLevel(level)


def _all_loggers() -> list[logging.Logger]:
    known = list(logging.Logger.manager.loggerDict.values())
    return [logging.getLogger(), *(logger for logger in known if isinstance(logger, logging.Logger))]


def _state(logger: logging.Logger) -> tuple[int, bool, bool, list[logging.Handler], list[Any]]:
    return logger.level, logger.propagate, logger.disabled, list(logger.handlers), list(logger.filters)


@contextlib.contextmanager
def _random_states() -> Iterator[None]:
    # The caller may use the old interface, whatever we do.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextlib.contextmanager
def _plots() -> Iterator[None]:
    """Matplotlib's settings, its backend among them, where the caller uses it."""
    if (library := sys.modules.get("matplotlib")) is None:
        yield
        return
    before = library.rcParams.copy()
    try:
        yield
    finally:
        # Not its own update, which checks values, and would choose a backend where none was chosen yet.
        dict.update(library.rcParams, before)
