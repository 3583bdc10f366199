"""No test here starts a Ray: a study that may run stops just before."""

import contextlib

import pytest

from gan_study.study.plan.recipe import study_config
from gan_study.study.run import begin, resume
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.record_store import RecordStore
from gan_study.study.watch.optuna_view import OptunaView
from tests.study.malformed.inputs import NUM_TRIED, MayRunError
from tests.study.simulation import Simulation


def pytest_terminal_summary(terminalreporter):
    """Say how many malformed inputs were tried; with `-n` the processes that tried them have the numbers."""
    if NUM_TRIED:
        kinds = ", ".join(f"{number} {what}" for what, number in NUM_TRIED.items())
        terminalreporter.write_line(f"malformed inputs tried: {NUM_TRIED.total():,} ({kinds})")


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    @contextlib.contextmanager
    def refuse(address, *, verbose):
        raise MayRunError
        yield

    for module in (begin, resume):
        monkeypatch.setattr(module, "ray_cluster", refuse)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study with all its records, of which the last third is not there yet, and its database."""
    return study_of(tmp_path_factory.mktemp("whole") / "study", fails=lambda trial: False)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """The same, all of whose trials failed."""
    return study_of(tmp_path_factory.mktemp("failing") / "study", fails=lambda trial: True)


def study_of(root, *, fails):
    config = study_config("quickstart", ["search.trials=4", "baselines=[]", "confirm.seeds=[1]"])
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0, fails=fails)
    manifest = create_study_folder(root, config, {})
    lines = [record.to_line() + "\n" for record in simulation.records.values()]
    (root / "records.jsonl").write_text("".join(lines[: 2 * len(lines) // 3]))
    view = OptunaView(
        storage=manifest.storage(StudyFolder(root)), study_name=manifest.unique_name, space=config.space()
    )
    view.rebuild(RecordStore(root / "records.jsonl"))
    return root


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder to work in with nothing in it; all that is written there goes with it."""
    monkeypatch.chdir(tmp_path)
