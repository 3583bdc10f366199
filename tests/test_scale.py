"""What a driver takes as a study grows, as the benchmark says it."""

import pytest

from benchmarks.scale import Cost, cost, exponent, table
from gan_study.analysis.page.drawing import Drawings
from gan_study.study.watch.check import check_study


def of(trials, **changes):
    costs = dict.fromkeys(("status_seconds", "check_seconds", "report_seconds", "report_mb"), 1.0)
    costs |= {"plan_ms": 8.0, "write_ms": 1.0, "memory_kb": 5.0, "resume_seconds": 2.0, **changes}
    return Cost(trials=trials, **costs)


def test_an_exponent_is_that_of_the_growth_with_the_number_of_trials():
    costs = [of(100), of(1600, plan_ms=32.0, memory_kb=2.5, resume_seconds=32.0)]
    assert exponent(costs, "plan_ms") == pytest.approx(0.5)
    assert exponent(costs, "write_ms") == 0
    assert exponent(costs, "memory_kb") == pytest.approx(-0.25)
    assert exponent(costs, "resume_seconds") == pytest.approx(1.0)
    assert "| planning and taking in, ms a trial (goal: 20) | 8.00 | 32.00 | 0.50 |" in table(costs)


@pytest.mark.slow
def test_a_study_is_planned_written_and_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings())
    found = cost(25, tmp_path / "study")
    lines = (tmp_path / "study" / "records.jsonl").read_bytes().splitlines()
    # The search's, and the baselines that its gains are measured against.
    assert found.trials == len(lines) > 25
    assert min(found.plan_ms, found.write_ms, found.resume_seconds) > 0
    assert check_study(tmp_path / "study").is_finished
    assert found.report_mb == (tmp_path / "study" / "report" / "report.html").stat().st_size / 1e6
