"""A caller's process is the same after a study as before it."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import warnings

import numpy as np
import pytest
from rich.console import Console

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.callers_process import as_it_was, foreign_variables
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import _own_process, plan_study, run_study
from gan_study.trainables.base.settings import UserError


def snapshot():
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in ("ray", "ray.tune", "gan_study"))]
    return {
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
        "warnings": list(warnings.filters),
        "loggers": [(each.level, each.propagate, each.handlers[:], each.filters[:]) for each in loggers],
        "random": (random.random(), np.random.random()),  # noqa: NPY002
    }


def disturb():
    os.environ |= {"TUNE_GLOBAL_CHECKPOINT_S": "inf", "NEW": "1"}
    os.environ.pop("HOME")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.excepthook = threading.excepthook = print
    warnings.simplefilter("error")
    logger = logging.getLogger("ray.tune")
    logger.setLevel(logging.CRITICAL)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


def test_what_a_study_changes_is_given_back(monkeypatch):
    monkeypatch.setenv("TUNE_RESULT_DIR", "/somewhere")
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    before = snapshot()
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    with as_it_was() as foreign:
        assert "TUNE_RESULT_DIR" in foreign and "TUNE_RESULT_DIR" not in os.environ
        disturb()
    assert snapshot() == before
    with pytest.raises(ZeroDivisionError), as_it_was():
        disturb()
        raise ZeroDivisionError
    assert {**snapshot(), "random": 0} == {**before, "random": 0}


def test_variables_of_other_runs_are_told_from_those_of_a_machine():
    theirs = (
        "DNNL_DEFAULT_FPMATH_MODE",
        "ONEDNN_DEFAULT_FPMATH_MODE",
        "RAY_AIR_LOCAL_CACHE_DIR",
        "TUNE_DISABLE_SIGINT_HANDLER",
        "TUNE_RESULT_DIR",
    )
    assert foreign_variables(dict.fromkeys([*theirs, "RAY_ADDRESS", "RAY_TMPDIR", "HOME", "FORTUNE_X"])) == theirs
    # Ray leaves it behind in every process that imports it.
    assert foreign_variables({"RAY_CLIENT_MODE": "0"}) == ()
    assert foreign_variables({"RAY_CLIENT_MODE": "1"}) == ("RAY_CLIENT_MODE",)


# What a library that is imported meanwhile adds for good is its own.
SCRIPT = """
    import json, locale, logging, os, random, signal, sys, threading, warnings
    import matplotlib, numpy as np, ray, torch, wandb
    from ray import tune
    import gan_study
    from gan_study.study.run import runner, tuner

    def snapshot():
        mask = os.umask(0)
        os.umask(mask)
        names = sorted(name for name in logging.Logger.manager.loggerDict if name.split(".")[0] in OURS)
        loggers = {name: logging.getLogger(name) for name in ("root", *names)}
        return {
            "environment": dict(os.environ),
            "signals": {str(n): repr(signal.getsignal(n)) for n in signal.valid_signals()},
            "hooks": repr((sys.excepthook, sys.unraisablehook, threading.excepthook)),
            "warnings": repr(warnings.filters),
            "loggers": {n: repr((l.level, l.propagate, l.handlers, l.filters)) for n, l in loggers.items()},
            "random": repr((hash(random.getstate()), np.random.get_state()[1].sum(), torch.get_rng_state().sum())),
            "torch": repr((
                torch.get_num_threads(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled(),
                torch.is_grad_enabled(), torch.get_float32_matmul_precision(),
                torch.backends.mkldnn.matmul.fp32_precision,
            )),
            "matplotlib": {"backend": matplotlib.get_backend(auto_select=False)} | {
                key: repr(matplotlib.rcParams[key]) for key in matplotlib.rcParams if key != "backend"
            },
            "places": (os.getcwd(), mask, sys.path[:], locale.setlocale(locale.LC_ALL)),
            "ray": ray.is_initialized(),
            "limits": sys.getrecursionlimit(),
        }

    OURS = ("ray", "gan_study", "wandb", "optuna", "matplotlib")
    settings = json.loads(sys.argv[1])
    before = snapshot()
    result = gan_study.run_study(gan_study.study_config("quickstart", settings), out="study")
    after = snapshot()
    assert {record.status for record in result.trials} == {"complete"}, result.trials

    def differences(where, one, other):
        # A logger that came with a library that was imported meanwhile is that library's.
        if isinstance(one, dict):
            for key in one:
                yield from differences(f"{where}/{key}", one[key], other.get(key))
        elif one != other:
            yield f"{where}: {str(one)[:100]} -> {str(other)[:100]}"

    off = [*differences("", before, after), *(after["environment"].keys() - before["environment"].keys())]
    assert not off, off
    for name in ("TUNE_RESULT_DIR", "RAY_AIR_LOCAL_CACHE_DIR"):
        os.environ.pop(name)
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    where = tune.RunConfig(storage_path=os.getcwd(), name="mine")
    tune.Tuner(lambda config: {"loss": 1.0}, run_config=where).fit()
    ray.shutdown()
"""
SETTINGS = [
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 4}",
    "balancers.vanilla_gan.gan.generator_steps=1",
    "search.trials=0",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "wandb.mode=offline",
    "resources.max_concurrent=1",
]


@pytest.mark.ray
@pytest.mark.faults
def test_a_study_leaves_its_callers_process_alone_and_odd_places_are_places(tmp_path):
    """Also that variables of others do not count, and that nothing lies beside a folder with signs of a URL."""
    folder = tmp_path / "what?mode=ro" / "50%41" / "a#1 {x}"
    folder.mkdir(parents=True)
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    others = {"TUNE_RESULT_DIR": str(tmp_path / "no"), "RAY_AIR_LOCAL_CACHE_DIR": str(tmp_path / "no")}
    said = subprocess.run(
        [sys.executable, str(script), json.dumps(SETTINGS)],
        cwd=folder,
        env={**os.environ, **others},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert "ignored: RAY_AIR_LOCAL_CACHE_DIR, TUNE_RESULT_DIR" in said.stdout
    assert said.returncode == 0, said.stderr[-2000:]
    assert list((folder / "mine").rglob("result.json")), "its own run has its results"
    assert (folder / "study" / "optuna.db").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"what?mode=ro", "script.py"}
    assert {path.name for path in folder.iterdir()} <= {"study", "mine"}


def test_warnings_that_are_errors_to_the_caller_are_none_in_a_study(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with as_it_was() as foreign:
            assert "PYTHONWARNINGS" in foreign
            # To pytest, which records it, a warning again.
            with pytest.warns(DeprecationWarning):
                warnings.warn("of a library", DeprecationWarning, stacklevel=1)
        with pytest.raises(DeprecationWarning):
            warnings.warn("of the caller", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize(("option", "goes_on"), [("-OO", "use -O"), ("-bb", "use -b")])
def test_a_python_in_which_ray_does_not_load_is_refused_in_one_line(option, goes_on, tmp_path):
    command = [sys.executable, option, "-m", "gan_study.study.cli"]
    run = subprocess.run([*command, "check", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1) and goes_on in run.stderr
    assert subprocess.run([*command, "--version"], capture_output=True, timeout=60).returncode == 0


def test_a_second_study_in_one_process_is_refused_and_the_first_one_goes_on():
    options = RunOptions(console=Console(quiet=True))
    with _own_process(options.console):
        with pytest.raises(UserError, match="another study runs in this process"):
            run_study(study_config("quickstart"), out="never", options=options)
        with pytest.raises(UserError, match="another study runs in this process"):
            plan_study(study_config("quickstart"), options=options)
    # After it, also after one that failed, the next one runs.
    with pytest.raises(ZeroDivisionError), _own_process(options.console):
        raise ZeroDivisionError
    with _own_process(options.console):
        pass
