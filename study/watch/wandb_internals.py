"""All private parts of W&B that are used, in one place.

Checked with wandb 0.31.0 and wandb-workspaces 0.4.13. tests/test_internals.py names each of these, and fails with
a sentence when a later W&B no longer has it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb
from pydantic import TypeAdapter
from wandb.sdk import wandb_setup

if TYPE_CHECKING:
    from wandb_workspaces import workspaces
    from wandb_workspaces.reports import v2 as reports

# W&B calls settings whose names begin with x_ experimental; there are no others for these.
EXPERIMENTAL_SETTINGS: dict[str, Any] = {
    # How often the upload of a table is tried, 2, 4, 8 ... s after one another: its client would wait for ever.
    "x_graphql_retry_max": 5,
    # The driver's machine is no trial's.
    "x_disable_stats": True,
    "x_disable_meta": True,
    # Its own idea of a run's id and group, on Amazon's machines.
    "sagemaker_disable": True,
}

# Who asks, and how W&B is reached. All else that a variable can say is of one run: its id, its sweep, its group,
# whether it is continued.
_OF_ANY_RUN = frozenset(
    f"WANDB_{name}"
    for name in (
        *("API_KEY", "ENTITY", "USERNAME", "USER_EMAIL", "IDENTITY_TOKEN_FILE", "CREDENTIALS_FILE"),
        *("BASE_URL", "APP_URL", "HTTP_TIMEOUT", "FILE_PUSHER_TIMEOUT", "INSECURE_DISABLE_SSL", "HTTP_PROXY"),
        *("HTTPS_PROXY", "_EXTRA_HTTP_HEADERS", "X_EXTRA_HTTP_HEADERS"),
        *("CONFIG_DIR", "CACHE_DIR", "DATA_DIR", "SERVICE", "_SERVICE", "SERVICE_TRANSPORT", "_SERVICE_WAIT"),
        *("DEBUG", "CORE_DEBUG", "ERROR_REPORTING", "EXECUTABLE", "_EXECUTABLE", "HOST"),
    )
)


@contextlib.contextmanager
def session_of_ones_own(folder: Path) -> Iterator[tuple[str, ...]]:
    """Let runs in the block use their own settings; returns the names of ignored variables.

    A sweep's agent sets such variables; then every run would get the sweep's id. W&B reads them once in a process,
    into a session that the caller may have started: it is restored after the block, and one started in the block
    has ended. W&B's files of the home folder are in `folder` if the home folder cannot be written to.
    """
    given = {name: value for name, value in os.environ.items() if name.startswith("WANDB_")}
    foreign = tuple(sorted(given.keys() - _OF_ANY_RUN))
    try:
        for name in foreign:
            del os.environ[name]
        if not os.access(Path("~").expanduser(), os.W_OK):
            os.environ.setdefault("WANDB_DATA_DIR", str(folder / "data"))
            os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "cache"))
        with _settings_read_anew():
            yield foreign
    finally:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            del os.environ[name]
        os.environ.update(given)


@contextlib.contextmanager
def _settings_read_anew() -> Iterator[None]:
    is_new = wandb_setup._singleton is None
    session = wandb_setup.singleton()
    before = session._settings, session._settings_environ, session._sweep_config
    try:
        session._sweep_config = None
        session._load_settings(system_settings_path=None, disable_sagemaker=True)
        yield
    finally:
        session._settings, session._settings_environ, session._sweep_config = before
        if is_new:
            # Its process may have died: this raises, or exits with that one's code. Runs that it could not send
            # have said so.
            with contextlib.suppress(Exception, SystemExit):
                wandb.teardown()


def specification(view: "workspaces.Workspace") -> str:
    """The workspace as W&B stores it, as JSON; the library only provides it while sending."""
    return json.dumps(json.loads(view._to_model().model_dump_json(by_alias=True, exclude_none=True)), indent=2)


def report_specification(report: "reports.Report") -> str:
    """The report as JSON: its blocks, panels and sets of runs.

    W&B's stored version also has the id of its project, which only W&B knows.
    """
    values = TypeAdapter(type(report)).dump_python(report, mode="json", exclude_none=True)
    return json.dumps(values, indent=2, sort_keys=True)
