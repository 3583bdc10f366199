"""What a run of a study takes in, without Ray."""

from dataclasses import replace

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import Pause
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.decision_store import read_decisions
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.session import StudySession
from gan_study.study.run.time_budget import TimeBudget
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.records.record import Digests, Milestone
from gan_study.trainables.runtime.environment import code_digest
from gan_study.trainables.trial.request import OtherCodeError
from tests.study.plan.test_planner import STUDY
from tests.study.simulation import made_up_record

ONE = {
    "balancing/name": {"kind": "choice", "options": ["vanilla_gan"]},
    "balancing/gan/weights/gradient_penalty": None,
}
CONFIG = parse_study(
    {
        **STUDY,
        "search": {
            "parameters": {
                **ONE,
                "balancing/gan/generator_steps@vanilla_gan": {"kind": "int", "low": 2000, "high": 3000},
            },
            "trials": 30,
        },
    }
)


def begin(tmp_path, seconds=None):
    """A study that is about to run, perhaps within so many seconds."""
    return StudySession(
        CONFIG,
        StudyFolder(tmp_path),
        view=OptunaView(storage=f"sqlite:///{tmp_path / 'optuna.db'}", study_name="test", space=CONFIG.space()),
        imbalance_ratios=dict.fromkeys(CONFIG.ratios(), 5.0),
        budget=TimeBudget(seconds=seconds, num_workers=1),
        observers=[],
        on_selection=lambda: None,
        on_rounds=lambda rounds: None,
        check_sole_driver=lambda: None,
        study_id="cafe",
        data=Digests(pool="0a", test="1b"),
    )


@pytest.fixture
def session(tmp_path):
    return begin(tmp_path)


def two_of_the_search(session):
    """Two points of one variant's search, underway; the baselines and the defaults before them have ended."""
    while isinstance(trial := session.next(), PlannedTrial):
        if trial.purpose.search is not None and trial.purpose.search.stage == "search":
            return trial, session.next()
        session.ended(made_up_record(trial))
    raise AssertionError("nothing was searched")


def test_a_trial_that_begins_anew_reaches_each_milestone_once_and_falls_behind_once(session, tmp_path):
    ahead, behind = two_of_the_search(session)
    assert ahead.arm == behind.arm
    rung = ahead.config.balancing.balancer.gan.milestones[0]
    assert session.reached(ahead.trial_id, Milestone(generator_steps=rung, objective=0.5))
    low = Milestone(generator_steps=rung, objective=-0.5)
    session.began(behind.trial_id)
    assert not session.reached(behind.trial_id, low)
    # Its process has died; the next one tells of the whole way, and what was decided is not decided again.
    session.began(behind.trial_id)
    assert not session.reached(behind.trial_id, low)
    session.stopped(behind.trial_id)
    record = session.records.get(behind.trial_id)
    assert (record.status, record.milestones, record.search.rung) == ("pruned", (low,), 1)
    (_, stop) = [each for each in read_decisions(StudyFolder(tmp_path).decisions) if each.kind == "judgement"]
    assert (record.stop.rung, record.stop.seen) == (1, stop.seen) and not stop.goes_on


def test_a_trial_that_is_stopped_since_time_is_up_leaves_no_record(tmp_path):
    session = begin(tmp_path, seconds=3600.0)
    assert session.ends_at.seconds_left() == pytest.approx(3600 * 1.04, abs=60)
    trial = session.next()
    session.began(trial.trial_id)
    session.cut(trial.trial_id)
    assert session.records.get(trial.trial_id) is None
    assert session.time_cuts == ("1 trial still running when time was up",)
    # A later run hands it out again.
    assert begin(tmp_path).next() == trial


def test_a_record_bears_the_digests_of_the_data(session):
    trial = session.next()
    session.ended(made_up_record(trial))
    digests = session.records.get(trial.trial_id).digests
    assert (digests.pool, digests.test, digests.code) == ("0a", "1b", code_digest())


@pytest.mark.parametrize("code", [None, "0123456789abcdef"])
def test_a_record_by_other_code_is_refused_and_not_written(session, tmp_path, code):
    """A worker of an early version neither refuses nor says what it is."""
    record = made_up_record(session.next())
    with pytest.raises(OtherCodeError, match="different code of gan_study than this process"):
        session.ended(replace(record, digests=replace(record.digests, code=code)))
    assert len(session.records) == 0 and not StudyFolder(tmp_path).records.exists()


def test_nothing_begins_once_time_is_up(tmp_path):
    session = begin(tmp_path, seconds=1.0)
    assert not session.is_over
    assert session.next() is Pause.DONE and session.is_over
    assert "7 baselines did not begin" in session.time_cuts
    assert len(session.records) == 0


def test_without_a_budget_no_trial_is_stopped(session):
    assert session.ends_at is None and session.time_cuts == ()
