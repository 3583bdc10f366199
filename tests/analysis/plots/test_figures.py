import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gan_study.analysis.plots.confusion import confusion_data, confusion_differences, draw_confusion
from gan_study.analysis.plots.counts import count_data
from gan_study.analysis.plots.figures import FEWEST_SEARCHED, plans
from gan_study.analysis.plots.images import pick_trials
from gan_study.analysis.plots.samples import shrink
from gan_study.analysis.plots.scores import score_data
from gan_study.analysis.plots.search import draw_budget, gain_limits, progress_data
from gan_study.analysis.plots.slices import slice_data
from gan_study.analysis.plots.style import count_along, font_families
from gan_study.analysis.records.select import Task, confirmed
from gan_study.analysis.records.trial import Trial
from gan_study.trainables.record import SearchStep
from tests.analysis.planted import planted_record, planted_study, search_trials, study_of, with_samples

TASK = Task("shapes", "simple_cnn")


def test_score_data_holds_means_and_seeds_by_ratio() -> None:
    data = score_data(study_of([*planted_study(50.0), *planted_study(10.0)]), TASK)
    assert data.ratios == (10.0, 50.0)
    assert data.balancers == ("none", "class_weights", "smote", "acgan_<x>", "dcgan")
    assert data.at(10.0)["dcgan"].mean == pytest.approx(0.54, abs=1e-12)
    seeds = data.seeds[(data.seeds["imbalance_ratio"] == 50.0) & (data.seeds["balancer"] == "dcgan")]
    assert seeds["value"].tolist() == [0.50, 0.54, 0.58]


def test_gain_data_leaves_out_the_reference() -> None:
    data = score_data(study_of(planted_study()), TASK, measure="gain")
    assert data.balancers == ("class_weights", "smote", "acgan_<x>", "dcgan")
    assert data.at(10.0)["smote"].mean == pytest.approx(0.07, abs=1e-12)


def progress_of(records: Sequence[Trial], balancer: str) -> list[list[float]]:
    """Number, gain and best gain so far of a method's complete search trials."""
    data = progress_data(records, TASK)
    return data.loc[data["balancer"] == balancer, ["trial", "gain", "best_so_far"]].to_numpy().tolist()


def test_progress_counts_every_trial_and_keeps_the_best() -> None:
    assert progress_of(planted_study(), "dcgan") == [[1, 0.05, 0.05], [2, 0.20, 0.20], [3, 0.10, 0.20]]


def test_budgets_stand_side_by_side_at_each_ratio() -> None:
    data = progress_data([*planted_study(10.0), *planted_study(50.0)], TASK)
    panels = draw_budget(data).axes
    assert [panel.get_title() for panel in panels] == ["Ratio 10", "Ratio 50"]
    # A line and its end for each of two methods; the first panel has the two of the legend too.
    assert [len(panel.lines) for panel in panels] == [6, 4]
    assert panels[1].lines[0].get_xydata().tolist() == [[1, 0.08], [2, 0.08]]
    assert panels[1].lines[2].get_xydata().tolist() == [[1, 0.05], [2, 0.20], [3, 0.20]]


def test_a_method_without_a_complete_trial_has_no_progress() -> None:
    lost = planted_record(balancer="dcgan", validation=None, phase="search", status="failed", number=0, gan=True)
    assert progress_data([lost], TASK).empty


def test_limits_hold_every_gain_and_0_and_never_close_in_on_rounding() -> None:
    assert gain_limits([0.2, 0.4]) == pytest.approx((-0.02, 0.42), abs=1e-12)
    assert gain_limits([-0.2]) == pytest.approx((-0.21, 0.01), abs=1e-12)
    assert gain_limits([0.0]) == pytest.approx((-0.01, 0.01), abs=1e-12)
    assert gain_limits([1e-17]) == pytest.approx((-0.01, 0.01), abs=1e-12)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (1, 10), (1, 600)])
def test_trials_and_epochs_are_counted_in_whole_numbers(first: int, last: int) -> None:
    panel = Figure().subplots()
    panel.plot([first, last], [0, 0])
    count_along(panel)
    ticks = panel.get_xticks()
    assert all(float(tick).is_integer() for tick in ticks)
    assert any(first <= tick <= last for tick in ticks)


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


