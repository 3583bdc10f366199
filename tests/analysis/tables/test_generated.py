from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gan_study.analysis.page.caveats import caveats
from gan_study.analysis.page.report import report_tables
from gan_study.analysis.plots.chart import make_chart
from gan_study.analysis.plots.usefulness import USEFULNESS, name_places, usefulness_data
from gan_study.analysis.records.load import load_study
from gan_study.analysis.records.select import Task
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.generated import (
    FIDELITY,
    FLAGS,
    VARIETY,
    flagged_images,
    generated_tables,
    seed_mean,
    with_features,
)
from gan_study.analysis.tables.table import write_tables
from tests.analysis.page.test_report import shown, text_of_page
from tests.analysis.planted import planted_quality, planted_study, with_generated, write_study

TASK = Task("shapes", "simple_cnn")
MALIGNANT, NORMAL = "malignant <b>&", "normal"


def measured(ratio: float = 10.0) -> list[Trial]:
    """Images of dcgan, of a class with two flags and FID in two of three seeds and of one without; of smote."""
    none: dict[str, float | None] = {"fid": None, "fid_floor": None, "kid_floor": None}
    seeds = [
        {
            NORMAL: planted_quality(**none),
            MALIGNANT: planted_quality(fid=fid, kid=kid, kid_floor=0.01, flags=flags, num_held_out=held_out),
        }
        for fid, kid, held_out, flags in (
            (20.0, 0.03, 4, ("copies",)),
            (None, 0.05, 5, ()),
            (40.0, 0.10, 6, ("copies", "collapsed")),
        )
    ]
    dcgan = with_generated(planted_study(ratio), "dcgan", *seeds)
    return with_generated(dcgan, "smote", *[{MALIGNANT: planted_quality()}] * 3)


def test_means_are_over_the_seeds_that_have_the_number() -> None:
    qualities = [planted_quality(fid=fid) for fid in (20.0, None, 40.0)]
    assert seed_mean(qualities, "fid") == (30.0, 2)
    assert seed_mean(qualities[1:2], "fid") == (None, 0)


def test_the_four_scores_and_the_membership_have_a_table() -> None:
    [scores] = [each for each in generated_tables(measured()) if each.name == "generated_scores"]
    row = scores.text.iloc[0]
    assert row[["Unrealistic", "Not varied", "Memorised", "Under-represented"]].tolist() == [
        *("0.200 (0.100)", "0.150 (0.050)", "0.000 (0.000)", "0.300 (0.250)")
    ]
    assert row["Membership AUC"] == "0.550"


def test_records_of_earlier_versions_have_no_table_of_scores() -> None:
    quality = planted_quality()
    old = {name: value for name, value in quality.metrics.items() if not name.startswith("unrealistic")}
    records = with_generated(planted_study(), "dcgan", *[{NORMAL: replace(quality, metrics=old)}] * 3)
    assert [each.name for each in generated_tables(records)] == ["generated", "generated_variety"]


def test_a_row_a_class_and_nothing_is_left_empty() -> None:
    text = generated_tables(measured())[0].text
    assert text[["Balancer", "Class"]].to_numpy().tolist() == [
        ["smote", MALIGNANT],
        ["dcgan", MALIGNANT],
        ["dcgan", NORMAL],
    ]
    flagged, scarce = text.iloc[1], text.iloc[2]
    assert flagged["FID (domain features)"] == "30.0, 2 of 3 seeds (15.0)"
    assert flagged["KID (domain features)"] == "0.060 (0.010)"
    assert flagged["Precision"] == "0.800"
    assert flagged["GAN-train"] == "0.400 (0.600)"
    assert flagged["Flags"] == "copies 2 of 3, collapsed 1 of 3"
    assert flagged["Images: generated / training / held-out"] == "90 / 10 / 4–6"
    assert flagged["Seeds"] == 3
    assert scarce["FID (domain features)"] == "too few images"
    assert scarce["KID (domain features)"] == "0.050 (too few images)"
    assert scarce["Flags"] == "–"
    assert not text.isna().to_numpy().any()


