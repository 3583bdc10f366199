"""What fits on a cluster, and that nobody waits for what cannot be."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import yaml
from ray.tune.experiment import Trial

from gan_study.study.plan.config import ResourceConfig, parse_study
from gan_study.study.run import cluster
from gan_study.study.run.cluster import (
    JOIN_SECONDS,
    KUBERAY_VARIABLE,
    Room,
    asked_for,
    in_words,
    num_fitting,
    ray_cluster,
    room_for_trials,
    startable_machines,
)
from gan_study.study.run.drive import decide_execution
from gan_study.study.run.ray_internals import SearchPath, job_config
from gan_study.study.run.tune_adapter import NOTICE_SECONDS, NoMachineLeftError, PlacementNotice
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.gans import batched
from tests.ray_internals import hide_running_clusters, take_sigterm

HEAD = {"memory": 8e9}
SMALL = {"CPU": 4.0}
GPU_NODE = {"CPU": 4.0, "GPU": 1.0}


def test_a_person_hears_within_a_minute():
    assert JOIN_SECONDS < 60
    assert NOTICE_SECONDS < 60


@pytest.mark.parametrize(
    ("machines", "asked"),
    [
        ([SMALL], {"CPU": 1, "GPU": 0.0}),
        ([SMALL, GPU_NODE], {"CPU": 1, "GPU": 0.25}),
        ([HEAD], {"CPU": 1, "GPU": 0.0}),
    ],
)
def test_a_trial_asks_for_a_gpu_if_there_is_one(machines, asked):
    assert asked_for(ResourceConfig(), machines) == asked


def test_what_is_asked_for_expressly_is_asked_for_everywhere():
    assert asked_for(ResourceConfig(cpus_per_trial=3, gpus_per_trial=2), [SMALL]) == {"CPU": 3, "GPU": 2}


@pytest.mark.parametrize(
    ("trial", "machines", "num"),
    [
        ({"CPU": 1, "GPU": 0.0}, [HEAD, SMALL, GPU_NODE], 8),
        ({"CPU": 3, "GPU": 0.0}, [SMALL, SMALL], 2),  # and not 8 // 3 on the two of them together
        ({"CPU": 1, "GPU": 0.25}, [SMALL, GPU_NODE], 4),
        ({"CPU": 1, "GPU": 2}, [GPU_NODE, GPU_NODE], 0),
        ({"CPU": 1, "GPU": 0.0}, [], 0),
    ],
)
def test_a_trial_has_to_fit_on_one_machine(trial, machines, num):
    assert num_fitting(trial, machines) == num


@pytest.mark.parametrize(
    ("offer", "words"),
    [({"CPU": 2, "GPU": 0.25}, "2 CPU, 0.25 GPU"), ({"CPU": 1.0, "GPU": 0.0}, "1 CPU"), (HEAD, "no CPU")],
)
def test_offers_in_words(offer, words):
    assert in_words(offer) == words


def launched(*, max_workers=8, **kinds):
    """The launcher's file on the head."""
    types = {"head": {"resources": {"CPU": 0}, "max_workers": 0}, **kinds}
    values = {"head_node_type": "head", "max_workers": max_workers, "available_node_types": types}
    return yaml.safe_dump(values, sort_keys=False)


def kind(resources, **limits):
    return {"resources": resources, "node_config": {}, **limits}


@pytest.mark.parametrize(
    ("file", "environment", "machines"),
    [
        (None, ["HOME"], ()),
        (None, ["HOME", KUBERAY_VARIABLE], None),
        (launched(gpu=kind(GPU_NODE, max_workers=3)), [], (GPU_NODE,) * 3),
        (launched(gpu=kind(GPU_NODE), max_workers=2), [], (GPU_NODE,) * 2),
        (
            launched(gpu=kind(GPU_NODE, max_workers=2), cpu=kind(SMALL, max_workers=9), max_workers=4),
            [],
            (GPU_NODE, GPU_NODE, SMALL, SMALL, SMALL, SMALL),
        ),
        (launched(mine=kind({})), [], None),
    ],
)
def test_what_an_autoscaler_can_start(file, environment, machines):
    assert startable_machines(file, environment) == machines


