"""The head of a cluster is lost, with the driver on it: a new head and `resume` end with the same records."""

import sys
import time

import pytest

from gan_study.study.run.record_store import read_records
from tests.hosts import Host, made_hosts, skip_without_hosts

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1500)]

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "balancers.vanilla_gan.gan.generator_steps=160",
    "confirm={seeds: [1, 2], until: fixed, fits: 1}",
)
NUM_TRIALS = 2 + 2 * 3


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    skip_without_hosts()
    with made_hosts(tmp_path_factory.mktemp("hosts"), ["desk", "head", "new-head"]) as hosts:
        yield hosts


def start_head(host: Host) -> None:
    host.run(f"{sys.prefix}/bin/ray start --head --num-cpus=2 --object-store-memory=200000000")


def study(command: str) -> str:
    return f"{sys.prefix}/bin/gan-study {command} --address auto"


def run(folder: str) -> str:
    changes = " ".join(f"--set '{setting}'" for setting in SETTINGS)
    return study(f"run quickstart --out /mnt/studies/{folder} {changes}")


def test_a_new_head_resumes_to_the_same_records(hosts):
    shared = hosts["desk"].home.parent / "shared"
    lost, undisturbed = (shared / name / "records.jsonl" for name in ("lost", "undisturbed"))
    start_head(hosts["head"])
    hosts["head"].start(run("lost"))
    deadline = time.monotonic() + 300
    while not (lost.exists() and lost.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    hosts["head"].cut_off()
    assert 3 <= len(read_records(lost)) < NUM_TRIALS

    start_head(hosts["new-head"])
    hosts["new-head"].run(study("resume /mnt/studies/lost"), timeout=500)
    hosts["new-head"].run(run("undisturbed"), timeout=500)
    resumed = {record.trial_id: record.outcome() for record in read_records(lost)}
    assert resumed == {record.trial_id: record.outcome() for record in read_records(undisturbed)}
    assert len(resumed) == NUM_TRIALS
