"""Which tests run side by side, in which order, with how many drawn examples, and the one Ray that they share."""

import os
import sys

import pytest
from hypothesis import settings

from tests.patience import HANGS_SECONDS

# `make fast` and `make test` draw a tenth of the examples, always the same ones; `make soak` draws all of them.
settings.register_profile("few", max_examples=10, deadline=None, derandomize=True, database=None)
settings.register_profile("all", max_examples=100, deadline=None, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))


# Fixtures that one process makes for all tests that ask for them, and how these are marked.
SHARED = {"local_ray": "ray", "rich_folder": "slow"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """With `-n`, the tests of a file go to one process, which makes its fixtures.

    So do all that share a fixture of many files that takes long to make.
    """
    shared = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
    for name in shared:
        item.add_marker(SHARED[name])
    marks = {mark.name for mark in item.iter_markers()}
    if marks & {"faults", "soak"} and "timeout" not in marks:
        item.add_marker(pytest.mark.timeout(2 * HANGS_SECONDS))
    item.add_marker(pytest.mark.xdist_group(shared[0] if shared else file_of(item)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process waits for another at the end; who shares one Ray, without a break.

    First who shares that Ray, then files that start one of their own, then files with slow tests.
    """
    with_ray, slow = (
        {file_of(item) for item in items if item.get_closest_marker(mark)} for mark in ("ray", "slow")
    )
    items.sort(key=lambda item: (not shares_ray(item), file_of(item) not in with_ray, file_of(item) not in slow))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Without a word, each process would make what one is to make for all."""
    if getattr(session.config.option, "loadgroup", False) and any(
        "@" not in item.nodeid for item in session.items
    ):
        raise pytest.UsageError(
            "this pytest and this pytest-xdist keep no groups of tests together; see constraints.txt"
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The same random numbers for a test whatever ran before it.

    And the shared Ray ends before a test that does not ask for it, whose commands would use it.
    """
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    if not shares_ray(item) and "tests.one_ray" in sys.modules:
        sys.modules["tests.one_ray"].stop_shared_ray()


def shares_ray(item: pytest.Item) -> bool:
    return "local_ray" in getattr(item, "fixturenames", ())


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def _shared_ray_ends():
    yield
    from tests.one_ray import stop_shared_ray

    stop_shared_ray()


@pytest.fixture
def local_ray(_shared_ray_ends):
    """The Ray that all tests share which need no other; who asks for it is marked `ray`."""
    # Importing Ray takes a second, which `make fast` does without.
    from tests.one_ray import start_shared_ray

    start_shared_ray()


# Of what measures images, for tests that ask that they are measured, not how well.
FEW_DOMAIN_STEPS = 20


@pytest.fixture(scope="module")
def few_domain_steps():
    """What measures images is trained for a moment by the trials of this process."""
    from gan_study.trainables.image_quality import extractor

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(extractor, "DOMAIN_STEPS", FEW_DOMAIN_STEPS)
        yield


@pytest.fixture(scope="module")
def few_domain_steps_in_workers():
    """What measures images is trained for a moment by the trials that this process gives to a Ray."""
    from gan_study.study.run import place
    from tests.shared_images import measured_for_a_moment, share_as

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(place, "share", share_as(measured_for_a_moment(FEW_DOMAIN_STEPS)))
        yield
