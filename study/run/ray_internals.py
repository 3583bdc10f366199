"""All private parts of Ray that are used, in one place; checked with Ray 2.50.0 and 2.60.0.

tests/test_internals.py names each of these, and fails with a sentence when a later Ray no longer has it.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from ray._private import ray_constants, services
from ray._private import utils as ray_utils
from ray._private.authentication import authentication_token_setup
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.air.execution._internal import RayActorManager
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import OutOfMemoryError, RayActorError, RpcError
from ray.job_config import JobConfig
from ray.tune.execution import tune_controller
from ray.tune.experiment import Trial

# How Ray refuses a temporary folder in which its sockets' paths are longer than the system allows.
SOCKET_TOO_LONG = "AF_UNIX path length cannot exceed"

# The resource that the head of a cluster alone offers: Ray has no public way of running a task there.
HEAD_RESOURCE = "node:__internal_head__"


@contextlib.contextmanager
def listen_on_loopback_only() -> Iterator[None]:
    """Let a Ray that is started in the block listen only on 127.0.0.1, where no other machine can reach it.

    Ray does this by default on Windows and macOS, by the constant that is changed here, and has no option for it:
    `_node_ip_address="127.0.0.1"` is replaced by the external address.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


class SearchPath(list[str]):
    """The folders in which Ray's workers look for modules first, as far as this process looks there too."""

    def extend(self, folders: Iterable[str]) -> None:
        """Add those of `folders` that are in `sys.path`, as "" too."""
        own = {os.path.realpath(folder or os.curdir) for folder in sys.path}
        super().extend(folder for folder in folders if os.path.realpath(folder) in own)


def job_config() -> JobConfig:
    """A job whose workers import the modules that this process does.

    Ray puts the current folder before everything else, so that a `statistics.py` in it would replace Python's in
    workers, and nowhere else.
    """
    config = JobConfig()
    config._py_driver_sys_path = SearchPath()
    return config


@contextlib.contextmanager
def without_ray_signal_handler() -> Iterator[None]:
    """Let `ray.init` leave the process's handler of SIGTERM; its own exits with the signal's number, 15."""
    before = ray_utils.set_sigterm_handler
    ray_utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        ray_utils.set_sigterm_handler = before


def running_cluster() -> str:
    """The address that "auto" stands for: that of the environment, else that of the Ray that runs here, or did.

    Raises ConnectionError if there is none.
    """
    address: str = services.get_ray_address_from_environment("auto", None)
    return address


def cluster_answers(address: str) -> bool:
    """Whether the head at HOST:PORT responds within a minute; raises AuthenticationError.

    If a head accepts connections but does not answer, for example because it is ending, ray.init tries twenty
    times for 40 s each.
    """
    # A client without a token aborts the process where one is asked for.
    authentication_token_setup.ensure_token_if_auth_enabled(create_token_if_missing=False)
    try:
        GcsClient(address=address)
    except RpcError:
        return False
    return True


class TreatOomAsActorDeath(RayActorManager):  # type: ignore[misc]
    """Treats a process that Ray killed for lack of memory as one that died, so that its trial is started again.

    Tune's own manager handles only RayActorError, which OutOfMemoryError is not, and ends the study.
    """

    def _actor_task_failed(self, tracked_actor_task: TrackedActorTask, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=str(exception))
        super()._actor_task_failed(tracked_actor_task, exception)


@contextlib.contextmanager
def restart_after_oom() -> Iterator[None]:
    """Let every Tune run that is started in the block use `TreatOomAsActorDeath`; Tune has no setting for it."""
    before = tune_controller.RayActorManager
    tune_controller.RayActorManager = TreatOomAsActorDeath
    try:
        yield
    finally:
        tune_controller.RayActorManager = before


def has_worker(controller: Any, trial: Trial) -> bool:
    """Whether a process is starting, or being set up, for a waiting trial; called by a Tune scheduler."""
    tune = controller._tune_controller
    return tune._trial_to_actor.get(trial) in tune._actor_manager.live_actors


def drop_trial_state(trial: Trial) -> None:
    """Release the data of a trial that has ended: Tune stores some 200 kB for each, for tables that are not
    used.
    """
    metadata = trial.run_metadata
    # Without any result Tune would ask the trial's process for one.
    metadata.last_result = {"done": True}
    for values in (metadata.metric_analysis, metadata.metric_n_steps, trial.evaluated_params, trial.config):
        values.clear()
