"""The data behind charts, and what their specifications promise."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from gan_study.analysis.plots.chart import (
    PROPERTIES_OF_OBJECTS,
    Chart,
    Sketch,
    base,
    fitted,
    log_ticks,
    make_chart,
    to_files,
)
from gan_study.analysis.plots.charts import charts
from gan_study.analysis.plots.classes import class_frame
from gan_study.analysis.plots.classifier_training import classifier_frame
from gan_study.analysis.plots.confusion import (
    CHANGES,
    confusion_data,
    confusion_differences,
    confusion_frames,
)
from gan_study.analysis.plots.counts import COUNTS, count_frame
from gan_study.analysis.plots.gains import dose_frame, images_frame
from gan_study.analysis.plots.gan_training import CUT_OFF, TAKEN, length_frame
from gan_study.analysis.plots.ranking import ranking_frame
from gan_study.analysis.plots.search import FEWEST_SEARCHED, gain_limits, progress_data
from gan_study.analysis.plots.seeds import seed_frame
from gan_study.analysis.plots.slices import MOST_POINTS, draw_slices, slice_data
from gan_study.analysis.plots.spread import spread_frame
from gan_study.analysis.records.select import Condition, Task, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.trainables.records.record import GeneratedImages, SearchTrial
from tests.analysis.planted import (
    planted_record,
    planted_study,
    predicted_study,
    search_trials,
    study_of,
    with_arrays,
)

TASK = Task("shapes", "simple_cnn")
AT_10 = Condition("shapes", "simple_cnn", 10.0)


def of_dcgan(records: Sequence[Trial], **arrays: np.ndarray) -> list[Trial]:
    """`records`, of which the confirmed ones of dcgan have more arrays."""
    return [
        with_arrays(record, {name.replace("__", "/"): each for name, each in arrays.items()})
        if (record.balancer, record.phase) == ("dcgan", "confirm")
        else record
        for record in records
    ]


def progress_of(records: Sequence[Trial], balancer: str) -> list[list[float]]:
    """Number, gain and best gain so far of a method's complete search trials."""
    data = progress_data(records, TASK)
    return data.loc[data["balancer"] == balancer, ["trial", "gain", "best_so_far"]].to_numpy().tolist()


def test_progress_counts_every_trial_and_keeps_the_best() -> None:
    assert progress_of(planted_study(), "dcgan") == [[1, 0.05, 0.05], [2, 0.20, 0.20], [3, 0.10, 0.20]]


def test_a_method_without_a_complete_trial_has_no_progress() -> None:
    lost = planted_record(balancer="dcgan", validation=None, phase="search", status="failed", number=0, gan=True)
    assert progress_data([lost], TASK).empty


def test_limits_hold_every_gain_and_0_and_never_close_in_on_rounding() -> None:
    assert gain_limits([0.2, 0.4]) == pytest.approx((-0.02, 0.42), abs=1e-12)
    assert gain_limits([-0.2]) == pytest.approx((-0.21, 0.01), abs=1e-12)
    assert gain_limits([0.0]) == pytest.approx((-0.01, 0.01), abs=1e-12)
    assert gain_limits([1e-17]) == pytest.approx((-0.01, 0.01), abs=1e-12)


def test_progress_follows_the_suggestions_and_not_the_file() -> None:
    later, failed, first = (
        planted_record(
            balancer="g", validation=0.5, phase="search", number=number, objective=gain, status=status, gan=True
        )
        for number, gain, status in ((2, 0.3, "complete"), (1, None, "failed"), (0, 0.1, "complete"))
    )
    assert progress_of([later, failed, first], "g") == [[1, 0.1, 0.1], [3, 0.3, 0.3]]


