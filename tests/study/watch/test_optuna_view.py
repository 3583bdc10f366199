"""The search as Optuna's storage shows it: while it runs, when it has ended, and made anew from the records."""

import contextlib
import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import replace

import optuna
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gan_study.study.plan.config import parse_study
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.records.record import Milestone
from tests.study.plan.planned import STUDY
from tests.study.simulation import Simulation

CONFIG = parse_study(STUDY)


@pytest.fixture(scope="module")
def searched():
    """Records of a search: complete, failed, and pruned after a milestone."""
    simulation = Simulation()
    simulation.run(CONFIG, num_workers=1, seed=0)
    complete, failed, pruned, *rest = simulation.phase("search")
    milestones = (Milestone(generator_steps=5, objective=0.125), Milestone(generator_steps=15, objective=-0.25))
    return [
        replace(complete, milestones=milestones),
        replace(failed, status="failed", failure="it broke", objective=None),
        replace(pruned, status="pruned", milestones=milestones[:1], objective=None),
        *rest,
    ]


@pytest.fixture
def storage(tmp_path):
    return f"sqlite:///{tmp_path / 'optuna.db'}"


def view(storage, **options):
    return OptunaView(storage=storage, study_name="test", space=CONFIG.space(), **options)


def shown(storage):
    return [
        (t.user_attrs, t.state.name, t.value, t.params, t.distributions, t.intermediate_values)
        for t in optuna.load_study(study_name="test", storage=storage).trials
    ]


def test_a_damaged_file_of_its_own_is_made_anew_and_another_storage_is_refused_in_one_line(
    tmp_path, searched, storage
):
    """Each table emptied, dropped, and filled with rubbish in each of its columns."""
    sound, file = tmp_path / "sound.db", tmp_path / "optuna.db"
    searched = searched[:4]
    view(f"sqlite:///{sound}").rebuild(searched)
    expected = shown(f"sqlite:///{sound}")
    with contextlib.closing(sqlite3.connect(sound)) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        columns = [(t, c[1]) for t in tables for c in database.execute(f"pragma table_info({t})")]
    kinds = (
        [f"delete from {table}" for table in tables],
        [f"drop table {table}" for table in tables],
        [f"update {table} set {column} = 'rubbish'" for table, column in columns],
    )
    draw, num_refused = random.Random(0), 0
    # Making a file anew takes Optuna a second.
    for damage in (damage for kind in kinds for damage in draw.sample(kind, 2)):
        shutil.copy(sound, file)
        with contextlib.closing(sqlite3.connect(file)) as database, contextlib.suppress(sqlite3.IntegrityError):
            database.execute("pragma foreign_keys = off")
            database.execute(damage)
            database.commit()
        try:
            view(storage).follow(searched)
        except UserError as error:
            num_refused += 1
            assert "\n" not in str(error) and str(error).startswith("Optuna's storage (sqlite): "), damage
        made_anew = view(storage, own_file=file)
        made_anew.follow(searched)
        assert shown(storage) == expected, damage
    assert num_refused


def test_a_search_that_was_watched_is_the_one_that_its_records_give(storage, searched):
    watching = view(storage)
    watching.rebuild([])
    for record in searched:
        watching.started(record.trial_id, record.search)
        assert shown(storage)[-1][:4] == (
            {"trial_id": record.trial_id, "number": record.search.number, "stage": record.search.stage},
            "RUNNING",
            None,
            dict(record.search.params),
        )
        for milestone in record.milestones:
            watching.reached(record.trial_id, milestone)
        watching.finished(record)
    watched = shown(storage)
    assert Counter(state for _, state, *_ in watched) == {"COMPLETE": len(searched) - 2, "FAIL": 1, "PRUNED": 1}
    assert watched[0][5] == {5: 0.125, 15: -0.25}
    view(storage).rebuild(reversed(searched))
    assert shown(storage) == watched


@pytest.fixture
def added(monkeypatch):
    """The trials that are added to a study with all that they have."""
    names, add = [], optuna.Study.add_trial
    monkeypatch.setattr(
        optuna.Study,
        "add_trial",
        lambda study, trial: (names.append(trial.user_attrs["trial_id"]), add(study, trial)),
    )
    return names


