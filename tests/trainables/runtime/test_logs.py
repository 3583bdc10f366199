"""Structured log lines."""

import json
import logging

import pytest

from gan_study.trainables.runtime import logs
from gan_study.trainables.runtime.logs import logging_to

LOGGER = logging.getLogger("gan_study.trainables.somewhere")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_what_happened_where_and_with_what(tmp_path):
    path = tmp_path / "logs" / "trial.jsonl"
    with logging_to(path):
        LOGGER.info("stage done", extra={"stage": "data", "seconds": 1.5})
    (line,) = lines(path)
    assert line["event"] == "stage done" and line["level"] == "info" and line["logger"] == LOGGER.name
    assert line["stage"] == "data" and line["seconds"] == 1.5
    assert {"time", "host", "process"} < set(line)


def test_a_failure_keeps_its_traceback_in_one_line(tmp_path):
    with logging_to(tmp_path / "logs.jsonl"):
        try:
            raise ValueError("it broke")
        except ValueError as error:
            LOGGER.error("failed", exc_info=error)
    (line,) = lines(tmp_path / "logs.jsonl")
    assert "test_logs.py" in line["traceback"] and line["traceback"].endswith("ValueError: it broke\n")


def test_progress_is_told_now_and_then_and_events_always(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(logs, "monotonic", lambda: now)
    with logging_to(tmp_path / "logs.jsonl"):
        for second in range(25):
            now = 100.0 + second
            LOGGER.debug("GAN epoch", extra={"epoch": second})
        LOGGER.info("ended")
    assert [line.get("epoch") for line in lines(tmp_path / "logs.jsonl")] == [10, 20, None]


def test_a_log_ends_with_its_block_and_the_next_one_begins(tmp_path):
    for name in ("first", "second"):
        with logging_to(tmp_path / name):
            LOGGER.info(name)
    LOGGER.info("to nobody")
    assert [line["event"] for line in lines(tmp_path / "first")] == ["first"]
    assert [line["event"] for line in lines(tmp_path / "second")] == ["second"]


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with logging_to(tmp_path / "file" / "logs.jsonl"):
        LOGGER.info("lost")
    assert str(tmp_path / "file" / "logs.jsonl") in capsys.readouterr().err


def test_warnings_are_told_on_stderr_too(tmp_path, capsys):
    with logging_to(tmp_path / "logs.jsonl"):
        LOGGER.info("quiet")
        LOGGER.warning("the disk is full")
    assert capsys.readouterr().err == "the disk is full\n"
    assert len(lines(tmp_path / "logs.jsonl")) == 2


@pytest.mark.parametrize("value", [{1, 2}, object()])
def test_what_json_does_not_know_is_told_in_words(tmp_path, value):
    with logging_to(tmp_path / "logs.jsonl"):
        LOGGER.info("odd", extra={"value": value})
    assert lines(tmp_path / "logs.jsonl")[0]["value"] == str(value)
