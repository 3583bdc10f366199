"""Which waiting trial a free worker gets."""

from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from gan_study.study.run.scheduling import SessionScheduler
from gan_study.trainables.records.record import Milestone
from gan_study.trainables.trial.request import REPORT, REQUEST, TrialReport


class FakeTrial(SimpleNamespace):
    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("statuses", "starting", "chosen"),
    [
        ([Trial.TERMINATED, Trial.RUNNING], [], None),
        ([Trial.PENDING, Trial.RUNNING], [], 0),
        ([Trial.RUNNING, Trial.PENDING, Trial.PENDING, Trial.TERMINATED], [], 1),
        # Its worker is on its way, and would be killed.
        ([Trial.PENDING, Trial.RUNNING, Trial.PENDING, Trial.PENDING], [0], 2),
        ([Trial.PENDING, Trial.RUNNING], [0], None),
    ],
)
def test_the_first_of_the_trials_that_wait_without_a_worker(statuses, starting, chosen):
    trials = [FakeTrial(status=status) for status in statuses]
    workers = {trial: f"worker {number}" for number, trial in enumerate(trials)}
    live = [workers[trials[number]] for number in starting]
    tune = SimpleNamespace(_trial_to_actor=workers, _actor_manager=SimpleNamespace(live_actors=live))
    controller = SimpleNamespace(get_trials=lambda: trials, _tune_controller=tune)
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
