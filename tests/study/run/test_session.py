"""What a run of a study takes in, without Ray."""

import time

import pytest

from gan_study.study.plan.planner import Pause
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.folder import StudyFolder
from gan_study.study.run.session import StudySession
from gan_study.study.run.time_budget import TimeBudget
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.record import Milestone
from tests.study.simulation import made_up_record
from tests.study.watch.test_check import CONFIG


def begin(tmp_path, seconds=None):
    """A study that is about to run, perhaps within so many seconds."""
    return StudySession(
        CONFIG,
        StudyFolder(tmp_path),
        view=OptunaView(storage=f"sqlite:///{tmp_path / 'optuna.db'}", study_name="test", space=CONFIG.space()),
        imbalance_ratios=dict.fromkeys(CONFIG.ratios(), 5.0),
        budget=TimeBudget(seconds=seconds, num_workers=1),
        observers=[],
        on_rounds=lambda rounds: None,
    )


@pytest.fixture
def session(tmp_path):
    return begin(tmp_path)


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


def test_a_trial_that_is_stopped_since_time_is_up_leaves_no_record(tmp_path):
    session = begin(tmp_path, seconds=3600.0)
    assert session.ends_at == pytest.approx(time.time() + 3600 * 1.04, abs=60)
    trial = session.next()
    session.began(trial.trial_id)
    session.cut(trial.trial_id)
    assert session.records.get(trial.trial_id) is None
    assert session.time_cuts == ("1 trial ran when time was up",)
    # A later run hands it out again.
    assert begin(tmp_path).next() == trial


def test_nothing_begins_once_time_is_up(tmp_path):
    session = begin(tmp_path, seconds=1.0)
    assert not session.is_over
    assert session.next() is Pause.DONE and session.is_over
    assert "10 baselines did not begin" in session.time_cuts
    assert len(session.records) == 0


def test_without_a_budget_no_trial_is_stopped(session):
    assert session.ends_at is None and session.time_cuts == ()
