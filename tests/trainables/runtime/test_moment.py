"""A moment stays what it is, whoever sets a clock."""

import time

import pytest

from gan_study.trainables.runtime import moment
from gan_study.trainables.runtime.moment import Moment

DAY = 86400.0


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_clock_that_is_set_moves_no_moment_on_the_machine_that_named_it(monkeypatch, jump):
    then, now = Moment.after(100.0), time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert then.seconds_left() == pytest.approx(100, abs=10)


def test_another_machine_goes_by_the_wall_clock(monkeypatch):
    then = Moment.after(100.0)
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    for other in ("another boot", None):
        monkeypatch.setattr(moment, "_boot_id", lambda other=other: other)
        assert then.seconds_left() == pytest.approx(100, abs=10)
