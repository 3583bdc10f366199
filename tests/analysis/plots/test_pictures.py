"""Pictures and points, drawn from what trials leave."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan_study.analysis.plots.growth import HEAD_PIXELS, MARGIN_PIXELS, SCALE, draw_growth, shortened, write_texts
from gan_study.analysis.plots.image_map import map_frame, placed
from gan_study.analysis.plots.images import pick_trials, to_image
from gan_study.analysis.plots.nearest import draw_pairs, draw_panel
from gan_study.analysis.plots.samples import draw_sheet, extreme_trials, shrink
from gan_study.analysis.records.trial import Trial
from tests.analysis.page.test_report import shown
from tests.analysis.pictured import SIZE, STEPS, with_pictures
from tests.analysis.planted import planted_record, planted_study, study_of, with_arrays, with_samples

ROW = SCALE * (SIZE + 4)


@pytest.fixture
def pictured() -> Trial:
    return with_pictures(planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True))


def test_a_growth_is_a_film_of_its_steps_and_a_strip(pictured: Trial) -> None:
    found = draw_growth(pictured)
    assert found is not None
    assert found.steps == STEPS
    film, strip = (Image.open(io.BytesIO(each.content)) for each in (found.film, found.strip))
    assert (film.n_frames, film.info["loop"]) == (len(STEPS), 0)
    assert film.height == HEAD_PIXELS + 2 * ROW
    assert strip.height == HEAD_PIXELS + (1 + len(STEPS)) * ROW
    # The middle of the first generated image of each step is as grey as the step was planted.
    for place, step in enumerate(STEPS):
        middle = (MARGIN_PIXELS + SCALE * (4 + SIZE // 2), HEAD_PIXELS + (place + 1) * ROW + ROW // 2)
        assert strip.getpixel(middle) == (*(3 * step,) * 3, 255)
        film.seek(place)
        pixel = film.convert("RGB").getpixel((middle[0], HEAD_PIXELS + ROW + ROW // 2))
        assert pixel == pytest.approx((3 * step,) * 3, abs=4)
    assert "16, 32, 64 and 80 generator steps" in found.words


def test_names_of_classes_have_letters_that_are_not_ascii() -> None:
    # What a font lacks it draws as one and the same box, or not at all. "…" stands where a name is cut.
    drawn = {write_texts((20, 20), [(2, 2, letter)]).tobytes() for letter in ("é", "ß", "ж", "…", "<", " ")}
    assert len(drawn) == 6
    assert [shortened("malignant", most=most) for most in (9, 5, 1, 0)] == ["malignant", "mali…", "…", "…"]


def test_pairs_have_the_generated_image_above_its_nearest(pictured: Trial) -> None:
    found = draw_pairs(pictured)
    assert found is not None
    assert found.copy_ratio == 0.5
    assert list(found.by_class) == ["malignant <b>&", "normal"]
    first = found.by_class["normal"][0]
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(first.uri.partition(",")[2]))), dtype=float)
    made, nearest = image[:SIZE] / 127.5 - 1, image[-SIZE:] / 127.5 - 1
    np.testing.assert_allclose(made, 0.9 * nearest, atol=0.01)
    assert first.is_copy
    distance = pictured.stored["nearest/distance"][pictured.stored["nearest/label"] == 2][0]
    assert distance == pytest.approx(np.linalg.norm(made - nearest), rel=0.05)
    panel = draw_panel(pictured)
    assert panel is not None
    assert panel.size == (8 * (SIZE + 4) + 8, 4 * (SIZE + 4))


def test_a_sheet_has_real_images_on_the_left_and_generated_ones_on_the_right() -> None:
    record = with_samples(planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True))
    sheet = draw_sheet(record)
    assert sheet is not None
    pitch, half = 8 + 4, 10 * (8 + 4) + 8
    assert sheet.size == (2 * half, 2 * pitch)
    pixels = np.asarray(sheet)
    for row, kind, column in ((0, "real", 0), (1, "real", 9), (0, "synthetic", 3), (1, "synthetic", 9)):
        left = (kind == "synthetic") * half + 4 + column * pitch
        image = record.stored[f"samples/{kind}"][10 * row + column]
        there = pixels[row * pitch + 2 :, left:][:8, :8]
        np.testing.assert_array_equal(there[..., :3], image.transpose(1, 2, 0))
        assert (there[..., 3] == 255).all()
    # Between images the page shows, be it light or dark.
    assert (pixels[:, :4, 3] == 0).all()


def test_what_was_not_left_is_not_drawn() -> None:
    bare = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)
    assert [draw(bare) for draw in (draw_sheet, draw_growth, draw_pairs, draw_panel)] == [None] * 4
    assert map_frame(study_of([bare])).empty


def test_pixels_that_are_too_many_or_have_no_colours_are_no_picture() -> None:
    assert to_image(np.zeros((40_001, 1_000, 1), dtype=np.uint8)) is None
    assert to_image(np.zeros((4, 4, 5), dtype=np.uint8)) is None


def test_images_that_nobody_says_the_class_of_are_not_drawn(pictured: Trial) -> None:
    stored = {name: each for name, each in pictured.stored.items() if name != "snapshots/label"}
    assert draw_growth(replace(pictured, stored=stored)) is None


def test_a_map_keeps_apart_what_is_apart_and_is_the_same_each_time() -> None:
    random = np.random.default_rng(0)
    features = np.concatenate([random.normal(size=(30, 5)), 40 + random.normal(size=(30, 5))])
    places = placed(features)
    first, second = places[:30], places[30:]
    apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert apart > max(np.linalg.norm(each - each.mean(axis=0), axis=1).max() for each in (first, second))
    assert np.array_equal(placed(features), places)


def test_the_map_is_of_the_gan_of_the_answer() -> None:
    records = [
        with_pictures(record) if record.phase == "confirm" and record.losses else record
        for record in planted_study()
    ]
    frame = map_frame(study_of(records))
    assert set(frame["balancer"]) == {"dcgan"}
    counts = frame.groupby(["class", "kind"]).size().to_dict()
    assert counts == {
        (name, kind): n for name in ("malignant <b>&", "normal") for kind, n in (("generated", 12), ("real", 20))
    }


def test_points_that_are_nowhere_are_no_map(pictured: Trial) -> None:
    features = pictured.stored["map/features"].copy()
    features[0, 0] = np.nan
    assert with_arrays(pictured, {"map/features": features}).map_points is None


def test_the_best_and_the_worst_trial_of_a_search_stand_side_by_side() -> None:
    found = extreme_trials(
        [with_samples(record) for record in planted_study() if record.phase == "search" and record.stored]
    )
    assert [[trial.objective for trial in both] for both in found] == [[0.08, 0.02], [0.20, 0.05]]
    assert [both[0].balancer for both in found] == ["acgan_<x>", "dcgan"]


def test_the_page_has_them_all_with_words_and_is_silent_without(rich_page: str, plain_page: str) -> None:
    assert rich_page.count('class="film"') == 1
    assert "from the same latents after 16, 32, 64 and 80 generator steps." in rich_page
    text = shown(rich_page)
    assert "below 0.5 the image counts as a copy" in text
    assert "dcgan all classes 20.0 80 250.00 0.5 3" in text
    assert 'id="chart-map"' in rich_page
    for absent in (
        "How the images developed",
        "nearest training images",
        "chart-map",
        "Training and sampling time of each generator",
    ):
        assert absent not in plain_page


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
