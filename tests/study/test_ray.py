"""What holds only with a real Ray."""

import os

import optuna
import pytest
import ray
import torch

from study.recipe import study_config
from study.runner import run_study
from trainables.process import use_threads
from trainables.ray_trainable import assigned_cpus

pytestmark = pytest.mark.ray

SETTINGS = (
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/epochs@vanilla_gan={kind: int, low: 10, high: 12}",
    "confirm.seeds=[1]",
)


@pytest.fixture(scope="module")
def local_ray():
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def study(*settings):
    return study_config("quickstart", [*SETTINGS, *settings])


@pytest.mark.parametrize("cpus", [1, 3])
def test_a_trial_uses_the_threads_that_it_was_given(local_ray, cpus):
    @ray.remote(num_cpus=cpus)
    def threads():
        use_threads(assigned_cpus())
        return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]

    assert ray.get(threads.remote()) == (cpus, str(cpus))


def test_the_record_says_how_many_threads_a_trial_had(local_ray, tmp_path):
    result = run_study(study("search.trials=1", "resources.cpus_per_trial=2"), out=tmp_path / "study")
    assert {record.environment["threads"] for record in result.trials} == {"2"}
    assert list(result.records["status"]) == ["complete"] * 6


def test_a_trial_that_is_stopped_early_is_seen_as_pruned(local_ray, tmp_path):
    folder = tmp_path / "study"
    # One at a time: the second comes to a rung where the first was, and goes on only if it is as good.
    result = run_study(
        study(
            "search.trials=8",
            "search.lag=1",
            "classifier.epochs=6",
            "search.pruning={grace_epochs: 2, reduction_factor: 2}",
            "resources.max_concurrent=1",
        ),
        out=folder,
    )
    states = {record.trial_id: record.status for record in result.trials if record.phase == "search"}
    assert 0 < list(states.values()).count("pruned") < len(states)
    (name,) = optuna.get_all_study_names(f"sqlite:///{folder / 'optuna.db'}")
    shown = optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'optuna.db'}").trials
    assert {trial.user_attrs["trial_id"]: trial.state.name.lower() for trial in shown} == states
    pruned = next(trial for trial in shown if trial.state.name == "PRUNED")
    assert set(pruned.intermediate_values) <= {2, 4, 8}
    assert all(record.milestones for record in result.trials if record.status == "pruned")


def test_a_trial_that_fails_does_not_stop_the_study(local_ray, tmp_path):
    # At this learning rate the GAN's losses are not finite for long.
    too_large = "search.parameters.balancing/gan/learning_rate={kind: float, low: 1.0e+20, high: 1.0e+30}"
    result = run_study(study("search.trials=2", too_large), out=tmp_path / "study")
    failed = [record for record in result.trials if record.phase == "search" and record.status == "failed"]
    assert len(failed) >= 1
    assert all("DivergedError: vanilla_gan: the " in record.failure for record in failed)
    assert all(record.status == "complete" for record in result.trials if record.balancer != "vanilla_gan")


def test_wandb_mirrors_every_trial_offline(local_ray, tmp_path):
    folder = tmp_path / "study"
    result = run_study(study("search.trials=1", "wandb.mode=offline"), out=folder)
    runs = {path.name.rsplit("-", 1)[1] for path in folder.glob("wandb/offline-run-*")}
    assert runs == {record.trial_id for record in result.trials}