def test_confusion_rows_are_fractions() -> None:
    data = confusion_data(confirmed(planted_study()), ["none", "dcgan", "absent"])
    assert list(data) == ["none", "dcgan"]
    np.testing.assert_allclose(data["dcgan"], [[0.8, 0.1, 0.1], [0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], atol=1e-12)


def test_differences_are_from_no_balancing_and_are_none_without_it() -> None:
    data = confusion_data(confirmed(planted_study()), ["none", "dcgan"])
    data["dcgan"] = data["dcgan"] + np.array([[0.1, -0.1, 0], [0, 0, 0], [0, -0.25, 0.25]])
    found = confusion_differences(data)
    assert list(found) == ["dcgan"]
    np.testing.assert_allclose(found["dcgan"], [[0.1, -0.1, 0], [0, 0, 0], [0, -0.25, 0.25]], atol=1e-12)
    assert confusion_differences({"dcgan": data["dcgan"]}) == {}


def test_changes_are_in_percentage_points_of_what_validation_chose() -> None:
    swapped = np.array([[[8, 1, 1], [4, 0, 0], [0, 0, 4]]])
    shares, changes = confusion_frames(of_dcgan(planted_study(), test__confusion_matrix=swapped))
    assert shares["balancer"].drop_duplicates().tolist() == ["none", "dcgan", "smote"]
    cells = changes[changes["balancer"] == "dcgan"].set_index(["true_class", "predicted_class"])["percent"]
    assert cells["malignant <b>&", "benign"] == pytest.approx(50.0)
    assert cells["malignant <b>&", "malignant <b>&"] == pytest.approx(-50.0)
    assert cells["normal", "normal"] == pytest.approx(25.0)
    # A method that changed nothing has its panel, with an empty diagonal.
    rows = next(iter(make_chart(CHANGES, changes).specification["datasets"].values()))
    assert sum(row["balancer"] == "smote" for row in rows) == 3


def test_of_many_trials_a_slice_draws_those_evenly_by_gain() -> None:
    gains = np.random.default_rng(0).normal(size=4 * MOST_POINTS)
    frame = pd.DataFrame({"gain": gains, "value": range(len(gains)), "balancer": "dcgan", "parameter": "gan/lr"})
    sketch = draw_slices(frame.assign(imbalance_ratio=10.0, dataset="a", classifier="b")).to_dict()
    (panel,) = sketch["datasets"].values()
    drawn = np.sort([row["gain"] for row in json.loads(panel)])
    assert len(drawn) == MOST_POINTS
    np.testing.assert_allclose(drawn[[0, -1]], [gains.min(), gains.max()], rtol=1e-6)
    assert np.abs(drawn - np.quantile(gains, np.linspace(0, 1, MOST_POINTS))).max() < 0.2


def test_slices_are_of_parameters_that_varied_and_of_complete_trials() -> None:
    trials = [
        replace(record, search=SearchTrial(number=place, params={"balancing/name": "g", "a": place, "b": 1.0}))
        for place, record in enumerate(r for r in planted_study() if r.phase == "search")
    ]
    data = slice_data(trials, TASK)
    assert data.groupby("balancer")["value"].apply(list).to_dict() == {"acgan_<x>": [3, 4], "dcgan": [0, 1, 2]}
    assert set(data["parameter"]) == {"a"}
    assert data["gain"].tolist() == [0.08, 0.02, 0.05, 0.20, 0.10]
    assert not names(trials) & {"search", "search_budget", "search_slices"}
    further = search_trials("dcgan", [0.01 * n for n in range(FEWEST_SEARCHED)], first=10)
    more = [replace(each, search=SearchTrial(number=10 + n, params={"a": n})) for n, each in enumerate(further)]
    assert {"search", "search_budget", "search_slices"} <= names([*trials, *more])


def names(records: Sequence[Trial]) -> set[str]:
    """The names of all charts of a study."""
    return {chart.name for chart in charts(study_of(records), pd.DataFrame())}


def test_counts_split_real_from_synthetic_and_mark_minorities() -> None:
    data = count_frame(planted_study())
    balanced = data[data["stage"] == "Balanced by dcgan"].pivot(index="class", columns="made", values="images")
    assert balanced.to_dict("index") == {
        "benign": {"real": 100, "synthetic": 0},
        "malignant <b>&": {"real": 10, "synthetic": 90},
        "normal": {"real": 5, "synthetic": 95},
    }
    read = data[data["stage"] == "Read"]
    assert read["images"].tolist() == [200, 200, 200]
    assert read["minority"].tolist() == [False, True, True]
    assert set(read["balancer"]) == {"none"}


def test_gains_by_dose_are_of_methods_that_were_tried_at_several() -> None:
    doses = iter((0.25, 1.0, 1.0))
    records = [
        replace(
            each,
            generated=GeneratedImages(
                dose=next(doses) if each.phase == "search" else 0.5, num_made=1, num_passed=1
            ),
        )
        if each.balancer in ("dcgan", "smote") and each.status == "complete"
        else each
        for each in planted_study()
    ]
    frame = dose_frame(records)
    assert set(frame["balancer"]) == {"dcgan"}
    assert frame[["part", "dose"]].to_numpy().tolist() == [
        ["validation", 0.25],
        ["validation", 1.0],
        ["test", 0.5],
    ]
    assert frame["mean"].tolist() == pytest.approx([0.05, 0.15, 0.12])
    assert dose_frame(planted_study()).empty
    assert "dose" in names(records) and "dose" not in names(planted_study())


def test_gains_by_images_are_of_rare_classes_with_several_numbers() -> None:
    known = [
        with_arrays(each, {"test/f1": np.array([[0.9, 0.3, 0.5]])}) if "test/f1" in each.stored else each
        for each in planted_study()
    ]
    classes = class_frame(of_dcgan(known, test__f1=np.array([[0.9, 0.7, 0.6]])))
    frame = images_frame(classes)
    dcgan = frame[frame["balancer"] == "dcgan"]
    assert dcgan[["class", "training_images", "mean"]].to_numpy().tolist() == [
        ["malignant <b>&", 10.0, pytest.approx(0.4)],
        ["normal", 5.0, pytest.approx(0.1)],
    ]
    assert images_frame(classes.assign(training_images=5.0)).empty


def test_curves_are_of_what_validation_chose_and_of_no_balancing() -> None:
    frame = ranking_frame([*predicted_study(ratio=10.0), *predicted_study(ratio=50.0)])
    assert set(frame["balancer"]) == {"none", "smote", "dcgan"}
    assert set(frame["class"]) == {"malignant <b>&", "normal"}
    one = frame[
        (frame["balancer"] == "dcgan")
        & (frame["class"] == "normal")
        & (frame["curve"] == "ROC")
        & (frame["imbalance_ratio"] == 10.0)
    ]
    assert one["x"].tolist() == pytest.approx([0.04 * place for place in range(26)])
    assert one["y"].is_monotonic_increasing and one["y"].iloc[-1] == 1.0
    assert ranking_frame(planted_study()).empty


def test_the_classifiers_losses_are_by_part_where_they_were_measured() -> None:
    losses = {
        "classifier__training_loss": np.array([[4.0, 2.0], [2.0, 1.0]]),
        "classifier__validation_loss": np.array([[np.nan, 0.5], [np.nan, 0.7]]),
    }
    frame = classifier_frame(of_dcgan(planted_study(), **losses))
    assert frame[["part", "epoch", "loss"]].to_numpy().tolist() == [
        ["training", 1, 3.0],
        ["training", 2, 1.5],
        ["validation", 2, pytest.approx(0.6)],
    ]
    assert classifier_frame(planted_study()).empty


def test_lengths_mark_what_was_taken_and_what_was_cut_off() -> None:
    ends = {
        "gan__trained_on": np.array(["normal", "malignant <b>&"]),
        "gan__generator_steps": np.array([750, 500]),
        "gan__taken_from": np.array([250, 250]),
        "gan__reason": np.array(["cap", "converged"]),
        "gan__still_improving": np.array([1, 0]),
        "gan__length_steps": np.array([[250, 500, 750], [250, 500, -1]]),
        "gan__length_distances": np.array([[0.5, 0.4, 0.3], [0.2, 0.3, np.nan]]),
    }
    frame = length_frame(of_dcgan(planted_study(), **ends))
    first = frame[frame["seed"] == 1].set_index(["trained_on", "generator_steps"])["mark"].to_dict()
    assert first == {
        ("normal", 250): TAKEN,
        ("normal", 500): "",
        ("normal", 750): CUT_OFF,
        ("malignant <b>&", 250): TAKEN,
        ("malignant <b>&", 500): "",
    }
    assert length_frame(planted_study()).empty


def test_spread_and_seeds_are_the_tables_and_the_trials() -> None:
    study = study_of(predicted_study(fits=2))
    spread = spread_frame(study).set_index(["balancer", "source"])["deviation"]
    assert ("dcgan", "GAN trainings") in spread and ("none", "GAN trainings") not in spread
    assert ("smote", "classifier fits") in spread
    scores = pd.DataFrame(
        [("shapes", "simple_cnn", 10.0, "none", 3, 0.5, 0.4, 0.6, "Minority F1", "no balancing")],
        columns=[
            "dataset",
            "classifier",
            "imbalance_ratio",
            "balancer",
            "n",
            "mean",
            "low",
            "high",
            "metric",
            "kind",
        ],
    )
    seeds = seed_frame(study_of(planted_study()), scores)
    assert seeds.loc[seeds["balancer"] == "dcgan", "value"].tolist() == [0.50, 0.54, 0.58]
    assert seeds["seed"].isna().sum() == 1


def several() -> Chart:
    """A chart that shows one of two conditions at a time."""
    return make_chart(COUNTS, count_frame([*planted_study(10.0), *planted_study(50.0)]))


def test_a_chart_of_one_condition_at_a_time_has_a_file_of_each() -> None:
    chart = several()
    assert list(chart.files) == ["class_counts_ratio_10", "class_counts_ratio_50"]
    drawn = to_files(chart)
    assert sorted(drawn) == [f"class_counts_ratio_{ratio}.{kind}" for ratio in (10, 50) for kind in ("png", "svg")]
    params = {each["name"]: each.get("value") for each in chart.of(AT_10)["params"]}
    assert (params["pick_imbalance_ratio"], params["pick_balancer"]) == ("10", "all")
    one = make_chart(COUNTS, count_frame(planted_study()))
    assert (one.conditions, list(one.files)) == ((), ["class_counts"])
    assert to_files(one)["class_counts.svg"] == drawn["class_counts_ratio_10.svg"]


@pytest.mark.parametrize(("pixels", "columns"), [(1100, 3), (700, 2), (340, 1)])
def test_panels_stand_side_by_side_as_far_as_they_have_room(pixels: int, columns: int) -> None:
    sized = fitted(several().specification, pixels)
    assert sized["columns"] == columns
    svg = vl_convert.vegalite_to_svg(sized)
    width = re.search(r'width="([\d.]+)"', svg)
    assert width is not None and 0.7 * pixels < float(width[1]) <= pixels


def test_every_chart_of_a_study_is_as_wide_as_it_is_asked_to_be() -> None:
    """Laid out by Vega at the width of a file and of a phone, whatever kind of chart it is."""
    for chart in charts(study_of(predicted_study(fits=2)), pd.DataFrame()):
        for pixels in (760, 361):
            svg = vl_convert.vegalite_to_svg(fitted(chart.on_page, pixels))
            found = re.search(r'width="([\d.]+)"', svg)
            assert found is not None and float(found[1]) <= pixels + 2, (chart.name, pixels)


def test_ticks_of_a_logarithmic_axis_are_round_and_inside() -> None:
    assert log_ticks(3.0, 250.0) == [5, 10, 20, 50, 100, 200]
    assert log_ticks(1e-6, 1.0) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
    assert log_ticks(3.0, 4.0) == [3.0]


def test_names_of_charts_are_names_of_files() -> None:
    found = [chart.name for chart in charts(study_of([*planted_study(2.0), *planted_study(50.0)]), pd.DataFrame())]
    assert len(set(found)) == len(found) > 5
    assert {"minority_recall", "minority_f1", "chosen", "gain_map"} <= set(found)


@pytest.mark.parametrize("channel", ["y", "colour", "panels"])
def test_names_that_every_javascript_object_has_are_drawn(channel):
    def draw(frame):
        names = frame["class"].drop_duplicates().tolist()
        bars = base(frame).mark_bar().encode(x="value:Q", y=alt.Y("class:N", scale=alt.Scale(domain=names)))
        if channel == "colour":
            return bars.encode(color=alt.Color("class:N", sort=names))
        return bars.facet(alt.Facet("class:N", sort=names)) if channel == "panels" else bars

    names = [*sorted(PROPERTIES_OF_OBJECTS), "lynx"]
    frame = pd.DataFrame({"class": names, "value": range(len(names)), "imbalance_ratio": 2.0})
    frame = frame.assign(**dict.fromkeys(["dataset", "classifier", "balancer"], "any"))
    chart = make_chart(Sketch(name="a", section="a", title="a", alt="a", draw=draw), frame)
    svg = vl_convert.vegalite_to_svg({**chart.specification, "width": 300})
    assert [name for name in names if name not in svg] == []
    assert chart.data["class"].tolist() == names
