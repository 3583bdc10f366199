"""The cluster launcher's files, held against Ray's own validator, and the manifest for Kubernetes."""

import itertools
import os
import re
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from gan_study.study.plan.recipe import study_config
from tests.ray_internals import prepare_config, validate_config

ROOT = Path(__file__).parent.parent


def text(file):
    return (ROOT / file).read_text(encoding="utf-8")


def read(file):
    return yaml.safe_load(text(file))


@pytest.fixture
def cluster():
    return read("cluster.yaml")


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


def test_no_node_has_the_image_that_ray_takes_by_itself(cluster):
    # One of Ubuntu 18.04, whose Python and C library are too old for what is installed.
    assert [kind["node_config"].get("ImageId") for kind in cluster["available_node_types"].values()] == [
        "IMAGE_ID",
        "IMAGE_ID",
    ]


def test_every_node_installs_the_pinned_versions(cluster):
    commands = " ".join(cluster["setup_commands"])
    assert "--constraint ~/gan-study/constraints.txt" in commands
    assert cluster["file_mounts"]["~/gan-study"] == "."


def starts(cluster):
    """The commands that start Ray on the head and on a worker."""
    return cluster["head_start_ray_commands"][1], cluster["worker_start_ray_commands"][1]


@pytest.mark.parametrize("file", ["cluster.yaml", "examples/cluster.local.yaml"])
def test_nothing_is_open_to_the_world(file):
    cluster = read(file)
    # Without the line that asks for a token, `ray` is not found either, and nothing starts.
    assert "export RAY_AUTH_MODE=token PATH=~/venv/bin:$PATH" in cluster["setup_commands"][-1]
    for command in starts(cluster):
        assert " ray start " in command
        assert "0.0.0.0" not in command
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "--dashboard-host=127.0.0.1" in starts(cluster)[0]


def test_rays_validator_accepts_the_file_for_ones_own_machines():
    assert validate_config(prepare_config(read("examples/cluster.local.yaml"))) is None


def test_the_file_for_ones_own_machines_is_otherwise_the_same(cluster):
    local = read("examples/cluster.local.yaml")
    its_own = {"cluster_name", "provider", "auth", "head_start_ray_commands"}
    assert set(local) - its_own == {
        "file_mounts",
        "rsync_exclude",
        "rsync_filter",
        "setup_commands",
        "worker_start_ray_commands",
    }
    # Nobody gives notice of one's own machines.
    *cluster["worker_start_ray_commands"], notice = cluster["worker_start_ray_commands"]
    assert "gan_study.study.run.spot_notice" in notice
    assert all(local[key] == cluster[key] for key in set(local) - its_own)
    theirs = starts(local)[0]
    assert theirs.replace("RAY_enable_autoscaler_v2=0 ", "").replace(" --num-cpus=0", "") == starts(cluster)[0]


@pytest.mark.parametrize("file", ["cluster.yaml", "examples/cluster.local.yaml"])
@pytest.mark.parametrize(
    ("fails", "is_mounted_then", "code"),
    [("", True, 0), ("mount", False, 1), ("mkdir", True, 1), ("chown", True, 1), ("", False, 1)],
    ids=["as it should", "no mount", "no folder", "no permission", "mounted nothing"],
)
def test_a_node_that_cannot_mount_the_studies_is_not_set_up(tmp_path, file, fails, is_mounted_then, code):
    """Ray gives up a node whose command ends with another code than 0."""
    (mounting,) = (command for command in read(file)["setup_commands"] if "mountpoint" in command)
    # A lost server is waited for, and found again from another port, as EFS wants it.
    assert {"hard", "noresvport"} <= set(re.search(r"-o (\S+)", mounting)[1].split(","))
    mark = tmp_path / "mounted"
    mount = f"touch {mark}" if is_mounted_then else "true"
    programs = {
        "sudo": f'[ "$1" != "{fails}" ] || exit 1; [ "$1" != mount ] || {mount}',
        "mountpoint": f"test -e {mark}",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "USER": "ann"}
    # As Ray calls it: behind what it sets first.
    said = subprocess.run(["bash", "-c", f"true && ({mounting})"], env=environment)
    assert (said.returncode != 0) == (code != 0)


