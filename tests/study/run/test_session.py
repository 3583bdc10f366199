"""What a run of a study takes in, without Ray."""

import pytest

from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.folder import StudyFolder
from gan_study.study.run.session import StudySession
from gan_study.study.run.time_budget import TimeBudget
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.record import Milestone
from tests.study.simulation import made_up_record
from tests.study.watch.test_check import CONFIG


@pytest.fixture
def session(tmp_path):
    return StudySession(
        CONFIG,
        StudyFolder(tmp_path),
        view=OptunaView(storage=f"sqlite:///{tmp_path / 'optuna.db'}", study_name="test", space=CONFIG.space()),
        imbalance_ratios=dict.fromkeys(CONFIG.ratios(), 5.0),
        budget=TimeBudget(seconds=None, num_confirmations=1, num_workers=1),
        observers=[],
        on_rounds=lambda rounds: None,
    )


def first_of_the_search(session):
    """The first search trial, underway; the baselines before it have ended."""
    while isinstance(trial := session.next(), PlannedTrial) and trial.purpose.phase == "baseline":
        session.ended(made_up_record(trial))
    return trial.config.trial_id


def test_a_trial_that_begins_anew_reaches_each_milestone_once(session):
    trial_id = first_of_the_search(session)
    early, late = Milestone(generator_steps=25, objective=0.125), Milestone(generator_steps=75, objective=-0.25)
    session.began(trial_id)
    session.reached(trial_id, early)
    # Its process has died; the next one tells of the whole way.
    session.began(trial_id)
    for milestone in (early, late):
        session.reached(trial_id, milestone)
    session.stopped(trial_id)
    assert session.records.get(trial_id).milestones == (early, late)
