import io
from dataclasses import replace

from rich.console import Console

from gan_study.study.plan.time_plan import Plan, concessions, forecast_of
from gan_study.study.watch.outlook import Outlook
from tests.study.plan.test_time_plan import CONFIG, machine


def outlook(plan, *, probed=True, left=None):
    place = machine()
    return Outlook(
        plan=plan,
        workloads=place.workloads,
        num_workers=2,
        forecast=forecast_of(plan, place) if probed else None,
        seconds_left=left,
    )


def test_a_study_in_a_few_lines():
    counted, steps, time = outlook(Plan(config=CONFIG)).lines()
    assert counted.startswith("Plan: 10 baseline, 200 search, at most 108 confirm trials, 2 at once; about ")
    # With 40 rare images dcgan ends by itself.
    assert steps == (
        "Generator steps: wgan_gp 400; dcgan 2,000 to 6,000; r3gan 800; "
        "their states take up to 10 GB more until the end (resources.cache_gb)"
    )
    assert time.startswith("Time: at most about ") and time.endswith("with the report")


def test_what_is_left_out_is_said_and_rounds_are_then_as_there_is_time():
    *_, smallest = concessions(CONFIG, machine())
    counted, _, time, *left_out = outlook(smallest, left=6000.0).lines()
    assert "15 confirm trials" in counted and "at most" not in counted
    assert time.endswith("with the report, of 1 h 40 min") and "at most" not in time
    assert left_out == [f"Left out: {sentence}" for sentence in smallest.left_out.values()]
    assert len(left_out) == 8


def test_a_plan_that_does_not_fit_says_so():
    *_, smallest = concessions(CONFIG, machine())
    assert "more than the 5 s left" in outlook(smallest, left=5.0).lines()[2]


def test_without_a_probe_no_time_is_claimed():
    *_, time = outlook(Plan(config=CONFIG), probed=False).lines()
    assert time == "Time: not estimated, as its machines have not been started yet"
    *_, time = outlook(Plan(config=replace(CONFIG, scale="ci")), probed=False).lines()
    assert "scale=ci takes hardly longer than measuring; `gan-study plan`" in time


def test_the_table_has_a_row_for_each_phase_and_the_report():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(outlook(Plan(config=CONFIG)).table())
    text = console.export_text()
    for words in ("baseline", "search", "at most 108", "report", "in all", "318", "74 MB"):
        assert words in text