def test_a_file_for_ones_own_machines_tells_nothing_of_them():
    """Ray makes the head and the workers of one kind, `local.cluster.node`."""
    mine = {"head_node_type": "node", "max_workers": 2, "available_node_types": {"node": kind({})}}
    assert startable_machines(yaml.safe_dump(mine), []) is None


@pytest.fixture
def ray_of(monkeypatch):
    """Makes a Ray that has these machines, others each time it is asked, and can start those."""

    def given(*present, startable=()):
        asked = itertools.chain(present, itertools.repeat(present[-1]))
        gone = {"Alive": False, "Resources": {"CPU": 1000.0, "GPU": 1000.0}}

        def nodes():
            return [gone, *({"Alive": True, "Resources": machine} for machine in next(asked))]

        monkeypatch.setattr(cluster, "ray", SimpleNamespace(nodes=nodes))
        monkeypatch.setattr(cluster, "_startable_machines", lambda: startable)

    return given


def test_here_what_cannot_be_is_refused_at_once(ray_of):
    ray_of([SMALL, SMALL])
    began = time.monotonic()
    with pytest.raises(UserError, match=r"\b64 CPU\b.*\b2 with 4 CPU\b"):
        room_for_trials(ResourceConfig(cpus_per_trial=64), None)
    assert time.monotonic() - began < 1


def test_on_a_cluster_what_cannot_be_is_refused_within_a_minute(ray_of, monkeypatch):
    monkeypatch.setattr(cluster, "JOIN_SECONDS", 0.1)
    ray_of([HEAD, SMALL], startable=(GPU_NODE,))
    with pytest.raises(UserError, match=r"\b1 CPU, 2 GPU\b.*\b1 with 4 CPU, 1 GPU\b"):
        room_for_trials(ResourceConfig(gpus_per_trial=2), "auto")


def test_a_cluster_is_given_time_for_its_first_machine(ray_of):
    ray_of([HEAD], [HEAD, GPU_NODE])
    room = room_for_trials(ResourceConfig(), "auto")
    assert room == Room(trial={"CPU": 1, "GPU": 0.25}, num_workers=4, grows=False)


def test_what_an_autoscaler_can_bring_is_not_refused(ray_of):
    ray_of([HEAD], startable=(GPU_NODE, GPU_NODE))
    room = room_for_trials(ResourceConfig(), "auto")
    assert room == Room(trial={"CPU": 1, "GPU": 0.25}, num_workers=8, grows=True)


def test_an_autoscaler_that_says_nothing_is_trusted(ray_of, monkeypatch):
    monkeypatch.setattr(cluster, "JOIN_SECONDS", 0.1)
    ray_of([HEAD], startable=None)
    room = room_for_trials(ResourceConfig(gpus_per_trial=0.5), "auto")
    assert room == Room(trial={"CPU": 1, "GPU": 0.5}, num_workers=1, grows=True)


@pytest.mark.parametrize(("most", "num_workers"), [(None, 4), (3, 3), (9, 4)])
def test_a_study_may_ask_for_fewer_at_once(ray_of, most, num_workers):
    ray_of([SMALL])
    assert room_for_trials(ResourceConfig(max_concurrent=most), None).num_workers == num_workers


@pytest.mark.parametrize(
    ("states", "is_said"),
    [
        ([Trial.PENDING], True),
        ([Trial.TERMINATED, Trial.PENDING], True),
        ([Trial.RUNNING, Trial.PENDING], False),
        ([Trial.RUNNING], False),
        ([], False),
    ],
)
def test_it_is_said_when_no_trial_finds_a_machine(states, is_said):
    said = []
    notice = PlacementNotice("2 CPU", say=said.append, has_machine=lambda: True, seconds=0.02)
    trials = [SimpleNamespace(status=state) for state in states]
    notice.on_step_begin(1, trials)
    assert not said
    time.sleep(0.03)
    notice.on_step_begin(2, trials)
    notice.on_step_begin(3, trials)
    assert len(said) == is_said
    assert all("No trial has started for 0.02 s: each needs 2 CPU" in line for line in said)


