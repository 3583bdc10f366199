"""Whatever a study has come to, its report can be written."""

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gan_study.analysis.page.drawing import Drawings
from gan_study.analysis.page.drawings import paper_drawings
from gan_study.analysis.page.paper import paper_texts
from gan_study.analysis.page.report import render, report_tables, terminal_summary
from gan_study.analysis.plots.charts import charts
from gan_study.analysis.plots.image_map import map_frame
from gan_study.analysis.records.trial import Trial
from tests.analysis.planted import planted_quality, planted_record, planted_study, study_of, with_generated

ARMS = (("none", False), ("smote", False), ("duplicates", False), ("dcgan", True), ("acgan_<x>", True))
# Ties and ends among them; None: no image of a rare class was predicted.
SCORES = st.one_of(st.sampled_from([None, 0.0, 0.5, 1.0]), st.floats(0, 1))


@st.composite
def studies(draw: st.DrawFn) -> list[Trial]:
    """The trials of a study with one to four seeds and up to three ratios; any may be missing or failed."""
    ratios = draw(st.lists(st.sampled_from([1.0, 2.0, 10.0, 100.0]), min_size=1, max_size=3, unique=True))
    arms = draw(st.lists(st.sampled_from(ARMS), max_size=len(ARMS), unique=True))
    seeds = range(1, draw(st.integers(1, 4)) + 1)
    found = [
        planted_record(balancer="none", validation=draw(SCORES), phase="baseline", seed=0, ratio=ratio)
        for ratio in ratios
        if draw(st.booleans())
    ]
    for number in range(draw(st.integers(0, 3))):
        objective = draw(st.one_of(st.none(), st.floats(-1, 1)))
        found.append(
            planted_record(
                balancer="dcgan",
                validation=None if objective is None else draw(SCORES),
                phase="search",
                status="pruned" if objective is None else "complete",
                seed=0,
                number=number,
                objective=objective,
                gan=True,
                ratio=ratios[0],
            )
        )
    for ratio in ratios:
        for balancer, gan in arms:
            for seed in seeds:
                arm = partial(planted_record, balancer=balancer, gan=gan, seed=seed, ratio=ratio)
                outcome = draw(st.sampled_from(["complete", "complete", "failed", "missing"]))
                if outcome == "complete":
                    found.append(arm(validation=draw(SCORES), test=draw(SCORES)))
                elif outcome == "failed":
                    found.append(arm(validation=None, status="failed", failure="it broke"))
    return found


# A study takes a second or two: few here, each run other ones.
@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(studies())
def test_every_shape_of_a_study_has_a_report(records: list[Trial]) -> None:
    study = study_of(records)
    found, plotted = report_tables(study), charts(study, map_frame(study))
    assert terminal_summary(study)[0]
    assert "<body>" in render(study, found, Drawings(), plotted)
    assert all(drawing.name for drawing in paper_drawings(study))
    assert all(paper_texts(study).values())


def test_the_shapes_include_that_of_no_trial_and_of_qualities_without_a_number() -> None:
    for records in ([], with_generated(planted_study(), "dcgan", *[{"normal": planted_quality(fid=None)}] * 3)):
        study = study_of(records)
        assert "<body>" in render(study, report_tables(study), Drawings(), ())