def test_what_agrees_stays_and_what_ran_goes_on(storage, searched, added):
    first, second, third = searched[1:4]
    watching = view(storage)
    watching.follow(searched[:1])
    for record in (second, third):
        watching.started(record.trial_id, record.search)
    watching.reached(second.trial_id, second.milestones[0])
    # The driver was killed; a record was written, of whose trial the storage knows nothing.
    added.clear()
    resumed = view(storage)
    resumed.follow(searched[:2])
    assert added == [first.trial_id]
    for record in (second, third):
        resumed.started(record.trial_id, record.search)
        for milestone in record.milestones:
            resumed.reached(record.trial_id, milestone)
        resumed.finished(record)
    watched = {attributes["trial_id"]: row for attributes, *row in shown(storage)}
    view(storage).rebuild(searched[:4])
    assert watched == {attributes["trial_id"]: row for attributes, *row in shown(storage)}
    assert len(shown(storage)) == 4


def _changed(searched, **changes):
    return [replace(searched[0], **changes), *searched[1:4]]


@pytest.mark.parametrize(
    "other",
    [
        lambda searched: searched[1:4],
        lambda searched: _changed(searched, objective=0.9),
        lambda searched: _changed(searched, status="failed", failure="it broke", objective=None),
        lambda searched: _changed(searched, milestones=searched[0].milestones[:1]),
        lambda searched: _changed(searched, search=replace(searched[0].search, number=99)),
    ],
    ids=["gone", "another value", "failed", "fewer milestones", "another number"],
)
def test_what_does_not_agree_is_made_anew(storage, searched, added, other):
    view(storage).rebuild(searched[:4])
    records = other(searched)
    added.clear()
    view(storage).follow(records)
    assert len(added) == len(records)
    followed = shown(storage)
    view(storage).rebuild(records)
    assert shown(storage) == followed


def test_a_search_goes_on_where_it_was_resumed(storage, searched):
    view(storage).rebuild(searched[:4])
    resumed = view(storage)
    resumed.follow(searched[:4])
    for record in searched[4:6]:
        resumed.started(record.trial_id, record.search)
    for record in reversed(searched[4:6]):
        resumed.finished(record)
    assert [attributes["trial_id"] for attributes, *_ in shown(storage)] == [r.trial_id for r in searched[:6]]
    assert [value for _, _, value, *_ in shown(storage)][4:] == [r.objective for r in searched[4:6]]


def test_a_trial_waits_for_the_disk_once_when_it_starts(storage, searched):
    watching, commits = view(storage), []
    watching.rebuild([])
    listener = commits.append
    event.listen(Engine, "commit", listener)
    try:
        watching.started(searched[0].trial_id, searched[0].search)
    finally:
        event.remove(Engine, "commit", listener)
    # One writes; to look the study up is another, of nothing.
    assert len(commits) <= 2


def test_a_storage_that_fails_for_a_moment_is_tried_again(storage, searched, monkeypatch, caplog):
    watching, record = view(storage, patience_seconds=30), searched[0]
    watching.rebuild([])
    failing, commit = iter([True, True]), Session.commit

    def sometimes(self):
        if next(failing, False):
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
        commit(self)

    monkeypatch.setattr(Session, "commit", sometimes)
    watching.started(record.trial_id, record.search)
    watching.finished(record)
    assert [(attributes["trial_id"], state) for attributes, state, *_ in shown(storage)] == [
        (record.trial_id, "COMPLETE")
    ]
    (message,) = caplog.messages
    assert "database or disk is full; retrying for up to 30 s" in message and "INSERT" not in message


def test_a_storage_that_goes_on_failing_is_an_error_of_one_line(storage, searched, monkeypatch):
    watching = view(storage)
    watching.rebuild([])

    def always(self):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(Session, "commit", always)
    with pytest.raises(UserError, match=r"^Optuna's storage \(sqlite\):.*disk I/O error$"):
        watching.started(searched[0].trial_id, searched[0].search)
