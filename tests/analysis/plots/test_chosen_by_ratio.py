import pandas as pd

from gan_study.analysis.plots.charts import charts
from gan_study.analysis.plots.gains import chosen_data, stack
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


def test_labels_go_up_a_row_only_where_there_is_no_room() -> None:
    assert stack([0.0, 10.0, 12.0, 13.0, 30.0], [8.0] * 5) == [0, 0, 1, 2, 0]


def test_it_is_a_chart_of_studies_with_several_ratios_alone() -> None:
    several, one = (
        [chart.name for chart in charts(study_of(records), pd.DataFrame())]
        for records in (two_ratios(), planted_study())
    )
    assert ("chosen" in several, "gain" in several) == (True, False)
    assert ("chosen" in one, "gain" in one) == (False, True)
