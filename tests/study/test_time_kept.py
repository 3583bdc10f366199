"""A study on Ray that has less time than it asks for, and then goes on."""

import time

import pytest
from rich.console import Console

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import read_manifest
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import plan_study, resume_study, run_study
from gan_study.study.watch.check import check_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_domain_steps_in_workers")]

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.trials=9",
    "search.trials_each=8",
    "search.parameters={balancing/name: {kind: choice, options: [vanilla_gan]}}",
    # Some minutes of training, which nothing but a shorter one makes fit.
    "balancers.vanilla_gan.gan.generator_steps=100000",
    "confirm={seeds: [1, 2, 3], until: fixed, fits: 1}",
    # Its time is spent whatever the test does, but on one core.
    "resources.max_concurrent=1",
)


def test_a_short_study_says_what_it_left_out_and_goes_on_to_it(local_ray, tmp_path):
    config, root = study_config("quickstart", SETTINGS), tmp_path / "study"
    options = RunOptions(time_budget_seconds=60.0, console=Console(quiet=True))
    outlook = plan_study(config, options=RunOptions(console=Console(quiet=True)))
    assert outlook.forecast.total > 300
    began = time.monotonic()
    short = run_study(config, out=root, options=options)
    # Its report is not made here.
    assert time.monotonic() - began < 66
    plan = read_manifest(root).time_plan
    assert {"search", "lengths"} <= plan.left_out.keys()
    assert check_study(root).is_sound
    # It goes on to the whole study, as far as there is time: no record is lost, none is made twice.
    again = resume_study(root, options=RunOptions(time_budget_seconds=30.0, console=Console(quiet=True)))
    assert again.trials[: len(short.trials)] == short.trials
    assert len({record.trial_id for record in again.trials}) == len(again.trials)
