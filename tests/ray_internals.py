"""What tests use of Ray and is not its public interface; see tests/test_internals.py."""

from pathlib import Path

import pytest
import ray
from ray._private import services
from ray.autoscaler._private.util import prepare_config, validate_config

__all__ = ["hide_running_clusters", "prepare_config", "session_logs", "validate_config"]


def session_logs() -> Path:
    """Where the processes of the Ray that this process is connected to write their logs."""
    return Path(ray._private.worker.global_worker.node.get_session_dir_path()) / "logs"


def hide_running_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "auto" find none of the clusters that run on this machine by their processes, such as other tests'."""
    monkeypatch.setattr(services, "find_gcs_addresses", set)
