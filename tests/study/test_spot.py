"""A node that is taken away with notice, as spot instances are: Ray is told of it, then the node goes."""

import threading
import time
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.runner import run_study
from gan_study.study.run.spot_notice import drain_node, watch
from gan_study.study.watch.journal import read_log
from tests.metadata_service import metadata_service
from tests.one_ray import stop_shared_ray
from tests.training import in_training

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("few_domain_steps_in_workers")]

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.trials=0",
    "balancers.vanilla_gan.gan.generator_steps=1600",
    "confirm={seeds: [1, 2], until: fixed, fits: 1}",
    "resources.checkpoint_interval_seconds=0.2",
)
NUM_TRIALS = 1 + 2 * 2
NOTICE_SECONDS = 2
# Until a GAN is in training: Ray starts, a baseline is fitted. Of a busy machine.
TRAINING_WITHIN_SECONDS = 120


@pytest.fixture
def nodes():
    """Two nodes for a trial each, by the process ids of their raylets, and a head for none."""
    stop_shared_ray()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "disabled")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        added = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster, {node.all_processes["raylet"][0].process.pid: node for node in added}
        ray.shutdown()
        cluster.shutdown()


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def take_away(cluster, nodes, folder, taken):
    """Tell Ray that the node of a trial in training will go, and let it go after the notice."""
    deadline = time.monotonic() + TRAINING_WITHIN_SECONDS
    while not (training := in_training(folder.logs)):
        assert time.monotonic() < deadline, "no GAN was in training"
        time.sleep(0.05)
    log, line = next(iter(training.items()))
    node = nodes[parent(line.values["process"])]
    taken.update(log=log, node_id=node.node_id)
    # AWS's notice, as the worker's own process reads it and passes it on; all nodes are on this machine here.
    of_node = (f"--address={cluster.address}", f"--node-id={node.node_id}")
    with metadata_service(404, NOTICE_SECONDS + 1.5) as service:
        watch(lambda seconds: drain_node(seconds, *of_node), service=service, sleep=lambda seconds: None)
    time.sleep(NOTICE_SECONDS)
    cluster.remove_node(node)


def test_trials_of_a_node_that_is_taken_away_go_on_elsewhere(nodes, tmp_path):
    folder, taken = StudyFolder(tmp_path / "study"), {}
    thread = threading.Thread(target=take_away, args=(*nodes, folder, taken), daemon=True)
    thread.start()
    result = run_study(study_config("quickstart", SETTINGS), out=folder.root)
    thread.join(timeout=60)
    assert not thread.is_alive() and taken, "no node was taken away"
    assert [record.failure for record in result.trials] == [None] * NUM_TRIALS
    (gone,) = (node["NodeID"] for node in ray.nodes() if not node["Alive"])
    assert gone == taken["node_id"]
    events = [line.event for line in read_log(taken["log"])]
    assert events.count("began") == 2 and "continued from a cached state" in events and events[-1] == "ended"
