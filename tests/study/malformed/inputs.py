"""Malformed input by the hundred, at the command: a right result, or one line and exit code 2; never a traceback.

`make soak` tries as many inputs as the sum of `EXAMPLES`, `make test` a tenth of them.
"""

import contextlib
import functools
import io
import json
import signal
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gan_study.study.cli import main

EXAMPLES = {
    "command lines": 250,
    "recipes": 250,
    "files": 150,
    "assignments": 350,
    "imbalances": 50,
    "sound imbalances": 20,
    "images": 100,
    "names": 50,
    "records": 120,
    "manifests": 80,
    "databases": 60,
    "places": 120,
    "reports": 10,
    "generators": 200,
    "arrays": 250,
    "archives": 100,
    "over-sampler": 150,
}
# No answer takes longer on a core of its own; what waits for a pipe takes for ever.
MOST_SECONDS = 30
# Less than that of a core in as many seconds is nothing done, also where ten processes share each core.
LEAST_SECONDS_DONE = 0.3


# How many inputs of each kind this run has really tried; conftest.py prints it.
NUM_TRIED = Counter()


def tried(what):
    """A decorator of a test of hypothesis: it draws so many inputs of a kind, and counts those that it tried."""

    def counted(test):
        inner = test.hypothesis.inner_test

        @functools.wraps(inner)
        def count(*arguments, **drawn):
            NUM_TRIED[what] += 1
            return inner(*arguments, **drawn)

        test.hypothesis.inner_test = count
        return settings(
            max_examples=EXAMPLES[what] * settings.default.max_examples // 100,
            suppress_health_check=list(HealthCheck),
        )(test)

    return counted


class MayRunError(Exception):
    """The study was found fit to run."""


class HangError(BaseException):
    """The answer took more than MOST_SECONDS of a core, or waited so long; no handler may take it for an error."""


@contextlib.contextmanager
def within_time():
    began = seen = time.process_time()

    def stop(number, frame):
        nonlocal seen
        now = time.process_time()
        if now - began >= MOST_SECONDS or now - seen < LEAST_SECONDS_DONE:
            raise HangError
        seen = now
        signal.alarm(MOST_SECONDS)

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(MOST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def answer(*arguments):
    """Exit code and stderr of the command; 0 where a study would have been run."""
    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["gan-study", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), within_time():
            main()
    except SystemExit as exit_:
        return exit_.code or 0, err.getvalue()
    except MayRunError:
        return 0, ""
    finally:
        sys.argv = before
    raise AssertionError("the command did not end")


def assert_civil(result, *, codes=(0, 2)):
    code, err = result
    assert code in codes, result
    assert err.count("\n") == (code == 2), result


# What stands in files and on command lines
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -0.0, 1e308, 10**400]),
    st.text(max_size=8),
    st.sampled_from(["step", "digits", "dcgan", "auto", "none", "2020-01-01", "../..", "~", "${HOME}", "int"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=6), st.integers(), st.sampled_from(["kind", "name"])), inner),
    ),
    max_leaves=5,
)


@st.composite
def damages(draw):
    """A function of bytes that changes some of them, cuts them, or puts a value into their JSON."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "value", "twice"]))
    place, value = draw(st.floats(0, 1, exclude_max=True)), draw(values)
    inserted = draw(
        st.one_of(st.binary(min_size=1, max_size=5), st.sampled_from([b"\n", b"{}\n", b"null\n", b"[]\n"]))
    )

    def damaged(content):
        at = int(place * len(content))
        if kind == "flip" or (kind == "value" and not content.startswith(b"{")):
            return content[:at] + inserted[:1] + content[at + 1 :]
        if kind == "cut":
            return content[:at]
        if kind == "insert":
            return content[:at] + inserted + content[at:]
        if kind == "twice":
            return content + content[at:]
        lines = content.splitlines() if content.count(b"\n}") == 0 else [content]
        which = int(place * len(lines))
        document = json.loads(lines[which])
        keys = list(keys_of(document))
        changed = with_value(document, keys[int(place * 7919) % len(keys)], value)
        lines[which] = json.dumps(_plain(changed)).encode()
        return b"\n".join(lines) + b"\n"

    return damaged


def _plain(value):
    """A value as JSON can hold it: its keys are text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def keys_of(section, prefix=()):
    for key, value in section.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from keys_of(value, (*prefix, key))


def with_value(section, path, value):
    name, *rest = path
    inner = section.get(name)
    changed = with_value(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return {**section, name: changed}
