"""What a driver takes as a study grows, as the benchmark says it."""

import pytest

from benchmarks.scale import Cost, cost, exponent, table


def of(trials, **changes):
    costs = {"plan_ms": 8.0, "write_ms": 1.0, "memory_kb": 5.0, "resume_seconds": 2.0, **changes}
    return Cost(trials=trials, **costs)


def test_an_exponent_is_that_of_the_growth_with_the_number_of_trials():
    costs = [of(100), of(1600, plan_ms=32.0, memory_kb=2.5, resume_seconds=32.0)]
    assert exponent(costs, "plan_ms") == pytest.approx(0.5)
    assert exponent(costs, "write_ms") == 0
    assert exponent(costs, "memory_kb") == pytest.approx(-0.25)
    assert exponent(costs, "resume_seconds") == pytest.approx(1.0)
    assert "| planning and taking in, ms a trial (goal: 20) | 8.00 | 32.00 | 0.50 |" in table(costs)


@pytest.mark.slow
def test_a_study_is_planned_written_and_gone_on_with(tmp_path):
    found = cost(25, tmp_path)
    lines = (tmp_path / "records.jsonl").read_bytes().splitlines()
    # The search's, and the baselines that its gains are measured against.
    assert found.trials == len(lines) > 25
    assert min(found.plan_ms, found.write_ms, found.resume_seconds) > 0
