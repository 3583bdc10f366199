"""The saved summary of a plan: it says what planning anew says, and counts for nothing once a file has changed."""

import json

import pytest

from gan_study.study.run.folder import create_study_folder, summarise_study
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.summary_file import read_summary, write_summary
from gan_study.study.watch.status import study_status
from tests.study.watch.test_check import CONFIG, write_study


@pytest.fixture
def folder(simulation, tmp_path):
    """A finished study."""
    write_study(tmp_path / "study", simulation.records.values(), closed=simulation.closed)
    return StudyFolder(tmp_path / "study")


def test_the_status_is_the_same_with_a_saved_summary_as_without(folder):
    anew = study_status(folder.root)
    write_summary(folder, summarise_study(folder.root))
    assert read_summary(folder) == anew.plan
    assert study_status(folder.root) == anew and anew.is_finished


def test_a_record_that_is_lost_is_noticed(folder):
    write_summary(folder, summarise_study(folder.root))
    lines = folder.records.read_text().splitlines()
    last = json.loads(lines[-1])
    assert last["trial_id"] in read_summary(folder).last_trials
    folder.records.write_text("\n".join(lines[:-1]) + "\n")
    status = study_status(folder.root)
    assert status.state == "interrupted" and status.lines()[0].startswith(
        f"test: {len(lines) - 1} of {len(lines)} "
    )


@pytest.mark.parametrize("name", ["study.json", "selection.json", "rounds.json", "plan_summary.json"])
def test_a_summary_of_other_files_is_none(folder, name):
    write_summary(folder, summarise_study(folder.root))
    (folder.root / name).write_text("{}")
    assert read_summary(folder) is None


def test_a_study_has_no_last_trials_before_its_search_is_over(tmp_path):
    create_study_folder(tmp_path / "study", CONFIG, {})
    summary = summarise_study(tmp_path / "study")
    assert summary.last_trials is None and summary.num_trials.is_most
    assert read_summary(StudyFolder(tmp_path / "study")) is None
