"""Which waiting trial a free worker gets."""

from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from gan_study.study.run.scheduling import NewestFirst


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ([Trial.TERMINATED, Trial.RUNNING], None),
        ([Trial.PENDING, Trial.RUNNING], 0),
        ([Trial.RUNNING, Trial.PENDING, Trial.PENDING, Trial.TERMINATED], 2),
    ],
)
def test_the_newest_of_the_trials_that_wait(statuses, chosen):
    trials = [SimpleNamespace(status=status) for status in statuses]
    controller = SimpleNamespace(get_trials=lambda: trials)
    assert NewestFirst().choose_trial_to_run(controller) is (None if chosen is None else trials[chosen])
