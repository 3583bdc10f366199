"""The cluster launcher's file, held against Ray's own validator."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parent.parent


@pytest.fixture
def cluster():
    return yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))


def test_rays_validator_accepts_it(cluster):
    assert validate_config(prepare_config(cluster)) is None


@pytest.mark.parametrize(
    ("key", "value"), [("max_worker", 3), ("idle_timeout_minutes", "soon"), ("head_node_type", "gpu")]
)
def test_rays_validator_refuses_mistakes(cluster, key, value):
    cluster[key] = value
    with pytest.raises((jsonschema.ValidationError, ValueError)):
        validate_config(prepare_config(cluster))


def test_workers_are_gpu_spot_nodes_that_come_and_go(cluster):
    worker = cluster["available_node_types"]["gpu_worker"]
    assert worker["min_workers"] == 0
    assert worker["max_workers"] == cluster["max_workers"] > 0
    assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert cluster["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_every_node_installs_the_pinned_versions(cluster):
    commands = " ".join(cluster["setup_commands"])
    assert "--constraint ~/gan-study/constraints.txt" in commands
    assert cluster["file_mounts"]["~/gan-study"] == "."


def test_nothing_is_open_to_the_world(cluster):
    for command in (cluster["head_start_ray_commands"][1], cluster["worker_start_ray_commands"][1]):
        assert "RAY_AUTH_MODE=token" in command
        assert "0.0.0.0" not in command
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "--dashboard-host=127.0.0.1" in cluster["head_start_ray_commands"][1]
