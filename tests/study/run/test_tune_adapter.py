"""What Tune's callback makes of what workers report, without Ray."""

from types import SimpleNamespace

import pytest

from gan_study.study.plan.config import ResourceConfig
from gan_study.study.plan.planner import Pause
from gan_study.study.run.tune_adapter import SessionCallback, SessionSearcher
from gan_study.trainables.runtime.storage import StorageError
from gan_study.trainables.trial.request import REPORT, REQUEST, OtherCodeError, TrialReport


def trial_with(report):
    request = SimpleNamespace(trial_id="a1")
    return SimpleNamespace(config={REQUEST: request}, last_result={REPORT: report}, error_file=None)


@pytest.mark.parametrize(
    "report",
    [
        TrialReport(refusal=OtherCodeError("elsewhere")),
        TrialReport(storage_error=StorageError(28, "No space left on device", "a.npz")),
    ],
    ids=["other code", "full storage"],
)
@pytest.mark.parametrize("asks", ["on_trial_recover", "on_trial_error"])
def test_what_ends_a_study_ends_it_where_tune_would_try_again(report, asks):
    """A session that would take anything in is no help: nothing is recorded."""
    callback, trial = SessionCallback(session=None), trial_with(report)
    with pytest.raises((OtherCodeError, StorageError)) as first:
        callback.on_trial_complete(1, [trial], trial)
    with pytest.raises(type(first.value)) as again:
        getattr(callback, asks)(1, [trial], trial)
    assert again.value is first.value


def test_a_trial_that_tune_tries_again_is_no_end():
    SessionCallback(session=None).on_trial_recover(1, [], trial_with(None))


@pytest.mark.parametrize(
    ("waiting", "in_workers", "num_workers", "asks"),
    [
        # A trial for each worker that starts, and one more.
        (0, 0, 2, True),
        (2, 0, 2, True),
        (3, 0, 2, False),
        (0, 2, 2, True),
        (1, 2, 2, False),
        (1, 1, 2, True),
        # More run than there were workers: others have joined.
        (0, 5, 2, True),
        (1, 5, 2, False),
        # Machines are started for what waits.
        (9, 0, None, True),
    ],
)
def test_one_trial_more_than_there_are_workers_is_asked_for(tmp_path, waiting, in_workers, num_workers, asks):
    session = SimpleNamespace(num_waiting=waiting, num_in_workers=in_workers, asked=0)

    def ask():
        session.asked += 1
        return Pause.WAIT

    session.next = ask
    folder = SimpleNamespace(token=tmp_path / "token")
    searcher = SessionSearcher(session, folder, ResourceConfig(), num_workers=num_workers)
    assert searcher.suggest("1") is None
    assert session.asked == asks
