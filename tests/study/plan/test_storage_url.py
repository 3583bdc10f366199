"""Where a database lies, whatever its path is called."""

import sqlite3

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.study.plan.storage_url import (
    check_storage_url,
    resolve,
    sqlite_file,
    sqlite_url,
    with_absolute_file,
)
from gan_study.study.watch.optuna_view import differences
from gan_study.trainables.base.settings import ConfigError, UserError

NAMES = ["what?mode=ro", "50%41", "a#1", "{x}", "file:x", ":memory:", "a;b&c=d", "ü ö@:+", "%", "${HOME}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_database_lies_where_its_path_says(tmp_path, name):
    path = tmp_path / name / "optuna.db"
    path.parent.mkdir()
    storage = sqlite_url(path)
    optuna.create_study(study_name="s", storage=storage)
    assert {each.relative_to(tmp_path).parts[0] for each in tmp_path.rglob("*.db")} == {name}
    assert sqlite3.connect(path).execute("select study_name from studies").fetchall() == [("s",)]
    assert list(differences(storage=storage, study_name="s", records=[])) == []
    assert sqlite_file(storage) == path


@given(name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_any_name_comes_back(tmp_path_factory, name):
    path = tmp_path_factory.getbasetemp() / f"x{name}"
    assert sqlite_file(sqlite_url(path)) == path


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "SQLite+pysqlite://", "sqlite://?timeout=3"),
        *("sqlite:///file::memory:?uri=true", "sqlite:///file:x?mode=memory&uri=true"),
    ],
)
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(ConfigError, match="in memory"):
        check_storage_url(url)


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///x.db", "x.db"),
        ("sqlite:///sub/x.db?timeout=3", "sub/x.db"),
        ("sqlite:///file:x.db?uri=true", "x.db"),
        ("sqlite:///${NAME}/x.db", None),
        ("sqlite:////abs/x.db", None),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://host/db", None),
        ("${URL}", None),
    ],
)
def test_a_relative_file_is_the_same_from_everywhere(tmp_path, monkeypatch, url, file):
    folder = tmp_path / "50%41 a#1"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    absolute = with_absolute_file(url)
    assert (absolute == url) is (file is None)
    if file is not None:
        monkeypatch.chdir("/")
        optuna.create_study(storage=absolute)
        assert [path.relative_to(folder).as_posix() for path in tmp_path.rglob("*.db")] == [file]


def test_a_variable_that_names_a_relative_file_is_refused():
    with pytest.raises(UserError, match=r"^storage: \$\{URL\} names a file by a relative path"):
        resolve("${URL}", {"URL": "sqlite:///x.db"})


@pytest.mark.parametrize("is_read_only", [False, True])
def test_the_path_of_a_database_need_not_be_utf_8(tmp_path, is_read_only):
    path = tmp_path / "caf\udce9%" / "optuna.db"
    path.parent.mkdir()
    optuna.create_study(study_name="s", storage=sqlite_url(path))
    assert [each.name for each in path.parent.iterdir()] == ["optuna.db"]
    assert list(differences(storage=sqlite_url(path, is_read_only=is_read_only), study_name="s", records=[])) == []


def test_nothing_is_written_beside_a_database_with_a_write_ahead_log(tmp_path):
    path = tmp_path / "optuna.db"
    optuna.create_study(study_name="s", storage=sqlite_url(path))
    for end in ("-wal", "-shm"):
        (tmp_path / f"optuna.db{end}").write_bytes(b"x" * 4096)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert list(differences(storage=sqlite_url(path), study_name="s", records=[])) == []
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
