"""A cluster that `ray up` makes, on hosts made for the test: launched, given work, robbed of a host, ended."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gan_study.study.run.record_store import read_records
from gan_study.study.watch.journal import read_log
from tests.hosts import ROOT, USER, Host, made_hosts, skip_without_hosts
from tests.training import in_training

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

RAY = f"RAY_AUTH_MODE=token {sys.prefix}/bin/ray"
CLUSTER = f"/home/{USER}/cluster.yaml"
CHECKOUT = f"/home/{USER}/gan-study"

# Trials of a few seconds, so that a host dies while some run there.
SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "balancers.vanilla_gan.gan.generator_steps=700",
    "confirm={seeds: [1, 2, 3], until: fixed, fits: 1}",
    "resources.max_concurrent=2",
    "resources.checkpoint_interval_seconds=0.2",
)
NUM_TRIALS = 1 + 3 * 2


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    skip_without_hosts()
    folder = tmp_path_factory.mktemp("hosts")
    with made_hosts(folder, ["desk", "head", "worker-1", "worker-2"]) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def shared(hosts):
    """The folder that all hosts see, as this machine does."""
    return hosts["desk"].home.parent / "shared"


def write_cluster_file(desk: Host, head: Host, workers: list[Host]) -> None:
    """The file for one's own machines as shipped, but for its addresses, and for what installs from a network.

    Packages, the environment and the mounting of the shared folder are the test's: hosts have them already.
    """
    cluster = yaml.safe_load((ROOT / "examples" / "cluster.local.yaml").read_text(encoding="utf-8"))
    cluster["provider"].update(head_ip=head.address, worker_ips=[worker.address for worker in workers])
    *_, path_and_token = cluster["setup_commands"]
    cluster["setup_commands"] = [f"ln -sfn {sys.prefix} ~/venv", path_and_token]
    (desk.home / "cluster.yaml").write_text(yaml.safe_dump(cluster))


def check_out(desk: Host) -> None:
    """A checkout at the desk, as git would make it: `ray up` reads all that is in it, environments too."""
    filters = ["--exclude=.git", "--filter=:- .gitignore"]
    subprocess.run(["rsync", "--archive", *filters, f"{ROOT}/", str(desk.home / "gan-study")], check=True)


def wait_for(seen: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, f"not seen within {seconds} s"
        time.sleep(1)


def in_training_on(host: Host, logs: Path) -> list[Path]:
    return [path for path, line in in_training(logs).items() if line.values["host"] == host.name]


def ray_on(host: Host) -> list[str]:
    return [line for line in host.processes() if "ray::" in line or "/raylet" in line or "gcs_server" in line]


def run_command(folder: str, settings: tuple[str, ...]) -> str:
    changes = " ".join(f"--set '{setting}'" for setting in settings)
    return f"gan-study run quickstart --address auto --out /mnt/studies/{folder} {changes}"


def quoted(command: str) -> str:
    return json.dumps(command)


def failures(records: Path) -> list[str | None]:
    """Why each trial of a study failed, and None for those that did not; no trial is recorded twice."""
    return [record.failure for record in read_records(records)]


@pytest.fixture(scope="module")
def launched(hosts):
    desk = hosts["desk"]
    check_out(desk)
    write_cluster_file(desk, hosts["head"], [hosts["worker-1"], hosts["worker-2"]])
    desk.run(f"{RAY} get-auth-token --generate")
    desk.run(f"cd {CHECKOUT} && {RAY} up --yes {CLUSTER}", timeout=200)
    return hosts


def test_the_checkout_and_the_token_are_on_the_head_and_git_and_environments_are_not(launched):
    desk, head = launched["desk"], launched["head"]
    assert (head.home / ".ray" / "auth_token").read_bytes() == (desk.home / ".ray" / "auth_token").read_bytes()
    assert (head.home / "gan-study" / "cluster.yaml").read_bytes() == (ROOT / "cluster.yaml").read_bytes()
    assert not {".git", ".venv"} & {path.name for path in (head.home / "gan-study").iterdir()}


@pytest.mark.parametrize("token", ["RAY_AUTH_MODE=disabled", f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN={'ab' * 32}"])
def test_who_has_no_token_or_another_is_not_let_in(launched, token):
    stranger = f"{token} {sys.prefix}/bin/ray status --address {launched['head'].address}:6379"
    assert "InvalidAuthToken" in launched["worker-1"].run(stranger, check=False)


@pytest.mark.soak
def test_a_job_is_submitted_through_the_dashboard_which_only_ssh_reaches(launched, shared):
    desk = launched["desk"]
    assert "Connection refused" in desk.run(f"< /dev/tcp/{launched['head'].address}/8265", check=False)
    # Goes on until the desk is gone.
    desk.run(f"({RAY} dashboard {CLUSTER} > ~/dashboard.log 2>&1 &)")
    wait_for(lambda: "8265" in desk.run("ss --listening --tcp --numeric"), seconds=30)
    settings = (*SETTINGS, "confirm.seeds=[1]", "balancers.vanilla_gan.gan.generator_steps=1")
    submit = f"{RAY} job submit --address http://127.0.0.1:8265 -- "
    said = desk.run(submit + run_command("submitted", settings), timeout=300)
    assert "succeeded" in said, said
    assert failures(shared / "submitted" / "records.jsonl") == [None] * 3


def test_a_host_dies_while_trials_run_there_and_the_study_ends_with_every_record(launched, shared):
    desk, workers = launched["desk"], [launched["worker-1"], launched["worker-2"]]
    records, logs = shared / "robbed" / "records.jsonl", shared / "robbed" / "logs"
    study = desk.start(f"{RAY} exec {CLUSTER} {quoted(run_command('robbed', SETTINGS))}")
    wait_for(lambda: any(in_training_on(worker, logs) for worker in workers), seconds=120)
    robbed = max(workers, key=lambda worker: len(in_training_on(worker, logs)))
    (other,) = (worker for worker in workers if worker is not robbed)
    robbed.cut_off()
    interrupted = in_training_on(robbed, logs)
    assert interrupted, "its trials ended just before"
    said, _ = study.communicate(timeout=300)
    assert study.returncode == 0, said
    assert failures(records) == [None] * NUM_TRIALS
    for log in interrupted:
        elsewhere = [line.event for line in read_log(log) if line.values["host"] == other.name]
        assert "continued from a cached state" in elsewhere and elsewhere[-1] == "ended"
    assert (shared / "robbed" / "report" / "report.html").exists()
    assert ray_on(other)


def test_ray_down_ends_the_head_and_ray_stop_a_worker(launched):
    desk = launched["desk"]
    (worker,) = (host for name, host in launched.items() if name.startswith("worker") and host.is_up())
    desk.run(f"{RAY} down --yes {CLUSTER}")
    wait_for(lambda: not ray_on(launched["head"]), seconds=60)
    to_worker = f"ssh -o StrictHostKeyChecking=no {worker.address}"
    desk.run(f"{to_worker} 'bash -ic \"ray stop\"'")
    wait_for(lambda: not ray_on(worker), seconds=60)
