"""How far a study is, and its logs, as read from its folder."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.rounds import all_arms, write_rounds
from gan_study.study.run.folder import read_manifest
from gan_study.study.run.going_on import note_cuts
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.lock import sole_driver
from gan_study.study.watch.journal import Journal, driver_began, log_named, read_log
from gan_study.study.watch.status import study_status
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.runtime.logs import logging_to
from tests.study.plan.planned import STUDY
from tests.study.simulation import Simulation, made_up_record
from tests.study.watch.test_check import DECIDED, write_study

KILLED_DRIVER = """
import os, signal, sys
from pathlib import Path
from gan_study.study.run.lock import sole_driver
with sole_driver(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def trials(simulation):
    return simulation.started


@pytest.fixture
def halfway(simulation, trials, tmp_path):
    """A study with six trials done, one of them failed, and two under way."""
    records = [made_up_record(trial, fails=number == 5) for number, trial in enumerate(trials[:6])]
    write_study(tmp_path / "study", records, closed=None)
    folder, journal = StudyFolder(tmp_path / "study"), Journal()
    with logging_to(folder.driver_log):
        driver_began(num_records=0, num_trials=99, num_workers=4)
        journal.started(trials[8])
        driver_began(num_records=0, num_trials=99, num_workers=2)
        for trial, record in zip(trials[:6], records, strict=True):
            journal.started(trial)
            journal.finished(record)
        for trial in trials[6:8]:
            journal.started(trial)
    return folder


def test_status_counts_what_is_recorded_and_names_what_runs(halfway, trials):
    with sole_driver(halfway.root):
        status = study_status(halfway.root)
        text = "\n".join(status.lines())
    assert status.tally.ended == {"complete": 5, "failed": 1} and status.tally.num_workers == 2
    assert [trial.started.values["trial_id"] for trial in status.running] == [
        trial.config.trial_id for trial in trials[6:8]
    ]
    assert f"run by process {os.getpid()}" in text
    assert "failed 1x: it broke" in text and "(1 failed)" in text


def test_status_says_how_many_rounds_there_were_and_why_no_more(tmp_path):
    config = parse_study({**STUDY, "search": {**STUDY["search"], "trials": 0}, "confirm": DECIDED})
    simulation, root = Simulation(), tmp_path / "study"
    simulation.run(
        config, num_workers=1, seed=0, open_arms=lambda simulation: frozenset(all_arms(config)), kill_after=40
    )
    write_study(root, simulation.records.values(), closed=simulation.closed, config=config)
    status = study_status(root)
    assert not status.is_finished
    assert status.lines()[0] == "test: 40 of at most 52 trials done"
    write_rounds(root / "rounds.json", simulation.rounds)
    assert "seeds: 3 in 2 rounds" in study_status(root).lines()
    write_rounds(root / "rounds.json", replace(simulation.rounds, end="time budget"))
    assert "seeds: 3 in 2 rounds; no further round: time budget" in study_status(root).lines()


def test_without_a_driver_what_ran_is_cut_off(halfway, trials):
    status = study_status(halfway.root)
    assert status.driver is None
    cut_off = [line for line in status.lines() if line.startswith("cut off: ")]
    assert [trials[6].config.trial_id in cut_off[0], trials[7].config.trial_id in cut_off[1]] == [True, True]
    assert any("gan-study resume" in line for line in status.lines())


@pytest.mark.slow
def test_a_driver_that_was_killed_runs_nothing(halfway):
    subprocess.run([sys.executable, "-c", KILLED_DRIVER, str(halfway.root)], check=False)
    assert json.loads(halfway.driver.read_text())["pid"]
    assert study_status(halfway.root).driver is None


def test_what_a_trial_does_is_the_last_line_of_its_log(halfway, trials):
    trial_id = trials[6].config.trial_id
    halfway.log_of(trial_id).write_text(
        '{"event": "GAN losses", "generator_steps": 16}\n{"event": "GAN losses", "generator_steps": 32}\n{"ev'
    )
    first, _ = study_status(halfway.root).running
    assert str(first).endswith(": GAN losses generator_steps=32")


def test_a_line_that_names_no_trial_is_of_none(halfway, trials):
    with halfway.driver_log.open("a") as file:
        file.writelines(f'{{"event": "trial {event}", "trial_id": [1]}}\n' for event in ("started", "ended"))
    assert len(study_status(halfway.root).running) == 2


def test_a_study_that_is_over_says_so(simulation, tmp_path):
    write_study(tmp_path / "study", simulation.records.values(), closed=simulation.closed)
    status = study_status(tmp_path / "study")
    assert status.is_finished and not any("resume" in line for line in status.lines())
    assert status.lines()[-1] == f"finished; `gan-study report {tmp_path / 'study'}` writes the report"
    assert status.as_json() | {"state": "finished", "report": None, "seconds_left": None} == status.as_json()
    status.folder.page.parent.mkdir()
    status.folder.page.touch()
    assert f"finished; report: {status.folder.page}" in status.lines()
    assert status.as_json()["report"] == str(status.folder.page)


def test_programs_are_told_the_same(halfway):
    found = study_status(halfway.root).as_json()
    assert json.loads(json.dumps(found)) == found
    assert (found["name"], found["state"], found["driver"]) == ("test", "interrupted", None)
    assert found["trials"]["done"] == sum(found["trials"][each] for each in ("complete", "pruned", "failed"))
    assert len(found["running"]) == 2


def test_a_log_is_found_by_how_its_trial_begins(halfway, trials):
    ids = [trial.config.trial_id for trial in trials[6:8]]
    for trial_id in ids:
        halfway.log_of(trial_id).write_text("{}\n")
    assert log_named(halfway, ids[0][:9]) == halfway.log_of(ids[0])
    assert log_named(halfway, None) == halfway.driver_log
    for wrong in ("", "no", "../study"):
        with pytest.raises(UserError, match="trial"):
            log_named(halfway, wrong)


def test_a_log_from_elsewhere_cannot_command_the_terminal(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"event": "\x1b[2Jgone", "traceback": "a\nb\x07"}) + "\nno json\n[1]\n")
    (line,) = read_log(path)
    assert "\x1b" not in line.text and "\x07" not in line.text and "gone" in line.text
    assert line.text.count("\n") == 2


def test_what_there_was_no_time_for_is_said(halfway):
    note_cuts(halfway.root, read_manifest(halfway.root), ["the search ended after 3 trials"], budget_seconds=60.0)
    assert "no time for all: the search ended after 3 trials" in study_status(halfway.root).lines()
