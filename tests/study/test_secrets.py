"""Secrets stay out of a study's folder, and a Ray of one's own is not reached from outside."""

import contextlib
import os
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.storage_url import check_storage_url, resolve
from gan_study.study.run import drive
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.runner import resume_study, run_study
from gan_study.study.watch.optuna_view import OptunaView
from gan_study.trainables.base.settings import ConfigError, UserError, dump
from tests.one_ray import SECRETS

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 1, high: 4}",
    "search.trials=1",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "wandb.mode=offline",
    "resources.max_concurrent=1",
)


SECRET = "5ec7et"
REFUSED = [
    "postgresql://ann:5ec7et@host/db",
    "postgresql+psycopg://ann:5ec/7et5ec7et#t@host/db",
    "postgresql://ann:5432/5ec7et@host/db",
    "redis://:5ec7et@host:6379/0",
    "mysql://host/db?user=ann&password=5ec7et",
    "mysql://host/db?ssl_Passwd=5ec7et",
    "postgresql://ann:5ec7et${NAME}@host/db",
    "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D5ec7et",
    *(f"postgresql://host/db?{name}=5ec7et" for name in ("pass", "passphrase", "key", "api_key", "auth", "other")),
    "postgresql://host/db?sslmode=require%3Bpassword%3D5ec7et",
    "postgresql:/ann:5ec7et@host/db",
    "postgresql:ann:5ec7et@host/db",
    " postgresql://ann:5ec7et@host/db",
    "postgresql://ann@host/db#password=5ec7et",
    "postgresql://ann@host/db;password=5ec7et",
    "sqlite:////tmp/x.db?key=5ec7et",
    "sqlite:////tmp/x.db#5ec7et",
    "5ec7et",
    "host=db password=5ec7et",
    "postgresql://5ec7et:@host/db",
]


@pytest.mark.parametrize("url", REFUSED)
def test_what_may_be_a_password_is_refused_and_not_repeated(url):
    with pytest.raises(ConfigError, match=r"^storage: .*study\.json") as error:
        check_storage_url(url)
    assert SECRET not in str(error.value) and "host" not in str(error.value)


@given(url=st.sampled_from(REFUSED), place=st.integers(0, 60), sign=st.sampled_from("\t\n /?&;#:@%=\\\0"))
def test_a_sign_more_lets_no_password_through(url, place, sign):
    url = url[:place] + sign + url[place:]
    if SECRET in url:
        with pytest.raises(ConfigError):
            check_storage_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:${NAME}@host:5432/db",
        "postgresql://${USER}:${NAME}@${HOST}/db",
        "mysql://host/db?password=${NAME}&user=ann",
        "mssql+pyodbc:///?odbc_connect=${NAME}",
        "postgresql://ann@host/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://ann@host1:5432,host2:5432/db",
        "postgresql://[::1]:5432/db",
        "mysql+pymysql://ann@host/db?charset=utf8mb4",
        "redis://:${NAME}@host:6379/0",
        "sqlite:////tmp/a:b@c.db",
        "sqlite:////tmp/my studies/ü.db?timeout=30",
        "sqlite:///file:/tmp/x.db?mode=rw&uri=true",
        "sqlite:///relative.db",
        "${DATABASE_URL}",
    ],
)
def test_a_url_without_a_password_is_taken(url):
    check_storage_url(url)


def test_a_name_is_replaced_by_what_the_environment_holds():
    environment = {"NAME": "p@ss/w:rd", "URL": "redis://:x@host/0"}
    assert resolve("postgresql://ann:${NAME}@host/db", environment) == "postgresql://ann:p%40ss%2Fw%3Ard@host/db"
    assert resolve("${URL}", environment) == "redis://:x@host/0"
    assert resolve("sqlite:///plain.db", environment) == "sqlite:///plain.db"
    with pytest.raises(UserError, match="the environment variable OTHER is not set"):
        resolve("redis://:${OTHER}@host/0", environment)


@pytest.mark.parametrize(
    "url",
    [
        *(url for url in REFUSED if not url.startswith("sqlite")),
        "postgresql+nosuch://ann:5ec7et@host/db",
        "sqlite:////no/5ec7et/x.db",
    ],
)
def test_messages_of_a_storage_that_cannot_be_opened_show_nothing_of_its_url(url):
    """As an environment variable may hold it."""
    with pytest.raises(UserError, match=r"^Optuna's storage \([\w ]+\): ") as error:
        OptunaView(storage=url, study_name="test", space=study_config("quickstart", []).space()).rebuild([])
    assert SECRET not in str(error.value)


def test_a_password_in_a_recipe_is_refused_and_not_repeated(tmp_path):
    with pytest.raises(ConfigError, match=r"^storage: .*\$\{DATABASE_PASSWORD\}") as error:
        study_config("quickstart", ["storage=postgresql://ann:5ecret@host/db"])
    assert "5ecret" not in str(error.value)


def test_what_is_kept_names_the_password_and_what_is_opened_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", SECRETS["DATABASE_PASSWORD"])
    config = parse_study(dump(study_config("quickstart", ["storage=redis://:${DATABASE_PASSWORD}@host/0"])))
    create_study_folder(tmp_path / "study", config, {})
    assert SECRETS["DATABASE_PASSWORD"] not in (tmp_path / "study" / "study.json").read_text()
    assert read_manifest(tmp_path / "study").storage(None) == f"redis://:{SECRETS['DATABASE_PASSWORD']}@host/0"


def test_no_file_of_a_study_holds_a_secret(local_ray, few_domain_steps_in_workers, tmp_path, monkeypatch):
    """Ray's and W&B's files too. SQLite has no passwords: here the variable is part of the file's name."""
    from gan_study.analysis.page.report import write_report

    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setattr(drive, "_remove_scratch", lambda folder, **_: None)
    folder, databases = tmp_path / "study", tmp_path / "databases"
    databases.mkdir()
    storage = f"storage=sqlite:///{databases}/${{DATABASE_PASSWORD}}.db"
    result = run_study(study_config("quickstart", [*SETTINGS, storage]), out=folder)
    write_report(folder)
    assert [record.status for record in result.trials] == ["complete"] * 3
    assert len(resume_study(folder).trials) == 3
    (name,) = optuna.get_all_study_names(f"sqlite:///{databases}/{SECRETS['DATABASE_PASSWORD']}.db")
    assert name.startswith("quickstart")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"ray", "wandb", "cache", "report", "artifacts"} <= {
        path.relative_to(folder).parts[0] for path in files
    }
    found = [(path, name) for path in files for name, s in SECRETS.items() if s.encode() in path.read_bytes()]
    assert found == []
    assert "${DATABASE_PASSWORD}" in (folder / "study.json").read_text()


def family(pid):
    """The ids of a process and of all that it started, at any depth."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, added = set(), {pid}
    while added:
        found |= added
        added = {child for child, parent in parents.items() if parent in found} - found
    return found


def listening(pids):
    """The addresses, in the kernel's hexadecimal, at which processes accept connections."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            # Files are closed while one looks.
            with contextlib.suppress(FileNotFoundError):
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_no_port_of_a_local_ray_is_open_to_other_machines(local_ray):
    found = listening(family(os.getpid()))
    assert found and found <= LOOPBACK
