"""Which waiting trial a free worker gets."""

from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from gan_study.study.run.scheduling import SessionScheduler
from gan_study.trainables.record import Milestone
from gan_study.trainables.trial.request import REPORT, REQUEST, TrialReport


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
    assert SessionScheduler(None).choose_trial_to_run(controller) is (None if chosen is None else trials[chosen])


@pytest.mark.parametrize(("goes_on", "answer"), [(True, "CONTINUE"), (False, "STOP")])
def test_the_session_says_who_is_trained_on(goes_on, answer):
    asked = []

    def ask(trial_id, milestone):
        asked.append((trial_id, milestone))
        return goes_on

    trial = SimpleNamespace(config={REQUEST: SimpleNamespace(trial_id="0123456789ab")})
    scheduler, milestone = SessionScheduler(ask), Milestone(generator_steps=2, objective=0.25)
    assert scheduler.on_trial_result(None, trial, {REPORT: TrialReport(milestone=milestone)}) == answer
    assert asked == [("0123456789ab", milestone)]
    # The end of a trial is nobody's to judge.
    assert scheduler.on_trial_result(None, trial, {REPORT: TrialReport()}) == "CONTINUE"
    assert len(asked) == 1
