from itertools import pairwise

from gan_study.analysis.plots.chosen_by_ratio import LABEL_GAP, chosen_data, draw_chosen
from gan_study.analysis.plots.figures import plans
from gan_study.analysis.select import Task
from gan_study.analysis.trial import Trial
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


def test_it_is_a_figure_of_studies_with_several_ratios_alone() -> None:
    several = [plan for plan in plans(study_of(two_ratios())) if plan.kind == "chosen by ratio"]
    assert len(several) == 1 and "dcgan at 10, lsgan at 50" in several[0].alt
    assert not [plan for plan in plans(study_of(planted_study())) if plan.kind == "chosen by ratio"]
