"""That nothing of a Ray is left once its driver is gone."""

import time

from gan_study.study.run.ray_guard import session_processes

# docs/reliability.md has what was measured; where ten processes share a core, to end some takes longer.
SECONDS = 90.0


def assert_nothing_left(driver: int, since: int) -> None:
    """That no process is left of the Ray of `driver`, which began at the tick `since`."""
    until = time.monotonic() + SECONDS
    while (left := session_processes(driver, since)) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []
