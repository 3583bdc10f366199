"""A probe of the machine, without Ray."""

import time
from dataclasses import replace

import pytest
import torch

from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.rounds import SeedRound, all_arms
from gan_study.study.plan.time_plan import default_selection
from gan_study.study.plan.trials import confirmations
from gan_study.study.run import probe
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.trial.data import load_data
from tests.study.plan.test_costs import SPEEDS
from tests.trainables.classifiers.tiny_weights import MODEL, write_weights


def test_the_speeds_of_several_workers_are_their_medians():
    found = probe.typical([replace(SPEEDS, classifier_step=each) for each in (1.0, 8.0, 2.0)])
    assert found == replace(SPEEDS, classifier_step=2.0)


def test_a_slope_is_a_steps_time_and_the_rest_is_the_start(monkeypatch):
    monkeypatch.setattr(probe, "_time", lambda work, steps: work(steps))
    assert probe._slope(lambda steps: 3.0 + 0.5 * steps, 0.1) == pytest.approx((0.5, 3.0))
    # Where there is time, more steps are taken.
    taken = []

    def work(steps):
        taken.append(steps)
        return 0.001 * steps

    assert probe._slope(work, 1.0)[0] == pytest.approx(0.001)
    assert max(taken) == 240


def test_what_is_timed_is_done_at_least_three_times_and_warm():
    calls = []

    def work():
        calls.append(None)
        time.sleep(0.2 if len(calls) == 1 else 0.01)

    assert 0.01 <= probe._seconds_of(work, 0.0) < 0.15
    assert len(calls) == 4


@pytest.mark.slow
def test_every_gan_of_a_study_and_its_classifiers_are_timed():
    options = "{kind: choice, options: [dcgan, bagan]}"
    config = study_config("quickstart", ["data.image_size=8", f"search.parameters={{balancing/name: {options}}}"])
    first = SeedRound(seeds=(1,), arms=all_arms(config))
    trials = list(confirmations(config, default_selection(config), [first]))
    began = time.perf_counter()
    speeds = probe.measure_speeds(trials, image_source(config.data), torch.device("cpu"), seconds=0.5)
    assert set(speeds.gans) == {"dcgan", "bagan"}
    assert all(speed.step > 0 and speed.image > 0 for speed in speeds.gans.values())
    assert speeds.gans["bagan"].warm_start_epoch > 0 == speeds.gans["dcgan"].warm_start_epoch
    parts = (speeds.classifier_step, speeds.domain_step, speeds.prediction, speeds.data)
    assert all(0 < each < time.perf_counter() - began for each in parts)


def test_a_frozen_network_is_timed_on_a_few_images(tmp_path):
    """The features of thousands of photographs would take minutes, before the study begins."""
    network = f"{{model: {MODEL}, weights: {write_weights(tmp_path / 'w.pth')}, image_size: 32}}"
    backbone = ("classifier.name=backbone", f"classifier.backbone={network}")
    config = study_config("quickstart", ["data.image_size=8", "search.trials=0", *backbone])
    trials = confirmations(config, default_selection(config), [SeedRound(seeds=(1,), arms=all_arms(config))])
    frozen = next(trial for trial in trials if trial.arm.balancer == "none")
    tuned = replace(frozen.config.classifier, backbone=replace(config.classifier.backbone, tuning="fine_tuned"))
    data = load_data(frozen.config, image_source(config.data), torch.device("cpu"))
    assert len(probe._timed_images(data, frozen)) == 64 < len(data.training)
    of_tuned = replace(frozen, config=replace(frozen.config, classifier=tuned))
    assert probe._timed_images(data, of_tuned) is data.training
    assert probe._fit_speed(data, frozen, 0.1)[0] > 0
