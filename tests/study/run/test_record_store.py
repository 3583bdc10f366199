import errno
import os

import pytest

from gan_study.study.run.record_store import DuplicateRecordError, RecordStore, outline, read_records
from gan_study.trainables.records.record import RecordError
from tests.trainables.records.test_record import RECORD


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "records.jsonl"
    RecordStore(path).append(RECORD)
    return path


def test_what_was_appended_is_there_when_opened_again(path):
    assert list(RecordStore(path)) == [outline(RECORD)]
    assert RecordStore(path).get("a1") == outline(RECORD)
    assert RecordStore(path).get("other") is None


def test_a_second_record_of_a_trial_is_refused_and_not_written(path):
    store, before = RecordStore(path), path.read_bytes()
    with pytest.raises(DuplicateRecordError, match="trial a1 is already recorded"):
        store.append(RECORD)
    assert path.read_bytes() == before


@pytest.mark.parametrize("length", [1, 100, -1])
def test_a_line_that_was_not_finished_is_cut_off(path, length):
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:length].replace(b"\n", b""))
    assert list(RecordStore(path)) == [outline(RECORD)]
    assert path.read_bytes() == whole


def test_any_other_bad_line_is_named(path):
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(RecordError, match=r"records\.jsonl:1: schema version None"):
        read_records(path)


def test_a_trial_with_two_records_is_named_and_nothing_is_written(path):
    path.write_bytes(path.read_bytes() * 2)
    before = path.read_bytes()
    with pytest.raises(DuplicateRecordError, match=r"records\.jsonl:2: trial a1 is also in line 1"):
        RecordStore(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b"\xff", b"[" * 100_000, b"1" * 10_000, b"NaN"])
def test_a_line_that_is_no_json_at_all_is_named(path, line):
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(RecordError, match=r"records\.jsonl:2: "):
        read_records(path)


def test_a_disk_that_is_full_is_named_and_the_record_is_not_taken_as_written(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    store = RecordStore(tmp_path / "records.jsonl")
    with pytest.raises(OSError, match=r"No space left on device: .*records\.jsonl"):
        store.append(RECORD)
    assert store.get(RECORD.trial_id) is None
