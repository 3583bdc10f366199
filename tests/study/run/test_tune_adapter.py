"""What Tune's callback makes of what workers report, without Ray."""

from types import SimpleNamespace

import pytest

from gan_study.study.run.tune_adapter import SessionCallback
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
