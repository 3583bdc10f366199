"""What tests use of Ray and is not its public interface; see tests/test_internals.py."""

from collections.abc import Callable
from pathlib import Path

import pytest
import ray
from ray._private import services, utils
from ray._private.runtime_env.packaging import create_package
from ray.autoscaler._private.util import prepare_config, validate_config

__all__ = [
    "create_package",
    "hide_running_clusters",
    "prepare_config",
    "session_logs",
    "take_sigterm",
    "validate_config",
]


def session_logs() -> Path:
    """Where the processes of the Ray that this process is connected to write their logs."""
    return Path(ray._private.worker.global_worker.node.get_session_dir_path()) / "logs"


def take_sigterm(handler: Callable[[int, object], object]) -> None:
    """Set a handler of SIGTERM as `ray.init` does."""
    utils.set_sigterm_handler(handler)


def hide_running_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "auto" find none of the clusters that run on this machine by their processes, such as other tests'."""
    monkeypatch.setattr(services, "find_gcs_addresses", set)
