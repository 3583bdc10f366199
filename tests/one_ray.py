"""One Ray for all tests that need no other: to start one takes seconds, and so does each process of it."""

import contextlib
import json
from collections.abc import Iterator

import pytest
import ray

from gan_study.study.run.cluster import ray_cluster

# Planted in the environment that Ray starts in: no study may write them down (`tests/study/test_secrets.py`).
SECRETS = {
    "WANDB_API_KEY": "5ec2e7" * 6 + "abcd",
    "RAY_AUTH_TOKEN": "a-token-of-ray-that-nobody-may-read",
    "DATABASE_PASSWORD": "pa55word-of-a-database",
}
# Workers inherit what suits another machine, and their libraries load with it (`tests/study/test_ray.py`).
TOO_MANY_THREADS = 7
NUM_CPUS = 4

_running = contextlib.ExitStack()


def start_shared_ray() -> None:
    """Start the Ray that a study starts for itself, unless it runs already."""
    if ray.is_initialized():
        return
    with pytest.MonkeyPatch.context() as environment:
        for name, secret in SECRETS.items():
            environment.setenv(name, secret)
        environment.setenv("OMP_NUM_THREADS", str(TOO_MANY_THREADS))
        environment.setenv("RAY_OVERRIDE_RESOURCES", json.dumps({"CPU": NUM_CPUS}))
        # By Ray's own hand its workers give way to all others, that is to the tests beside these.
        environment.setenv("RAY_worker_niceness", "0")
        _running.enter_context(ray_cluster(None, verbose=False))


def stop_shared_ray() -> None:
    """Stop it, if it runs: for a test that needs another Ray or none, or at the end."""
    _running.close()


@contextlib.contextmanager
def ray_of_ones_own(**options: object) -> Iterator[None]:
    """A Ray with `options` for the block; the shared one makes room, and is started again by who needs it next."""
    stop_shared_ray()
    ray.shutdown()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, **options)
    try:
        yield
    finally:
        ray.shutdown()
