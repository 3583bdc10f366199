import time
from dataclasses import replace

import pytest

from gan_study.study.plan import fixed_costs
from gan_study.study.plan.summary import TrialCount
from gan_study.study.watch.tally import Tally
from tests.study.plan.test_time_plan import CONFIG
from tests.study.simulation import Simulation, made_up_record


@pytest.fixture
def tally():
    """A study of 11 trials of which one has ended, after 8 s."""
    simulation = Simulation()
    simulation.run(CONFIG, num_workers=1, seed=0, kill_after=1)
    counted = Tally(num_workers=2, num_trials=TrialCount(number=11))
    counted.count(replace(made_up_record(simulation.started[0]), seconds={"balancing": 8.0}))
    return counted


def test_the_time_left_counts_the_report(tally):
    report = fixed_costs.CLOSE_SECONDS + fixed_costs.report_seconds(10)
    assert tally.seconds_left() == 10 * 8 / 2 + report


def test_no_more_time_is_left_than_the_budget_has(tally):
    tally.ends_at = time.monotonic() + 20.0
    assert 15 < tally.seconds_left() <= 20
    tally.ends_at = time.monotonic() - 5.0
    assert tally.seconds_left() == 0.0
