"""What crosses Ray's border arrives as it was sent: Tune copies requests and pickles both."""

import copy
import errno
import pickle
from pathlib import Path

import pytest

from gan_study.trainables.records.record import Milestone
from gan_study.trainables.runtime.storage import StorageError
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import failed_record
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.request import REPORT, TrialPlaces, TrialReport, TrialRequest

CONFIG = parse_trial(
    {
        "seed": 1,
        "data": {"name": "digits", "image_size": 16},
        "imbalance": {"profile": "counts", "counts": {"3": 20}},
        "classifier": {"epochs": 1},
        "balancing": {"name": "wgan_gp", "gan": {"generator_steps": 4, "milestones": [2]}},
    }
)
REQUEST = TrialRequest(
    config=CONFIG,
    purpose=Purpose(phase="search", baseline=0.5),
    imbalance_ratio=10.0,
    places=TrialPlaces(
        study=Path("s"),
        cache=Path("s/cache"),
        gans=Path("s/gans"),
        log=Path("s/log.jsonl"),
        token=Path("s/token"),
        mark="m",
    ),
    checkpoint_steps=frozenset({2, 4}),
)


@pytest.mark.parametrize("send", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_request_arrives_as_it_was_sent(send):
    arrived = send({"request": REQUEST})["request"]
    assert arrived == REQUEST and arrived is not REQUEST
    assert arrived.trial_id == CONFIG.trial_id


def test_a_milestone_does_not_end_a_trial():
    report = TrialReport(milestone=Milestone(generator_steps=2, objective=0.25))
    assert report.to_tune() == {REPORT: report, "done": False}


def test_a_record_and_storage_that_fails_end_a_trial():
    record = failed_record(CONFIG, REQUEST.purpose, reason="it broke", imbalance_ratio=10.0)
    error = StorageError(errno.ENOSPC, "No space left on device", "s/file")
    for report in (TrialReport(record=record), TrialReport(storage_error=error)):
        arrived = pickle.loads(pickle.dumps(report.to_tune()))
        assert arrived["done"] and arrived[REPORT].milestone is None
        assert arrived[REPORT].record == report.record
        assert str(arrived[REPORT].storage_error) == str(report.storage_error)