def test_several_ratios_have_rows_each() -> None:
    text = generated_tables([*measured(50.0), *measured(10.0)])[0].text
    assert text["Imbalance ratio"].tolist() == [10.0] * 3 + [50.0] * 3


def test_the_csv_has_every_metric_of_the_record_and_its_seeds(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path, measured()))
    write_tables(study, report_tables(study), tmp_path / "tables")
    numbers = pd.read_csv(tmp_path / "tables" / "generated.csv").set_index(["balancer", "class"])
    assert set(planted_quality().metrics) <= set(numbers.columns)
    row = numbers.loc[("dcgan", MALIGNANT)]
    assert (row["fid"], row["fid_seeds"], row["fid_floor"]) == (30.0, 2, 15.0)
    assert row["kid"] == pytest.approx(0.06, abs=1e-12)
    assert (row["num_generated"], row["num_training"], row["num_held_out"]) == (90, 10, 5)
    assert (row["copies_seeds"], row["collapsed_seeds"], row["seeds"]) == (2, 1, 3)
    assert pd.isna(numbers.loc[("dcgan", NORMAL), "fid"])
    assert numbers.loc[("dcgan", NORMAL), "fid_seeds"] == 0


def test_the_words_of_a_missing_number_reach_every_form_that_is_read(rich_folder: Path, rich_page: str) -> None:
    tables = rich_folder / "report" / "tables"
    for text in (
        shown(rich_page),
        *((tables / f"generated.{kind}").read_text(encoding="utf-8") for kind in ("md", "tex")),
    ):
        assert "too few images" in text
        assert "nan" not in text.lower().split()


def test_the_page_explains_every_number_and_what_its_fid_is_not(rich_page: str) -> None:
    page = shown(rich_page)
    named = with_features((*FIDELITY, *VARIETY), measured())
    assert all(f"{each.heading} {each.meaning}" in page for each in named)
    assert "the same for every method, ratio and seed. It compares methods within this study" in page
    assert "not with published values. It falls with the number of images" in page
    assert "A low FID does not mean that the images help the classifier" in page


def test_inception_features_are_named_in_headings_and_text(tmp_path: Path) -> None:
    quality = replace(planted_quality(), features="inception")
    records = with_generated(planted_study(), "dcgan", *[{NORMAL: quality}] * 3)
    assert "FID (inception features)" in generated_tables(records)[0].text
    page = text_of_page(write_study(tmp_path, records))
    assert "torchvision's Inception v3" in page
    assert "domain features" not in page


def test_a_study_without_generated_images_has_no_section(plain_folder: Path, plain_page: str) -> None:
    assert "Generated images" not in plain_page
    assert 'id="generated"' not in plain_page
    assert not list((plain_folder / "report").rglob("generated*"))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (planted_study(), []),
        (
            measured(),
            [
                "Some generated images are copies of training images, which "
                f"add little beyond oversampling: dcgan (class {MALIGNANT}, ratio 10, 2 of 3 seeds).",
                "Some generated images repeat a few images, so they add little variety: "
                f"dcgan (class {MALIGNANT}, ratio 10, 1 of 3 seeds).",
            ],
        ),
    ],
)
def test_flagged_generators_are_a_caveat(tmp_path: Path, records: Sequence[Trial], expected: list[str]) -> None:
    said = caveats(load_study(write_study(tmp_path, records)))
    assert [caveat for caveat in said if caveat.startswith("Some generated images")] == expected


def test_flags_of_a_search_are_no_caveat() -> None:
    searched = [record for record in measured() if record.phase != "confirm"]
    assert [flagged_images(searched, flag) for flag in FLAGS] == [[], [], []]


