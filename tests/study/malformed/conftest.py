"""No test here starts a Ray: a study that may run stops just before."""

import contextlib

import pytest

from gan_study.study.run import runner
from tests.study.malformed.inputs import MayRunError


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    @contextlib.contextmanager
    def refuse(address, *, verbose):
        raise MayRunError
        yield

    monkeypatch.setattr(runner, "ray_cluster", refuse)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder to work in with nothing in it; all that is written there goes with it."""
    monkeypatch.chdir(tmp_path)
