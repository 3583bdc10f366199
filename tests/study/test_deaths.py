"""Trials that are killed, while a GAN trains, and for want of memory: real signals, Ray's real memory monitor."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch

from gan_study.study.plan.recipe import study_config
from gan_study.study.run import place
from gan_study.study.run.runner import run_study
from gan_study.study.run.tuner import MAX_RESTARTS
from gan_study.trainables.gans.generator_trainer import LOSS_INTERVAL
from gan_study.trainables.gans.trainer import GanTrainer
from gan_study.trainables.runtime.cache import contents
from tests.conftest import FEW_DOMAIN_STEPS
from tests.one_ray import ray_of_ones_own
from tests.shared_images import in_a_trial, measured_for_a_moment, share_as

pytestmark = pytest.mark.faults

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 4}",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.max_concurrent=1",
)
INTERVAL_SECONDS = 0.3
# The trainer stops, and may leave a state, at the end of each interval of losses.
PAUSE_SECONDS = 0.05
STEPS, KILLED_AT = 80 * LOSS_INTERVAL, 57 * LOSS_INTERVAL


def slow_and_logged(log, *, killed_once):
    """Images whose trials train slowly, log every interval in `log`, and die once in the middle of a GAN."""

    class Watched(measured_for_a_moment(FEW_DOMAIN_STEPS)):
        def pool(self):
            train_until = getattr(GanTrainer, "plain_train_until", GanTrainer.train_until)
            GanTrainer.plain_train_until = train_until

            def logged(training, generator_steps):
                train_until(training, generator_steps)
                time.sleep(PAUSE_SECONDS)
                mark = log.with_suffix(".killed")
                with log.open("a") as file:
                    file.write(f"{contents(training.data.images)} {generator_steps} {time.time()}\n")
                if killed_once and generator_steps == KILLED_AT and not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)

            GanTrainer.train_until = logged
            return super().pool()

    return share_as(Watched)


def test_a_gan_whose_process_is_killed_goes_on_from_its_last_state(local_ray, tmp_path, monkeypatch):
    settings = (
        "search.trials=0",
        f"balancers.vanilla_gan.gan.generator_steps={STEPS}",
        f"resources.checkpoint_interval_seconds={INTERVAL_SECONDS}",
    )
    results, logs = [], []
    for name, killed_once in (("undisturbed", False), ("killed", True)):
        log = tmp_path / f"{name}.log"
        monkeypatch.setattr(place, "share", slow_and_logged(log, killed_once=killed_once))
        results.append(run_study(study_config("quickstart", [*SETTINGS, *settings]), out=tmp_path / name))
        logs.append([line.split() for line in log.read_text().splitlines()])
    undisturbed, killed = ({record.trial_id: record.outcome() for record in r.trials} for r in results)
    assert killed == undisturbed
    once, again = (Counter((gan, int(step)) for gan, step, _ in log) for log in logs)
    # Two rare classes, a GAN each; the second kill never comes.
    assert set(once.values()) == {1} and len(once) == 2 * STEPS // LOSS_INTERVAL
    assert set(again) == set(once)
    repeated = sorted(step for (_, step), times in again.items() if times > 1)
    assert repeated == list(range(repeated[0], KILLED_AT + 1, LOSS_INTERVAL)), "trained from its last state"
    assert repeated[0] > LOSS_INTERVAL, "it did not begin anew"
    ended = {}
    for gan, step, when in logs[1]:
        ended.setdefault((gan, int(step)), float(when))
    gan = next(gan for (gan, _), times in again.items() if times > 1)
    # From the state to the death: the time between two states, and the interval of losses in which it ended.
    lost_seconds = ended[gan, KILLED_AT] - ended[gan, repeated[0] - LOSS_INTERVAL]
    assert lost_seconds <= INTERVAL_SECONDS + 4 * PAUSE_SECONDS


def in_use():
    """Memory of this machine in use, and all of it, in bytes."""
    found = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (int(found[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    return total - available, total


def test_a_trial_without_memory_is_recorded_and_the_search_goes_on_without_it(tmp_path, monkeypatch):
    """The GPU's is simulated; the machine's is really used up, to a limit that Ray is given."""
    calls, room = tmp_path / "calls", 2 * 2**30

    class Greedy(measured_for_a_moment(FEW_DOMAIN_STEPS)):
        def pool(self):
            if not in_a_trial():
                return super().pool()
            with calls.open("a") as file:
                file.write(".")
            call = calls.stat().st_size
            if call == 5:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 8.00 PiB.")
            if 6 <= call <= 6 + MAX_RESTARTS:
                taken = []
                while len(taken) < 16:
                    taken.append(np.ones(room // 8 // 8))
                    time.sleep(0.1)
                time.sleep(60)
            return super().pool()

    monkeypatch.setattr(place, "share", share_as(Greedy))
    used, total = in_use()
    if total - used < 3 * room:
        pytest.skip(f"needs {3 * room / 2**30:g} GiB of free memory")
    limits = {"memory_usage_threshold": (used + room) / total, "memory_monitor_refresh_ms": 50}
    settings = ("search.trials=10", "search.trials_each=8", "balancers.vanilla_gan.gan.generator_steps=1")
    with ray_of_ones_own(_system_config=limits):
        result = run_study(study_config("quickstart", [*SETTINGS, *settings]), out=tmp_path / "study")
    # No balancing in three splits, the default, and ten less it and the last round of at most six: three points.
    *before, no_memory_on_gpu, no_memory, point = (record.failure for record in result.trials[:7])
    assert before == [None] * 4 and point is None
    assert no_memory_on_gpu == "OutOfMemoryError: CUDA out of memory. Tried to allocate 8.00 PiB."
    assert "killed due to the node running low on memory" in no_memory
    # The last round has the default and the point that is left; a check of either or both, and two confirmations.
    after = result.trials[7:]
    assert len(after) in (2 + 1 + 2, 2 + 2 + 2) and {record.status for record in after} == {"complete"}
    assert calls.stat().st_size == len(result.trials) + MAX_RESTARTS
    storage = f"sqlite:///{tmp_path / 'study' / 'optuna.db'}"
    (name,) = optuna.get_all_study_names(storage)
    shown = optuna.load_study(study_name=name, storage=storage).trials
    states = [trial.state.name for trial in shown]
    assert states[:4] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"] and set(states[4:]) == {"COMPLETE"}
    points = [str(trial.params) for trial in shown]
    assert len(set(points[:4])) == 4 and set(points[4:]) == {points[0], points[3]}
