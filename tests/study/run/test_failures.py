"""Trials that fail alike, and trials that are run again."""

from dataclasses import replace

import pytest

from gan_study.study.plan.decisions import ConfirmFits
from gan_study.study.plan.selection import write_selection
from gan_study.study.run.decision_store import DecisionStore
from gan_study.study.run.failures import FEWEST_ALIKE, FailureWatch, TooManyFailuresError, forget_failed
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore, read_records
from tests.study.plan.test_planner import study
from tests.study.simulation import Simulation

CUDA = "AcceleratorError: CUDA error: device-side assert triggered"


@pytest.fixture(scope="module")
def records():
    simulation = Simulation()
    simulation.run(study(), num_workers=1, seed=0)
    return list(simulation.records.values())


def ends(records, reasons):
    """How many trials ended before the study was stopped, and why; a reason is None where one did not fail."""
    watch = FailureWatch()
    for number, (record, reason) in enumerate(zip(records, reasons, strict=False), start=1):
        try:
            watch.ended(record if reason is None else replace(record, status="failed", failure=reason))
        except TooManyFailuresError as error:
            return number, str(error)
    return None


def test_a_study_stops_once_most_trials_fail_alike(records):
    number, message = ends(records, [None] * 10 + [CUDA] * 20)
    assert number == 10 + FEWEST_ALIKE
    assert message.startswith(
        f"5 of the last 5 trials failed in the same way, so the study was stopped: {CUDA}; when"
    )


def test_numbers_and_ids_do_not_tell_failures_apart(records):
    reasons = [f"the actor 0x7f{number:010x} died: pid {number} of {number:032x}" for number in range(9)]
    assert ends(records, reasons)[0] == FEWEST_ALIKE


def test_one_broken_worker_among_several_is_found(records):
    assert ends(records, [CUDA, CUDA, None] * 10)[0] == 7


@pytest.mark.parametrize(
    "reasons",
    [
        [CUDA, None, None] * 20,
        [f"{word}Error: broke" for word in "abcdefghij"],
        ["DivergedError: dcgan: the generator's loss is not finite after 8 steps"] * 20,
        [CUDA] * (FEWEST_ALIKE - 1),
    ],
    ids=["a third", "each another", "diverged", "few"],
)
def test_a_study_goes_on(records, reasons):
    assert ends(records, reasons) is None


def test_failed_trials_are_run_again_and_those_alone(tmp_path):
    config, folder, simulation = study(), StudyFolder(tmp_path), Simulation()

    def fails(trial):
        is_simple = trial.purpose.phase == "baseline" and trial.arm.balancer != "none"
        return is_simple or int(trial.trial_id, 16) % 7 == 0

    simulation.run(config, num_workers=2, seed=1, fails=fails)
    failed = [each for each in simulation.records.values() if each.status == "failed"]
    assert {each.phase for each in failed} == {"baseline", "search", "confirm"}
    store = RecordStore(folder.records)
    for record in simulation.records.values():
        store.append(record)
    decided = DecisionStore(folder.decisions)
    for decision in simulation.decisions:
        decided.append(decision)
    write_selection(folder.selection, simulation.closed, patience_seconds=0)

    assert forget_failed(folder, patience_seconds=0) == len(failed)
    assert read_records(folder.failed) == failed
    kept = {each.trial_id: each for each in read_records(folder.records)}
    assert kept.keys() == simulation.records.keys() - {each.trial_id for each in failed}
    assert not folder.selection.exists()
    decisions = list(DecisionStore(folder.decisions).decisions)
    assert sum(isinstance(each, ConfirmFits) for each in decisions) == 1
    resumed = Simulation(records=dict(kept), decisions=decisions, rounds=simulation.rounds)
    resumed.run(config, num_workers=2, seed=2)
    assert {each.status for each in resumed.records.values()} == {"complete"}
    assert resumed.records.keys() >= {each.trial_id for each in failed if each.phase != "confirm"}
    # A second time there is nothing to do.
    assert forget_failed(StudyFolder(tmp_path / "none"), patience_seconds=0) == 0
