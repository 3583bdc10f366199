"""scikit-learn's searches for neighbours, correct with any OpenMP settings."""

import contextlib
from collections.abc import Iterator

from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def one_openmp_thread() -> Iterator[None]:
    """A block in which scikit-learn's compiled code uses one thread.

    It counts on as many threads as it asked for. Where OpenMP may give fewer (OMP_DYNAMIC, OMP_THREAD_LIMIT,
    OMP_MAX_ACTIVE_LEVELS), scikit-learn 1.9 returns neighbours from uninitialised memory.
    """
    # The limit holds for libraries that are loaded.
    import sklearn.neighbors  # noqa: F401

    with threadpool_limits(1, user_api="openmp"):
        yield
