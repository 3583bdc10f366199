"""Pictures and points that trials leave, as the report reads them."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_study.analysis.image_map import map_frame, placed, stored_points
from gan_study.analysis.load import load_study
from gan_study.analysis.plots.growth import HEAD_PIXELS, MARGIN_PIXELS, SCALE, growth, label_font
from gan_study.analysis.plots.nearest import panel
from gan_study.analysis.plots.samples import extreme_data
from gan_study.analysis.report import write_report
from gan_study.trainables.record import RecordError, TrialRecord
from tests.analysis.pictured import EPOCHS, SIZE, with_pictures
from tests.analysis.planted import (
    planted_quality,
    planted_record,
    planted_study,
    with_generated,
    with_samples,
    write_study,
)
from tests.analysis.test_report import shown

ROW = SCALE * (SIZE + 4)


@pytest.fixture
def pictured(tmp_path: Path) -> TrialRecord:
    return with_pictures(tmp_path, planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True))


def test_a_growth_is_a_film_of_its_epochs_and_a_strip(tmp_path: Path, pictured: TrialRecord) -> None:
    found = growth(tmp_path / pictured.artifacts["growth"])
    assert found.epochs == EPOCHS
    film, strip = (Image.open(io.BytesIO(each.content)) for each in (found.film, found.strip))
    assert (film.n_frames, film.info["loop"]) == (len(EPOCHS), 0)
    assert film.height == HEAD_PIXELS + 2 * ROW
    assert strip.height == HEAD_PIXELS + (1 + len(EPOCHS)) * ROW
    # The middle of the first generated image of each epoch is as grey as the epoch was planted.
    for place, epoch in enumerate(EPOCHS):
        middle = (MARGIN_PIXELS + SCALE * (4 + SIZE // 2), HEAD_PIXELS + (place + 1) * ROW + ROW // 2)
        assert strip.getpixel(middle) == (40 * epoch,) * 3
        film.seek(place)
        pixel = film.convert("RGB").getpixel((middle[0], HEAD_PIXELS + ROW + ROW // 2))
        assert pixel == pytest.approx((40 * epoch,) * 3, abs=4)
    assert "epochs 1, 2, 4 and 5" in found.words


def test_names_of_classes_have_letters_that_are_not_ascii() -> None:
    # What a font lacks it draws as one and the same box. "…" stands where a name is cut.
    boxes = {bytes(label_font().getmask(letter)) for letter in ("é", "ß", "ж", "…")}
    assert len(boxes) == 4


def test_pairs_have_the_generated_image_above_its_nearest(tmp_path: Path, pictured: TrialRecord) -> None:
    found = panel(tmp_path / pictured.artifacts["nearest"])
    assert (found.features, found.copy_ratio) == ("domain", 0.5)
    assert list(found.by_class) == ["malignant <b>&", "normal"]
    first = found.by_class["normal"][0]
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(first.uri.partition(",")[2]))), dtype=float)
    made, nearest = image[:SIZE] / 127.5 - 1, image[-SIZE:] / 127.5 - 1
    np.testing.assert_allclose(made, 0.9 * nearest, atol=0.01)
    assert first.is_copy
    assert first.distance == pytest.approx(np.linalg.norm(made - nearest), rel=0.05)


@pytest.mark.parametrize("kind", ["growth", "nearest"])
def test_a_picture_that_does_not_say_what_is_where_is_named(
    tmp_path: Path, pictured: TrialRecord, kind: str
) -> None:
    path = tmp_path / pictured.artifacts[kind]
    Image.new("RGB", (40, 40)).save(path)
    with pytest.raises(RecordError, match=rf"{kind}\.png"):
        {"growth": growth, "nearest": panel}[kind](path)


def test_a_growth_that_is_not_as_large_as_it_says_is_named(tmp_path: Path, pictured: TrialRecord) -> None:
    path = tmp_path / pictured.artifacts["growth"]
    with Image.open(path) as opened:
        info = PngInfo()
        info.add_itxt("growth", opened.info["growth"].replace("[1, 2, 4, 5]", "[1, 2, 4]"))
        opened.save(path, pnginfo=info)
    with pytest.raises(RecordError, match=r"growth\.png: .* are not those of a growth"):
        growth(path)


def test_a_map_keeps_apart_what_is_apart_and_is_the_same_each_time() -> None:
    random = np.random.default_rng(0)
    features = np.concatenate([random.normal(size=(30, 5)), 40 + random.normal(size=(30, 5))])
    places = placed(features)
    first, second = places[:30], places[30:]
    apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert apart > max(np.linalg.norm(each - each.mean(axis=0), axis=1).max() for each in (first, second))
    assert np.array_equal(placed(features), places)


def test_the_map_is_of_the_gan_of_the_answer(tmp_path: Path) -> None:
    records = [
        with_pictures(tmp_path, record) if record.phase == "confirm" and record.losses else record
        for record in planted_study()
    ]
    frame = map_frame(load_study(write_study(tmp_path, records)))
    assert set(frame["balancer"]) == {"dcgan"}
    counts = frame.groupby(["class", "kind"]).size().to_dict()
    assert counts == {
        (name, kind): n for name in ("malignant <b>&", "normal") for kind, n in (("generated", 12), ("real", 20))
    }


def test_no_points_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    np.savez(path, features=np.zeros((3, 2)), labels=np.zeros(2, dtype=int), synthetic=np.zeros(3, dtype=bool))
    with pytest.raises(RecordError, match=r"map\.npz: holds no points"):
        stored_points(path)


def test_the_best_and_the_worst_trial_of_a_search_stand_side_by_side(tmp_path: Path) -> None:
    records = [with_samples(tmp_path, record) for record in planted_study() if record.phase == "search"]
    found = extreme_data(records)
    assert [[grid.objective for grid in both] for both in found] == [[0.08, 0.02], [0.20, 0.05]]
    assert [both[0].balancer for both in found] == ["acgan_<x>", "dcgan"]


def test_the_page_has_them_all_with_words_and_is_silent_without(tmp_path: Path) -> None:
    records = [
        replace(with_pictures(tmp_path, record), gan_seconds={"all classes": 10.0 * record.seed})
        if record.balancer == "dcgan" and record.phase == "confirm"
        else record
        for record in planted_study()
    ]
    records = with_generated(records, "dcgan", *[{"normal": planted_quality()}] * 3)
    page = write_report(write_study(tmp_path, records)).read_text(encoding="utf-8")
    assert page.count('class="film"') == 1
    assert "from the same latents after epochs 1, 2, 4 and 5." in page
    text = shown(page)
    assert "below 0.5 the image counts as a copy" in text
    assert "dcgan all classes 20.0 5 4.0000 3" in text
    assert 'id="chart-map"' in page
    bare = write_report(write_study(tmp_path / "bare", planted_study())).read_text(encoding="utf-8")
    for absent in ("How they grew", "nearest training images", "chart-map", "Training time of each GAN"):
        assert absent not in bare
