from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gan_study.analysis.plots.charts import charts, choices
from gan_study.analysis.plots.classes import class_frame
from gan_study.analysis.plots.costs import cost_frame, pareto_front, time_frame
from gan_study.analysis.plots.gan_training import curve_frame, thinned
from gan_study.analysis.records.trial import Trial
from tests.analysis.planted import confirmed_arm, loss_arrays, planted_study, study_of, with_arrays


def with_class_f1(record: Trial, *f1: float | None) -> Trial:
    return with_arrays(record, {"test/f1": np.array([f1], dtype=float)})


def test_a_class_gains_what_it_has_more_than_with_no_balancing_in_the_same_setting() -> None:
    none = confirmed_arm("none", validation=(0.4, 0.4), test=(0.4, 0.4))
    gan = confirmed_arm("dcgan", validation=(0.5, 0.5), test=(0.5, 0.5), gan=True)
    records = [
        with_class_f1(none[0], 0.9, 0.2, None),
        with_class_f1(none[1], 0.7, 0.4, None),
        with_class_f1(gan[0], 0.8, 0.5, 0.3),
        with_class_f1(gan[1], 0.8, 0.5, 0.3),
    ]
    f1 = class_frame(records).set_index("class")
    assert f1["mean"].to_dict() == pytest.approx({"benign": 0.0, "malignant <b>&": 0.2})
    assert f1.loc["malignant <b>&", ["score", "n", "training_images", "minority"]].tolist() == [
        pytest.approx(0.5),
        2,
        10,
        "minority",
    ]
    assert f1.loc["benign", "minority"] == "majority"


def test_a_trial_that_tells_nothing_of_its_classes_has_no_place_in_their_chart() -> None:
    bare = [
        replace(record, stored={name: each for name, each in record.stored.items() if not name.endswith("/f1")})
        for record in planted_study()
    ]
    assert class_frame(bare).empty
    assert "classes" not in {chart.name for chart in charts(study_of(bare), pd.DataFrame())}


def test_the_front_has_what_no_other_beats() -> None:
    cost = pd.Series([1.0, 2.0, 3.0, 3.0, 2.0])
    gain = pd.Series([0.0, 0.2, 0.1, 0.3, 0.2])
    assert pareto_front(cost, gain).tolist() == [True, True, False, True, True]


def test_costs_are_those_of_balancing_and_training() -> None:
    records = [
        replace(record, seconds={"balancing": 2.0, "classifier": float(record.seed), "quality": 100.0})
        for record in planted_study()
    ]
    frame = cost_frame(records).set_index("balancer")
    # Seeds 1, 2 and 3 take as many seconds; five search trials, the seed of which is 0.
    assert frame.loc["dcgan", "seconds"] == pytest.approx(4.0)
    assert frame.loc["dcgan", "gain"] == pytest.approx(0.12)
    assert frame.loc["dcgan", "search_seconds"] == pytest.approx(5 * 102.0)
    assert frame.loc["none", ["gain", "search_seconds"]].tolist() == [0.0, 0.0]
    # acgan_<x> gains most, and all cost the same.
    assert frame.index[frame["front"]].tolist() == ["acgan_<x>"]
    times = time_frame(records).set_index(["balancer", "stage"])
    assert times.loc[("smote", "classifier"), "seconds"] == pytest.approx(2.0)


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    assert thinned(0, most=100) == []
    assert thinned(3, most=100) == [0, 1, 2]
    places = thinned(1000, most=100)
    assert (len(places), places[0], places[-1]) == (100, 0, 999)
    steps = 16 * np.arange(1.0, 1001.0)
    losses = loss_arrays({"one": (steps, -steps), "other": (0 * steps, -steps)})
    records = [with_arrays(record, losses) if record.losses else record for record in planted_study()]
    frame = curve_frame(records)
    dcgan = frame[(frame["balancer"] == "dcgan") & (frame["network"] == "discriminator")]
    assert len(dcgan) == 100
    assert (dcgan["loss"] == -dcgan["generator_steps"]).all()
    generator = frame[(frame["balancer"] == "dcgan") & (frame["network"] == "generator")]
    assert (generator["loss"] == generator["generator_steps"] / 2).all()


def test_menus_offer_only_what_there_is_to_choose() -> None:
    one = choices(planted_study())
    assert one == {"balancer": ("acgan_<x>", "class_weights", "dcgan", "smote")}
    two = choices([*planted_study(), *planted_study(50.0)])
    assert two["imbalance_ratio"] == ("10", "50")


@pytest.mark.parametrize("phases", [(), ("baseline",), ("baseline", "search")])
def test_a_study_without_confirmed_trials_shows_its_images_alone(phases: tuple[str, ...]) -> None:
    records = [record for record in planted_study() if record.phase in phases]
    found = [chart.name for chart in charts(study_of(records), pd.DataFrame())]
    assert found == (["class_counts"] if phases else [])