def test_a_ray_that_does_not_start_in_time_is_one_line(monkeypatch):
    def come_too_late(**options):
        # Ray's own words and class for it.
        raise Exception("The current node timed out during startup.\nSome of the raylet failed to startup.")

    monkeypatch.setattr(cluster.ray, "init", come_too_late)
    message = r"^Ray cannot be started: The current node timed out during startup\."
    with pytest.raises(UserError, match=message) as error, ray_cluster(None, verbose=False):
        pass
    assert "\n" not in str(error.value)


def test_trials_do_not_wait_for_a_machine_where_none_is_left():
    notice = PlacementNotice("1 CPU", say=pytest.fail, has_machine=lambda: False, seconds=0.02)
    waiting = [SimpleNamespace(status="PENDING")]
    notice.on_step_begin(1, waiting)
    time.sleep(0.03)
    with pytest.raises(NoMachineLeftError, match=r"resume DIR` continues$"):
        notice.on_step_begin(2, waiting)


@pytest.mark.parametrize("told_by", ["environment", "file"])
def test_a_dead_cluster_that_auto_stands_for_is_found_out_at_once(tmp_path, monkeypatch, told_by):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    hide_running_clusters(monkeypatch)
    if told_by == "environment":
        monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    else:
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    message = r"^--address auto \(127\.0\.0\.1:1\): no cluster answers there"
    with pytest.raises(UserError, match=message), ray_cluster("auto", verbose=False):
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("[::1]:1", r"^--address \[::1\]:1: no cluster answers there \(.*(refused|assign)"),
        ("ray://[::1]:1", r"^--address ray://\[::1\]:1: no cluster answers there \(.*(refused|assign)"),
        ("xn--ü.example:1", "^--address xn--ü.example:1: no cluster answers there"),
        (f"{'a' * 70}.example:1", "^--address a+.example:1: no cluster answers there"),
        ("127.0.0.1:99999999999999", "^--address 127.0.0.1:9+: no cluster answers there"),
        *((odd, "^--address .*: write auto, HOST:PORT or ray://HOST:PORT$") for odd in ("", "local", "::1:80")),
        ("127.0.0.1:٣", "^--address .*: write auto, HOST:PORT or ray://HOST:PORT$"),
        ("ann:secret@host:6379", "^--address: write auto, HOST:PORT or ray://HOST:PORT$"),
    ],
)
def test_an_address_that_is_none_is_one_line(address, message):
    with pytest.raises(UserError, match=message), ray_cluster(address, verbose=False):
        pass


@pytest.mark.parametrize(
    ("limits", "during"),
    [((64, 1000), (256, 1000)), ((1000, 1000), (1000, 1000)), ((64, -1), (256, -1)), ((-1, -1), (-1, -1))],
)
def test_a_driver_may_open_the_files_that_it_needs(monkeypatch, limits, during):
    """RLIM_INFINITY is -1."""
    now = [limits]
    monkeypatch.setattr(cluster.resource, "getrlimit", lambda kind: now[-1])
    monkeypatch.setattr(cluster.resource, "setrlimit", lambda kind, wanted: now.append(wanted))
    with cluster._files_allowed():
        assert now[-1] == during
    assert now[-1] == limits


@pytest.mark.parametrize("is_dropped", [False, True])
def test_sigterm_while_ray_starts_ends_the_process_in_order(monkeypatch, is_dropped):
    """Also where Python drops what the signal's handler raises, as in a callback of `fork`."""
    told = []

    def start(**options):
        # As `ray.init` does; its handler must not be the one.
        take_sigterm(lambda number, frame: told.append("Ray's"))
        with contextlib.suppress(*([SystemExit] if is_dropped else [])):
            os.kill(os.getpid(), signal.SIGTERM)
            told.append("not ended")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cluster.ray, "init", start)
    try:
        with pytest.raises(SystemExit) as ended, ray_cluster(None, verbose=False):
            told.append("begun")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (ended.value.code, told) == (128 + signal.SIGTERM, [])


