from pathlib import Path

import pytest

from gan_study.study.run.result import EveryTrialFailedError, MostTrialsFailedError, StudyResult
from tests.study.plan.test_planner import study
from tests.study.simulation import Simulation


def result(fails):
    simulation = Simulation()
    simulation.run(study(), num_workers=1, seed=0, fails=fails)
    return StudyResult(folder=Path(), trials=tuple(simulation.records.values()))


def test_a_study_in_which_every_trial_failed_says_why():
    with pytest.raises(
        EveryTrialFailedError, match=r"^all 56 trials\b.*\b56 times\b.*: it broke;.*--retry-failed"
    ):
        result(lambda trial: True).check()


def test_a_study_in_which_most_trials_failed_is_no_success():
    with pytest.raises(MostTrialsFailedError, match=r"^\d+ of \d+ trials failed;.*: it broke; `gan-study resume"):
        result(lambda trial: trial.config.balancing.name != "none").check()


def test_some_failures_are_said():
    some = result(lambda trial: trial.purpose.phase == "search" and trial.cell.balancer == "vanilla_gan")
    assert some.check() is some
    assert some.failures().startswith(f"{some.count('failed')} of {len(some.trials)} trials failed; ")
    assert result(lambda trial: False).failures() is None


def test_records_are_a_frame_with_one_row_a_trial():
    frame = result(lambda trial: False).records
    assert len(frame) == 14 + 59 + 42
    assert set(frame["phase"]) == {"baseline", "search", "confirm"}


def test_of_a_chain_of_errors_the_one_that_a_person_can_mend_is_told():
    from gan_study.study.run.tuner import reason_of

    try:
        try:
            raise OSError(28, "No space left on device", "records.jsonl")
        except OSError:
            raise RuntimeError("Traceback (most recent call last): ...")  # noqa: B904, as Tune does it
    except RuntimeError as error:
        assert reason_of(error).filename == "records.jsonl"
    other = RuntimeError("a fault of ours")
    assert reason_of(other) is other
