"""A shared Ray cluster gets this package with the study: docs/cluster.md, "A shared Ray cluster"."""

import pytest
import ray

import gan_study
from gan_study.trainables.runtime.environment import code_digest, code_folder
from tests.one_ray import ray_of_ones_own

pytestmark = pytest.mark.ray


def test_workers_run_the_code_that_is_uploaded_and_it_is_the_drivers():
    @ray.remote
    def look():
        import sys

        # The driver's own folders come first, which another machine has not.
        sys.path.sort(key=lambda path: "py_modules" not in path)
        for name in [name for name in sys.modules if name.partition(".")[0] == "gan_study"]:
            del sys.modules[name]
        from gan_study.trainables.runtime import environment

        return str(environment.code_folder()), environment.code_digest()

    with ray_of_ones_own(runtime_env={"py_modules": [gan_study]}):
        folder, digest = ray.get(look.remote())
    # A worker with another digest refuses every trial.
    assert digest == code_digest()
    assert folder != str(code_folder()) and "py_modules" in folder