def test_too_few_open_files_are_one_line(monkeypatch):
    monkeypatch.setattr(cluster.resource, "getrlimit", lambda kind: (64, 64))
    message = r"^the limit on open files \(ulimit -n\) is 64; a study needs 256$"
    with pytest.raises(UserError, match=message), ray_cluster(None, verbose=False):
        pass


def test_a_hook_of_rays_that_is_not_there_is_one_line(monkeypatch):
    def start(**settings):
        raise ModuleNotFoundError("No module named 'nowhere'")

    monkeypatch.setattr(cluster.ray, "init", start)
    with (
        pytest.raises(UserError, match=r"^Ray cannot be started: No module named 'nowhere'$"),
        ray_cluster(None, verbose=False),
    ):
        pass


@pytest.mark.slow
def test_what_listens_and_is_no_cluster_is_found_out_within_a_minute():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        message = f"^--address {address}: the program that listens there is not a Ray cluster$"
        started = time.monotonic()
        with pytest.raises(UserError, match=message), ray_cluster(address, verbose=False):
            pass
        assert time.monotonic() - started < 60


def test_a_temporary_folder_that_is_too_long_for_rays_sockets_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 90)))
    with pytest.raises(UserError, match="set RAY_TMPDIR to a shorter one"), ray_cluster(None, verbose=False):
        pass


@pytest.mark.ray
def test_a_relative_temporary_folder_is_made_absolute_for_ray(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", "here")
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    told = []
    monkeypatch.setattr(cluster.ray, "init", lambda **_: told.append(os.environ["TMPDIR"]))
    cluster._start_ray(None, verbose=False)
    assert told == [str(tmp_path / "here")]


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_temporary_folder_that_is_not_ascii_is_named(name, monkeypatch):
    monkeypatch.setenv(name, "/tmp/über")
    with pytest.raises(UserError, match=f"^{name}=/tmp/über: Ray's sockets need a path of ASCII"):
        cluster._start_ray(None, verbose=False)


def test_a_current_folder_that_is_not_utf_8_is_said(tmp_path, monkeypatch):
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match="current folder's path is not UTF-8"):
        cluster._start_ray(None, verbose=False)


@pytest.mark.parametrize(("own", "kept"), [([], []), ([""], ["here"]), (["here"], ["here"])])
def test_workers_look_for_modules_in_the_current_folder_only_if_the_driver_does(own, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path) if each == "here" else each for each in own])
    [path] = [each for each in vars(job_config()).values() if isinstance(each, SearchPath)]
    # As Ray does when it starts.
    path.extend([str(tmp_path)])
    assert path == [str(tmp_path) for _ in kept]


def test_a_study_that_cannot_run_here_is_refused_by_the_command(tmp_path):
    command = [sys.executable, "-m", "gan_study.study.cli", "run", "quickstart", "--out", str(tmp_path / "study")]
    impossible = ["--set", "resources.cpus_per_trial=4096"]
    said = subprocess.run([*command, *impossible], capture_output=True, text=True, timeout=60)
    assert said.returncode == 2
    assert "resources: " in said.stderr and "4096 CPU" in said.stderr
    assert not (tmp_path / "study" / "study.json").exists()


@pytest.mark.parametrize(("gpus", "device_type"), [(0.0, "cpu"), (0.25, "cuda")])
def test_how_gans_are_trained_is_decided_by_what_a_trial_gets(gpus, device_type, monkeypatch):
    monkeypatch.setattr(batched, "BEST_KNOWN", {"cpu": "one_at_a_time", "cuda": "batched"})
    room = Room(trial={"CPU": 1, "GPU": gpus}, num_workers=1, grows=False)

    def decided(way):
        values = {
            "name": "test",
            "imbalance": {"profile": "natural"},
            "resources": {"gan_execution": {"way": way}},
        }
        return decide_execution(parse_study(values), room).resources.gan_execution.way

    assert decided("auto") == batched.BEST_KNOWN[device_type]
    assert decided("batched") == "batched"
    assert decided("one_at_a_time") == "one_at_a_time"
