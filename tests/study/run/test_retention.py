"""Which states of GANs a study keeps while it runs."""

import os

import pytest

from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.retention import Retention
from tests.analysis.planted import planted_record

STATE = b"0" * 1000


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path)


def confirmed_with_a_state(folder, *, seed):
    record = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True, seed=seed)
    place = folder.confirmed_gans(record.trial_id) / "training"
    place.mkdir(parents=True)
    (place / "0000010.pt").write_bytes(STATE)
    return record


def test_of_the_confirmed_only_the_seed_that_is_exported_stays(folder):
    retention = Retention(folder, most_bytes=1e9, exported_seed=1)
    records = [confirmed_with_a_state(folder, seed=seed) for seed in (1, 2, 3)]
    shared = folder.gans / "of the search"
    shared.mkdir()
    (shared / "0000010.pt").write_bytes(STATE)
    for record in records:
        retention.finished(record)
    left = [any(folder.confirmed_gans(record.trial_id).rglob("*.pt")) for record in records]
    assert left == [True, False, False]
    assert (shared / "0000010.pt").exists()


def test_later_seeds_do_not_push_the_first_out(folder):
    retention = Retention(folder, most_bytes=2.5 * len(STATE), exported_seed=1)
    first = confirmed_with_a_state(folder, seed=1)
    retention.finished(first)
    for seed in (2, 3, 4, 5):
        retention.finished(confirmed_with_a_state(folder, seed=seed))
    assert any(folder.confirmed_gans(first.trial_id).rglob("*.pt"))


def test_after_a_trial_the_states_take_no_more_than_their_space(folder):
    record = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True, seed=1)
    states = [folder.gans / "of the search" / f"{step:07d}.pt" for step in (1, 2, 3)]
    states[0].parent.mkdir(parents=True)
    for age, path in enumerate(states):
        path.write_bytes(STATE)
        os.utime(path, (1000 - age, 1000 - age))
    Retention(folder, most_bytes=2.5 * len(STATE), exported_seed=1).finished(record)
    assert [path.exists() for path in states] == [True, True, False]
