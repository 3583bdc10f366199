"""Trials that wait for a GPU bring up GPU nodes, and idle ones go; Ray's fake ones, on a host of its own."""

import sys
import time

import pytest
import yaml

from gan_study.study.run.record_store import read_records
from tests.hosts import made_hosts, skip_without_hosts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "balancers.vanilla_gan.gan.generator_steps=500",
    "confirm={seeds: [1, 2, 3], until: fixed, fits: 1}",
)

# No more than the autoscaler needs.
CLUSTER = {
    "cluster_name": "fake",
    # All fake nodes have the host's address, by which the autoscaler else keeps account of who is idle.
    "provider": {"type": "fake_multinode", "use_node_id_as_ip": True},
    "auth": {},
    "max_workers": 2,
    "upscaling_speed": 8.0,
    "idle_timeout_minutes": 0.2,
    "head_node_type": "ray.head.default",
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        # Taken for trials that want no GPU: the autoscaler keeps GPU nodes for those that do.
        "cpu": {"resources": {"CPU": 2}, "node_config": {}, "min_workers": 0, "max_workers": 2},
        "gpu": {"resources": {"CPU": 2, "GPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": 2},
    },
    "docker": {},
    "file_mounts": {},
    "cluster_synced_files": [],
    "rsync_exclude": [],
    "rsync_filter": [],
    "initialization_commands": [],
    "setup_commands": [],
    "head_setup_commands": [],
    "worker_setup_commands": [],
    "head_start_ray_commands": [],
    "worker_start_ray_commands": [],
}


def test_trials_that_wait_bring_up_nodes_of_their_kind_which_go_when_idle(tmp_path):
    skip_without_hosts()
    with made_hosts(tmp_path, ["head"]) as hosts:
        head = hosts["head"]
        # Where `ray up` would put it.
        (head.home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(CLUSTER))
        head.run(
            "RAY_FAKE_CLUSTER=1 RAY_enable_autoscaler_v2=0 AUTOSCALER_UPDATE_INTERVAL_S=1"
            f" {sys.prefix}/bin/ray start --head --num-cpus=0 --object-store-memory=200000000"
            " --autoscaling-config=~/ray_bootstrap_config.yaml"
        )

        def nodes():
            """Whether each node beside the head has a GPU."""
            raylets = [line for line in head.processes() if "/raylet --" in line]
            return ["GPU,1" in line for line in raylets if "CPU,2" in line]

        assert nodes() == []

        def run(folder, *settings):
            """The exit code, what was said, the records, and whether each node that was seen had a GPU."""
            changes = " ".join(f"--set '{setting}'" for setting in (*SETTINGS, *settings))
            command = f"run quickstart --address auto --out /mnt/studies/{folder} {changes}"
            study = head.start(f"{sys.prefix}/bin/gan-study {command} > ~/said 2>&1")
            seen = []
            while study.poll() is None:
                seen += nodes()
                time.sleep(0.5)
            records = tmp_path / "shared" / folder / "records.jsonl"
            return study.returncode, (head.home / "said").read_text(), read_records(records), seen

        def wait_until_idle_nodes_are_gone():
            deadline = time.monotonic() + 60
            while nodes():
                assert time.monotonic() < deadline, "idle nodes stayed"
                time.sleep(0.5)

        # The GPUs are the autoscaler's inventions, which the first trial notices that is given one.
        code, said, records, seen = run("refused")
        assert code == 2 and "Ray gave a trial a GPU that torch" in said, said
        assert seen and all(seen) and not records
        # The next study would be content with nodes that are there.
        wait_until_idle_nodes_are_gone()
        code, said, records, seen = run("grown", "resources.gpus_per_trial=0")
        assert code == 0, said
        assert not all(seen)
        assert [record.failure for record in records] == [None] * 7
        wait_until_idle_nodes_are_gone()