def test_usefulness_sets_the_mean_gain_against_the_distance_relative_to_the_floor() -> None:
    data = usefulness_data([*measured(10.0), *measured(50.0)], TASK)
    # dcgan: FID 20 / 15 and 40 / 15; KID 0.03, 0.05 and 0.10 minus 0.01; gains 0.10, 0.12 and 0.14.
    points = data.set_index(["metric", "balancer", "imbalance_ratio"])
    assert points.loc["fid"].index.tolist() == [("dcgan", 10.0), ("dcgan", 50.0), ("smote", 10.0), ("smote", 50.0)]
    assert points.loc[("fid", "dcgan", 10.0), "distance"] == pytest.approx(2.0, abs=1e-12)
    assert points.loc[("fid", "smote", 50.0), "distance"] == pytest.approx(2.0, abs=1e-12)
    assert points.loc[("kid", "dcgan", 10.0)].tolist() == [
        pytest.approx(0.05, abs=1e-12),
        pytest.approx(0.12, abs=1e-12),
        "GAN",
        "shapes",
        "simple_cnn",
    ]


def test_usefulness_needs_three_points() -> None:
    assert usefulness_data(measured(), TASK).empty
    three = with_generated(measured(), "acgan_<x>", *[{MALIGNANT: planted_quality(fid=None)}] * 3)
    data = usefulness_data(three, TASK)
    assert data["metric"].tolist() == ["kid"] * 3
    # One distance has one panel, in which each method is named.
    (panel,) = make_chart(USEFULNESS, data).specification["concat"]
    assert sum(layer["mark"]["type"] == "text" for layer in panel["layer"]) == data["balancer"].nunique()


@pytest.mark.parametrize(
    ("centres", "beside"),
    [
        ([(0.3, 100), (0.8, 100)], [(0, 14), (0, 14)]),
        ([(0.5, 100), (0.5, 105)], [(0, -14), (0, 14)]),
        # Away from the edges of the panel, and nowhere if there is no room.
        ([(0.0, 100), (0.5, 315)], [(64, 0), (0, -14)]),
        ([(0.5, 100), *[(0.5 + dx, 100 + dy) for dx in (-0.2, 0, 0.2) for dy in (-13, 0, 13)]], []),
    ],
)
def test_names_stand_beside_their_points_where_there_is_room(
    centres: list[tuple[float, float]], beside: list[tuple[float, float]]
) -> None:
    names = ["projection_sngan", *["wgan_gp"] * (len(centres) - 1)]
    places = name_places(np.array(centres, dtype=float), names)
    found = [(each.right, each.up) for each in places if len(centres) == 2 or each.point == 0]
    assert found == beside


@pytest.mark.parametrize("width", [250, 283, 478, 640])
def test_names_cover_no_point_and_no_name_in_a_panel_of_any_width(width: int) -> None:
    rng = np.random.default_rng(0)
    methods = [f"method_{n}" for n in range(6)]
    names = [name for name in methods for _ in range(5)]
    centres = np.column_stack([rng.uniform(0.1, 0.9, 30), rng.uniform(20, 300, 30)])
    places = name_places(centres, names)
    assert {names[each.point] for each in places} == set(methods) and len(places) == len(methods)
    points = np.column_stack([width * centres[:, 0], centres[:, 1]])
    middles = [points[each.point] + (each.right, each.up) for each in places]
    for place, (x, y) in enumerate(middles):
        assert not any(abs(x - px) < 31.5 + 4 and abs(y - py) < 6 + 4 for px, py in points)
        assert not any(abs(x - ox) < 60 and abs(y - oy) < 12 for ox, oy in middles[:place])


def test_usefulness_looks_at_minority_classes_alone() -> None:
    majority = [{"benign": planted_quality()}] * 3
    records = planted_study()
    for balancer in ("dcgan", "smote", "acgan_<x>"):
        records = with_generated(records, balancer, *majority)
    assert usefulness_data(records, TASK).empty
