"""Malformed input by the hundred, at the command: a right result, or one line and exit code 2; never a traceback.

`make soak` tries as many inputs as the sum of `EXAMPLES`, `make test` a tenth of them.
"""

import contextlib
import io
import sys

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gan_study.study.cli import main

EXAMPLES = {
    "command lines": 200,
    "recipes": 250,
    "files": 100,
    "assignments": 250,
    "imbalances": 50,
    "sound imbalances": 20,
    "images": 80,
    "records": 120,
    "manifests": 80,
    "reports": 10,
}


def tried(what):
    return settings(
        max_examples=EXAMPLES[what] * settings.default.max_examples // 100,
        suppress_health_check=list(HealthCheck),
    )


class MayRunError(Exception):
    """The study was found fit to run."""


def answer(*arguments):
    """Exit code and stderr of the command; 0 where a study would have been run."""
    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["gan-study", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
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