@pytest.mark.parametrize("file", ["cluster.yaml", "examples/cluster.local.yaml"])
@pytest.mark.parametrize("fails", ["apt-get", "python3", "pip", "nothing"])
def test_a_node_that_cannot_install_is_not_set_up(tmp_path, file, fails):
    """Each command ends with another code than 0 where its program does."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    for name in ("sudo", "python3", "mountpoint", "mount", "venv/bin/pip"):
        failing = '[ "$1" != apt-get ]' if fails == "apt-get" else f"[ {Path(name).name} != {fails} ]"
        (tmp_path / name).write_text(f"#!/bin/sh\n{failing}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "USER": "ann"}
    codes = [
        subprocess.run(["bash", "-c", f"true && ({command})"], env=environment).returncode
        for command in read(file)["setup_commands"]
    ]
    assert (codes != [0] * len(codes)) == (fails != "nothing")


def test_a_worker_waits_for_the_notice_of_its_end_and_its_setup_does_not_wait_for_that(cluster, tmp_path):
    *_, command = cluster["worker_start_ray_commands"]
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    waiting = tmp_path / "venv" / "bin" / "python"
    waiting.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nsleep 5\n')
    waiting.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    began = time.monotonic()
    subprocess.run(["bash", "-c", f"true && ({command})"], env=environment, check=True, capture_output=True)
    assert time.monotonic() - began < 4
    while not (asked := tmp_path / "asked").exists() or not asked.read_text():
        assert time.monotonic() - began < 20
        time.sleep(0.05)
    assert asked.read_text() == "-m gan_study.study.run.spot_notice\n"


@pytest.fixture
def job():
    manifest = read("examples/rayjob.yaml")
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    return manifest["spec"]


def closed(schema):
    """`schema` as Kubernetes applies it: an object has the fields that it names, and no others."""
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return {**found, "additionalProperties": False} if isinstance(found.get("properties"), dict) else found


@pytest.fixture(scope="module")
def kuberay():
    schema = read("tests/kuberay_rayjob.yaml")
    fields = {name: closed(each) for name, each in schema["properties"].items()}
    return {**schema, "properties": fields, "additionalProperties": False}


def test_kuberays_definition_accepts_the_job(kuberay):
    jsonschema.validate(read("examples/rayjob.yaml"), kuberay)


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "shutdownAfterJobsFinish", True),
        ((), "backoffLimit", "none"),
        (("rayClusterSpec", "authOptions"), "mode", "tokens"),
        (("rayClusterSpec", "headGroupSpec", "rayStartParams"), "num-cpus", 0),
        (("rayClusterSpec", "workerGroupSpecs", 0), "maxReplica", 8),
        (("rayClusterSpec", "headGroupSpec", "template", "spec", "containers", 0), "volumeMount", []),
        (("rayClusterSpec", "headGroupSpec", "template", "spec", "volumes", 1, "emptyDir"), "sizeLimit", "3 GB"),
    ],
)
def test_kuberays_definition_refuses_mistakes(kuberay, path, key, value):
    manifest = read("examples/rayjob.yaml")
    place = manifest["spec"]
    for step in path:
        place = place[step]
    place[key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(manifest, kuberay)


def test_the_job_is_a_study_on_the_shared_volume(job):
    program, command, recipe, *options = job["entrypoint"].split()
    assert (program, command) == ("gan-study", "run")
    settings = [value for option, value in itertools.pairwise(options) if option == "--set"]
    assert study_config(recipe, settings).resources.gpus_per_trial == 0.25
    assert {"--address auto", "--out /mnt/studies/first"} <= {
        " ".join(pair) for pair in itertools.pairwise(options)
    }
    assert job["shutdownAfterJobFinishes"] is True


def test_the_jobs_cluster_asks_for_a_token_and_grows(job):
    cluster = job["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    assert (
        cluster["enableInTreeAutoscaling"] and 0 < group["minReplicas"] <= group["replicas"] < group["maxReplicas"]
    )
    assert cluster["rayVersion"] == re.search(r"^ray==(.+)$", text("constraints.txt"), re.MULTILINE)[1]


def test_every_pod_of_the_job_sees_the_studies_and_has_shared_memory(job):
    cluster = job["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes[mounts["/mnt/studies"]]["persistentVolumeClaim"] == {"claimName": "studies"}
        assert volumes[mounts["/dev/shm"]]["emptyDir"]["medium"] == "Memory"
        assert int(group["rayStartParams"]["object-store-memory"]) < 3 * 2**30
        assert container["resources"]["requests"] == container["resources"]["limits"]
