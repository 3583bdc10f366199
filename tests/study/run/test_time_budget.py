from types import SimpleNamespace

import pytest

from gan_study.study.run.time_budget import TimeBudget, parse_seconds
from gan_study.trainables.base.settings import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("2 d", 172800)],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2x", "2h!", "-2h"])
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="--time-budget"):
        parse_seconds(text)


def confirmed(balancer, seconds, *, phase="confirm", status="complete"):
    """As much of a record as a time budget looks at."""
    return SimpleNamespace(
        balancer=balancer, phase=phase, status=status, seconds={"data": 1, "balancing": seconds - 1}
    )


def test_a_round_begins_only_if_it_fits_in():
    records = [
        *(confirmed("none", 2), confirmed("dcgan", 10), confirmed("dcgan", 20)),
        *(confirmed("dcgan", 900, status="failed"), confirmed("none", 900, phase="baseline")),
    ]
    # 2 s and twice 15 s on two workers; a method that was not yet confirmed takes 32 / 3 s.
    for balancers, seconds in ((["none", "dcgan", "dcgan"], 16), (["none", "none", "new"], 22 / 3)):
        for allowed, fits in ((seconds + 0.5, True), (seconds - 0.5, False), (None, True)):
            budget = TimeBudget(seconds=allowed, num_confirmations=6, num_workers=2)
            assert budget.may_confirm(balancers, records) == fits


def test_the_search_closes_in_time_for_the_confirmation():
    # 10 s a trial, 6 confirmations on 2 workers: 30 s for them, 10 s for one more search trial.
    budget = TimeBudget(seconds=1000, num_confirmations=6, num_workers=2)
    assert budget.may_search([5, 15]) and budget.may_search([])
    assert TimeBudget(seconds=41, num_confirmations=6, num_workers=2).may_search([5, 15])
    assert not TimeBudget(seconds=39, num_confirmations=6, num_workers=2).may_search([5, 15])
    assert TimeBudget(seconds=None, num_confirmations=6, num_workers=2).may_search([1e9])
