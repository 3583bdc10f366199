from itertools import combinations, pairwise

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from gan_study.analysis.plots.chosen_by_ratio import LABEL_GAP, LINES, chosen_data, draw_chosen, stack
from gan_study.analysis.plots.figures import plans
from gan_study.analysis.plots.style import house_style
from gan_study.analysis.records.select import Task
from gan_study.analysis.records.trial import Trial
from tests.analysis.planted import confirmed_arm, planted_study, study_of

TASK = Task("shapes", "simple_cnn")


def two_ratios() -> list[Trial]:
    """At ratio 10 dcgan is the chosen GAN, at 50 lsgan is."""
    at_50 = [
        *confirmed_arm("none", validation=(0.40,) * 3, test=(0.30, 0.32, 0.34), ratio=50.0),
        *confirmed_arm("smote", validation=(0.50,) * 3, test=(0.33, 0.34, 0.35), ratio=50.0),
        *confirmed_arm("dcgan", validation=(0.45,) * 3, test=(0.90, 0.90, 0.90), gan=True, ratio=50.0),
        *confirmed_arm("lsgan", validation=(0.60,) * 3, test=(0.35, 0.36, 0.37), gan=True, ratio=50.0),
    ]
    return [*planted_study(10.0), *at_50]


def test_validation_chooses_the_method_at_each_ratio() -> None:
    data = chosen_data(study_of(two_ratios()), TASK)
    columns = ["line", "imbalance_ratio", "balancer", "mean"]
    assert data.round(3)[columns].to_records(index=False).tolist() == [
        ("GAN", 10.0, "dcgan", 0.54),
        ("simple", 10.0, "smote", 0.49),
        ("no balancing", 10.0, "none", 0.42),
        ("GAN", 50.0, "lsgan", 0.36),
        ("simple", 50.0, "smote", 0.34),
        ("no balancing", 50.0, "none", 0.32),
    ]


def test_every_line_and_variant_has_its_label() -> None:
    (panel,) = draw_chosen(chosen_data(study_of(two_ratios()), TASK)).axes
    texts = [text.get_text() for text in panel.texts]
    assert texts == ["no balancing", "chosen simple method", "chosen GAN", "dcgan", "lsgan"]
    low, high = panel.get_ylim()
    heights = [text.xy[1] for text in panel.texts[:3]]
    assert all(b - a >= 0.99 * LABEL_GAP * (high - low) for a, b in pairwise(heights))


RATIOS = st.lists(st.floats(1, 1000), min_size=2, max_size=14, unique=True).map(sorted)
NAMES = st.sampled_from(("dcgan", "projection_sngan", "a_variant_with_a_name_of_many_letters"))


@settings(max_examples=4, deadline=None)
@given(ratios=RATIOS, data=st.data(), num_gans=st.integers(1, 14))
def test_no_name_lies_over_another_or_in_the_panel(
    ratios: list[float], data: st.DataObject, num_gans: int
) -> None:
    rows = [
        {"line": line, "imbalance_ratio": ratio, "balancer": data.draw(NAMES), "mean": 0.9 - 0.05 * n - 0.001 * k}
        for n, ratio in enumerate(ratios)
        for k, line in enumerate(LINES)
        if line != "GAN" or n < num_gans
    ]
    frame = pd.DataFrame(rows).assign(low=lambda d: d["mean"] - 0.02, high=lambda d: d["mean"] + 0.02)
    with house_style():
        figure = draw_chosen(frame)
        figure.draw_without_rendering()
        (panel,) = figure.axes
        lines = [text for text in panel.texts if text.get_text() in LINES.values()]
        names = [text for text in panel.texts if text not in lines]
        ticks = panel.get_xticklabels()
        assert len(names) == min(num_gans, len(ratios)) and len(ticks) == len(ratios)
        # A tick's own text, below the empty lines that take it to its row.
        lowered: dict[int, list[Text]] = {tick.get_text().count("\n"): [] for tick in ticks}
        for tick in ticks:
            lowered[tick.get_text().count("\n")].append(tick)
        for labels in (names, lines, *lowered.values()):
            boxes = [label.get_window_extent() for label in labels]
            assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        assert all(name.get_window_extent().y0 > panel.bbox.y1 for name in names)
    # Each line has its name at its own last point.
    own_last = {LINES[line]: part["imbalance_ratio"].max() for line, part in frame.groupby("line")}
    assert {text.get_text(): text.xy[0] for text in lines} == own_last


def test_labels_go_up_a_row_only_where_there_is_no_room() -> None:
    assert stack([0.0, 10.0, 12.0, 13.0, 30.0], [8.0] * 5) == [0, 0, 1, 2, 0]


def test_it_is_a_figure_of_studies_with_several_ratios_alone() -> None:
    several = [plan for plan in plans(study_of(two_ratios())) if plan.kind == "chosen by ratio"]
    assert len(several) == 1 and "dcgan at 10, lsgan at 50" in several[0].alt
    assert not [plan for plan in plans(study_of(planted_study())) if plan.kind == "chosen by ratio"]
