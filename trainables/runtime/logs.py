"""Structured logs: one line of JSON for each event, readable by people and by programs."""

import contextlib
import datetime
import io
import json
import logging
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from pydantic import JsonValue

from gan_study.trainables.base.files import open_to_append

# Loggers below this one are ours: they are named after their modules.
ROOT = "gan_study"

# What a `LogRecord` has of its own; the rest came as `extra`.
_OWN_KEYS = {*vars(logging.makeLogRecord({})), "message", "asctime"}

# How often something that happens all the time (level DEBUG) may be logged.
PROGRESS_SECONDS = 10.0


class JsonLines(logging.Formatter):
    """One line of JSON: time (ISO, UTC), level, logger, host, process, event, the values of `extra`, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line break."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        values: dict[str, JsonValue] = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "event": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _OWN_KEYS},
        }
        if record.exc_info and record.exc_info[1]:
            values["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return json.dumps(values, default=str)


class AppendingHandler(logging.Handler):
    """Appends each line to a file, which is opened each time: no file stays open on a network file system.

    Events of level DEBUG are progress: at most one of them is written every `PROGRESS_SECONDS`. An error when
    writing is reported on stderr and does not stop the program.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._told_at = monotonic()
        self.setFormatter(JsonLines())
        self.addFilter(self._is_due)

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with io.TextIOWrapper(open_to_append(self._path), encoding="utf-8") as file:
                file.write(self.format(record) + "\n")
        except OSError as error:
            print(f"{self._path}: {error.strerror or error}", file=sys.stderr)

    def _is_due(self, record: logging.LogRecord) -> bool:
        if record.levelno > logging.DEBUG:
            return True
        if monotonic() - self._told_at < PROGRESS_SECONDS:
            return False
        self._told_at = monotonic()
        return True


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Within the block our loggers append only to `path`; warnings also go to stderr.

    A warning may say that nothing can be written.
    """
    on_stderr = logging.StreamHandler()
    on_stderr.setLevel(logging.WARNING)
    logger = logging.getLogger(ROOT)
    with contextlib.ExitStack() as restoring:
        restoring.callback(setattr, logger, "propagate", logger.propagate)
        restoring.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        for handler in (AppendingHandler(path), on_stderr):
            logger.addHandler(handler)
            restoring.callback(logger.removeHandler, handler)
        yield
