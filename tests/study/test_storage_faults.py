"""A study whose disk really is full, for a while or until somebody makes room, or whose folder is read-only."""

import contextlib
import threading
import time
from dataclasses import replace

import pytest

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.record_store import read_records
from gan_study.study.run.runner import resume_study, run_study
from gan_study.study.watch.check import check_study
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.runtime.storage import StorageError
from tests.one_ray import start_shared_ray
from tests.patience import HANGS_SECONDS
from tests.ray_internals import session_logs
from tests.small_disk import fill, read_only, small_disk

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("local_ray")]

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 4}",
    "balancers.vanilla_gan.gan.generator_steps=4",
    "search.trials=9",
    "search.trials_each=8",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.max_concurrent=1",
)
# No balancing in three splits, the default and one point: the disk is full in the middle of the search.
FULL_AT = 3 + 2


@pytest.fixture
def disk(tmp_path):
    # The search leaves a state of each GAN: 91 MB in all.
    with small_disk(tmp_path / "disk", megabytes=256) as folder:
        yield folder


def filled_at(disk, folder, num_records, *, empty_after=None):
    """Fill the disk as soon as the study has so many records; empty it again after so many seconds."""

    def wait_and_fill():
        if not wait_for_records(folder, num_records):
            return
        ballast = fill(disk)
        if empty_after is not None:
            time.sleep(empty_after)
            ballast.unlink()

    thread = threading.Thread(target=wait_and_fill, daemon=True)
    thread.start()
    return thread


def wait_for_records(folder, number):
    """Whether the study comes to have so many records."""
    deadline = time.monotonic() + HANGS_SECONDS
    while not (folder / "records.jsonl").exists() or num_lines(folder) < number:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def num_lines(folder):
    return (folder / "records.jsonl").read_bytes().count(b"\n")


def workers_words():
    """What the workers of this Ray wrote to their standard errors."""
    return (path.read_text(errors="replace") for path in session_logs().glob("worker-*.err"))


def outcomes(folder):
    """Each trial's outcome, but for what the search had seen: a study that stops may suggest a trial later."""
    records = (replace(r, search=r.search and replace(r.search, seen=None)) for r in _records(folder))
    return {record.trial_id: record.outcome() for record in records}


def _records(folder):
    return read_records(folder / "records.jsonl")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    start_shared_ray()
    run_study(study_config("quickstart", SETTINGS), out=folder)
    records = read_records(folder / "records.jsonl")
    assert {record.status for record in records} == {"complete"}
    # Nine less the default and the last round of at most six: two points, whose last round is of three trials.
    assert sum(record.search is not None and record.search.stage == "search" for record in records) == 2
    assert len(records) in (3 + 3 + 3 + 1 + 2, 3 + 3 + 3 + 2 + 2)
    return outcomes(folder)


def test_a_disk_that_is_full_for_a_while_costs_nothing_but_time(disk, undisturbed, capsys):
    folder = disk / "study"
    thread = filled_at(disk, folder, FULL_AT, empty_after=6)
    run_study(study_config("quickstart", SETTINGS), out=folder)
    thread.join()
    assert outcomes(folder) == undisturbed
    assert check_study(folder).is_sound
    assert "; retrying for up to 60 s" in "".join([capsys.readouterr().err, *workers_words()])


def test_a_disk_that_stays_full_stops_the_study_which_goes_on_when_there_is_room(disk, undisturbed):
    folder = disk / "study"
    thread = filled_at(disk, folder, FULL_AT)
    with pytest.raises((StorageError, UserError), match=r"study/|optuna.db|Optuna's storage") as error:
        run_study(study_config("quickstart", [*SETTINGS, "resources.storage_patience_seconds=1"]), out=folder)
    thread.join()
    assert "No space left" in str(error.value) or "full" in str(error.value)
    assert FULL_AT <= num_lines(folder) < len(undisturbed)
    next(disk.glob("ballast*")).unlink()
    resume_study(folder)
    assert outcomes(folder) == undisturbed
    assert check_study(folder).is_sound


def test_a_folder_that_becomes_read_only_stops_the_study_which_goes_on_when_it_can_be_written(disk, undisturbed):
    folder, closing = disk / "study", contextlib.ExitStack()

    def wait_and_lock():
        if wait_for_records(folder, FULL_AT):
            closing.enter_context(read_only(folder))

    thread = threading.Thread(target=wait_and_lock, daemon=True)
    thread.start()
    with closing:
        with pytest.raises((OSError, UserError), match=r"study|Optuna's storage") as error:
            run_study(study_config("quickstart", [*SETTINGS, "resources.storage_patience_seconds=1"]), out=folder)
        thread.join()
    assert "ead-only" in str(error.value) or "readonly" in str(error.value) or "unable to open" in str(error.value)
    assert "\n" not in str(error.value)
    assert FULL_AT <= num_lines(folder) < len(undisturbed)
    resume_study(folder)
    assert outcomes(folder) == undisturbed
    assert check_study(folder).is_sound
