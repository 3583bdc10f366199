"""The process that draws, which neither settings nor a death of its own keep from the report."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from gan_study.analysis.page import drawing
from gan_study.analysis.page.drawing import Begun, Drawn, NotDrawn, collect, draw_apart
from gan_study.analysis.plots.charts import charts
from gan_study.analysis.records.load import load_study
from tests.analysis.planted import array_path, planted_record, study_of, with_samples, write_study


@pytest.mark.slow
def test_what_fails_or_dies_is_named_and_everything_else_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PROCESS", "tests.analysis.drawing_process")
    found = draw_apart(study_of([]), ())
    assert found.failures == (
        "what is left of unfinished drawings: ValueError: no rows",
        "second: RuntimeError: no TeX",
        "third: the process that draws ended (SIGTRAP): Fatal process out of memory: CagedHeap",
        "fourth: the process that draws ended (exit code 3)",
        "sixth: the process that draws ended (exit code 3)",
        "all that follows: stopped after 3 attempts",
    )
    assert found.files == {"plots/zeroth.svg": b"0", "plots/first.svg": b"1"}
    assert found.script == "5"


@pytest.mark.parametrize("process", ["no_such_module", "tests.analysis.drawing_process"])
def test_a_process_that_cannot_begin_is_one_failure(monkeypatch: pytest.MonkeyPatch, process: str) -> None:
    monkeypatch.setattr(drawing, "PROCESS", process)
    if process != "no_such_module":
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
    (failure,) = draw_apart(study_of([]), ()).failures
    assert failure.startswith("all images and charts: the process that draws ")
    assert ("No module named no_such_module" in failure) == (process == "no_such_module")


def test_a_process_that_always_ends_is_given_up() -> None:
    messages = [Begun(name="a"), Drawn(), NotDrawn(reason="it ended")]
    assert collect(messages).failures == ("what is drawn after a: it ended",)


@pytest.mark.slow
def test_all_is_drawn_and_what_cannot_be_read_is_known(tmp_path: Path) -> None:
    """One trial lost its arrays; equal studies give equal files."""
    gone = with_samples(planted_record(balancer="dcgan", validation=0.4, test=0.4, gan=True))
    records = [planted_record(balancer="none", validation=0.4, test=0.3), gone]
    study = load_study(write_study(tmp_path / "study", records))
    (tmp_path / "study" / array_path(gone)).write_bytes(b"no arrays")
    plotted = charts(study, pd.DataFrame())
    found = draw_apart(study, plotted)
    assert found.failures == ()
    assert {f"plots/{name}.{kind}" for chart in plotted for name in chart.files for kind in ("svg", "png")} <= set(
        found.files
    )
    assert "window.vegaEmbed=" in found.script
    assert draw_apart(study, plotted).files == found.files
    # What the process could not read is known here.
    assert "cannot be read" in " ".join(study.records[1].problems)