@pytest.mark.parametrize(("num_classes", "named"), [(3, 3), (15, 15), (43, 15)])
def test_many_classes_are_not_all_named(num_classes: int, named: int) -> None:
    names = [f"class {number}" for number in range(num_classes)]
    figure = draw_confusion({"none": np.eye(num_classes)}, names)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == named
    assert labels[:2] == [names[0], names[-(-num_classes // 15)]]


def test_differences_are_from_no_balancing_and_are_none_without_it() -> None:
    data = confusion_data(confirmed(planted_study()), ["none", "dcgan"])
    data["dcgan"] = data["dcgan"] + np.array([[0.1, -0.1, 0], [0, 0, 0], [0, -0.25, 0.25]])
    found = confusion_differences(data)
    assert list(found) == ["dcgan"]
    np.testing.assert_allclose(found["dcgan"], [[0.1, -0.1, 0], [0, 0, 0], [0, -0.25, 0.25]], atol=1e-12)
    assert confusion_differences({"dcgan": data["dcgan"]}) == {}


def test_slices_are_of_parameters_that_varied_and_of_complete_trials() -> None:
    trials = [
        replace(record, search=SearchStep(number=place, params={"balancing/name": "g", "a": place, "b": 1.0}))
        for place, record in enumerate(r for r in planted_study() if r.phase == "search")
    ]
    data = slice_data(trials, TASK)
    assert data.groupby("balancer")["value"].apply(list).to_dict() == {"acgan_<x>": [3, 4], "dcgan": [0, 1, 2]}
    assert set(data["parameter"]) == {"a"}
    assert data["gain"].tolist() == [0.08, 0.02, 0.05, 0.20, 0.10]
    assert "search slices" not in {plan.kind for plan in plans(study_of(trials))}
    further = search_trials("dcgan", [0.01 * n for n in range(FEWEST_SEARCHED)], first=10)
    more = [replace(each, search=SearchStep(number=10 + n, params={"a": n})) for n, each in enumerate(further)]
    kinds = {plan.kind for plan in plans(study_of([*trials, *more]))}
    assert {"search", "search budget", "search slices"} <= kinds


def test_counts_split_real_from_synthetic_and_mark_minorities() -> None:
    data = count_data(confirmed(planted_study()), "dcgan")
    assert data.drop(columns="balancer").to_numpy().tolist() == [
        ["benign", 100, 100, 0],
        ["malignant <b>& *", 10, 10, 90],
        ["normal *", 5, 5, 95],
    ]


def test_samples_are_of_the_smallest_confirmed_seed() -> None:
    records = [with_samples(record) for record in planted_study() if record.balancer == "dcgan" and record.stored]
    found = pick_trials(records[::-1], "samples/synthetic")
    assert [(trial.balancer, trial.seed, trial.phase) for trial in found] == [("dcgan", 1, "confirm")]


def test_samples_of_a_search_are_of_its_best_trial() -> None:
    searched = [r for r in planted_study() if r.phase == "search" and r.balancer == "dcgan" and r.stored]
    (found,) = pick_trials([with_samples(record) for record in searched], "samples/synthetic")
    assert found.objective == 0.20


@pytest.fixture
def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 320, 3), dtype=np.uint8))


def test_a_sheet_is_shrunk_until_it_fits(noise: Image.Image) -> None:
    image = shrink(noise.resize((1600, 400)), most_bytes=60_000)
    assert len(image.content) <= 60_000
    assert image.media_type == "image/jpeg"


def test_a_small_sheet_is_kept_pixel_by_pixel(noise: Image.Image) -> None:
    image = shrink(noise, most_bytes=200_000)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image.content))), np.asarray(noise))


def test_equal_records_give_equal_files_and_pyplot_is_left_alone() -> None:
    records = planted_study()
    # The first few stand for all.
    first, second = list(islice(plans(study_of(records)), 3)), list(islice(plans(study_of(records)), 3))
    assert [plan.save("svg") for plan in first] == [plan.save("svg") for plan in second]
    names = [plan.stem for plan in plans(study_of(records))]
    assert len(set(names)) == len(names) > 5


def test_several_ratios_have_their_curves_and_a_figure_each() -> None:
    names = {plan.stem for plan in plans(study_of([*planted_study(2.0), *planted_study(50.0)]))}
    assert {"minority_recall_by_ratio", "minority_f1_by_ratio", "gain"} <= names
    assert {"confusion_at_imbalance_ratio_2", "confusion_at_imbalance_ratio_50"} <= names


def test_letters_of_other_scripts_are_taken_from_fonts_that_are_there() -> None:
    assert font_families([]) == ["DejaVu Sans"]
    assert font_families(["Comic Sans MS", "Noto Sans CJK JP"]) == ["DejaVu Sans", "Noto Sans CJK JP"]
