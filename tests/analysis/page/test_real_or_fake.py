import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser
from statsmodels.stats.proportion import proportion_confint

from gan_study.analysis.page.people import people_tables, study_answers
from gan_study.analysis.page.real_or_fake import PAGE_FILE, Round, rounds, titles
from gan_study.analysis.page.report import render_quiz
from gan_study.analysis.records.answers import ANSWERS_FOLDER
from gan_study.analysis.records.load import Study
from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.trial.artifacts import sample_arrays
from tests.analysis.planted import CLASS_NAMES, MINORITY, planted_record, study_of, with_arrays
from tests.browser import chromium, needs_chromium, opened

REAL, GENERATED = {1: 10, 2: 2}, {1: 12, 2: 12}


def shade(*, label: int, synthetic: bool, place: int) -> int:
    """A grey that tells every image of the planted grid apart."""
    return 20 + 100 * synthetic + 50 * (label == 2) + 4 * place


def planted_images() -> dict[str, np.ndarray]:
    """Ten real and twelve generated images of a class, and two real ones of another, as a trial leaves them."""
    rows = [
        (label, synthetic, place)
        for label in MINORITY
        for synthetic, numbers in ((False, REAL), (True, GENERATED))
        for place in range(numbers[label])
    ]
    greys = [shade(label=label, synthetic=synthetic, place=place) for label, synthetic, place in rows]
    training = TrainingSet(
        images=torch.tensor(greys, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 6, 6) / 127.5 - 1,
        labels=torch.tensor([label for label, _, _ in rows]),
        weights=torch.ones(len(rows)),
        synthetic=torch.tensor([synthetic for _, synthetic, _ in rows]),
        classes=Classes(names=CLASS_NAMES, minority=MINORITY),
    )
    return sample_arrays(training)


@pytest.fixture
def study() -> Study:
    record = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)
    simple = planted_record(balancer="smote", validation=0.5, test=0.5)
    return study_of([with_arrays(each, planted_images()) for each in (record, simple)])


def greys(images: tuple[bytes, ...]) -> list[int]:
    arrays = [np.asarray(Image.open(io.BytesIO(image)).convert("L")) for image in images]
    assert all(array.shape == (6, 6) and array.std() == 0 for array in arrays)
    return [int(array[0, 0]) for array in arrays]


def test_a_round_has_ten_real_images_and_ten_generated_ones_of_a_gan(study: Study) -> None:
    (only,) = rounds(study)
    assert only.title == f"{CLASS_NAMES[1]}: dcgan, ratio 10, shapes"
    assert greys(only.real) == [shade(label=1, synthetic=False, place=place) for place in range(10)]
    assert greys(only.generated) == [shade(label=1, synthetic=True, place=place) for place in range(10)]


def test_a_study_without_samples_has_no_round() -> None:
    bare = study_of([planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)])
    assert rounds(bare) == ()
    assert "No GAN of this study" in render_quiz(bare, rounds(bare))


def test_what_does_not_fit_on_the_page_is_left_out(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    (only,) = rounds(study)
    monkeypatch.setattr("gan_study.analysis.page.real_or_fake.MOST_BYTES", only.num_bytes)
    assert rounds(study) == (only,)
    monkeypatch.setattr("gan_study.analysis.page.real_or_fake.MOST_BYTES", only.num_bytes - 1)
    assert rounds(study) == ()
    assert Round(title="", real=(b"ab",), generated=(b"c",)).num_bytes == 3


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@needs_chromium
def test_a_person_marks_each_image_and_is_told_how_well_and_can_save_it(
    study: Study, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / PAGE_FILE
    path.write_text(render_quiz(study, rounds(study)), encoding="utf-8")
    page, complaints = opened(browser, path, width=360)
    items = page.locator("#images li")
    assert items.count() == 20
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    is_real = page.evaluate("shown.map((image) => image.real)")
    assert sorted(is_real) == [False] * 10 + [True] * 10
    # Three real images are taken for generated ones, so 17 of 20 are right.
    mistaken = {place for place, real in enumerate(is_real) if real and is_real[:place].count(True) < 3}
    for place, real in enumerate(is_real):
        assert page.locator("#ask").is_disabled()
        mark = "generated" if not real or place in mistaken else "real"
        items.nth(place).locator(f"input[value={mark}]").check()
    page.locator("#ask").click()
    low, high = proportion_confint(17, 20, method="wilson")
    text = page.locator("#result").inner_text()
    assert text.startswith("17 of 20 right: 85 %")
    assert f"{low:.0%} to {high:.0%}".replace("%", " %") in text
    assert text.endswith("They can be told apart.")
    assert page.locator("li[data-right=no]").count() == 3
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "saved.json")
    saved = json.loads((tmp_path / "saved.json").read_text(encoding="utf-8"))
    assert (saved["correct"], saved["total"], len(saved["images"])) == (17, 20, 20)
    assert (saved["low"], saved["high"]) == pytest.approx((low, high), abs=1e-9)
    page.locator("#again").click()
    assert page.locator("#outcome").is_hidden()
    # What was saved is what the report counts; who has seen the result is not counted again.
    put(tmp_path, "one", saved)
    for place in range(20):
        items.nth(place).locator("input[value=real]").check()
    page.locator("#ask").click()
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / ANSWERS_FOLDER / "two.json")
    of_it = replace(study, folder=tmp_path)
    (table,) = people_tables(of_it)
    assert table.text.iloc[0, :5].tolist() == [
        *("malignant <b>&: dcgan, ratio 10, shapes", 1, "17 of 20", f"0.850 [{low:.3f}, {high:.3f}]", "0 of 10"),
    ]
    assert study_answers(of_it).left_out == (
        "answers/two.json: given after the person had seen which images are real.",
    )
    assert complaints == []


def put(folder: Path, name: str, content: object) -> None:
    """A file among the answers of the study in `folder`."""
    (folder / ANSWERS_FOLDER).mkdir(exist_ok=True)
    (folder / ANSWERS_FOLDER / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def marks(*, right: int, fooled: int) -> list[dict[str, str]]:
    """Ten marks of five real and five generated images, `fooled` of these taken for real."""
    mistaken = 10 - right - fooled
    counts = {
        ("real", "generated"): mistaken,
        ("real", "real"): 5 - mistaken,
        ("generated", "real"): fooled,
        ("generated", "generated"): 5 - fooled,
    }
    return [{"is": truth, "marked": marked} for (truth, marked), times in counts.items() for _ in range(times)]


def saved(study: Study, *, right: int, fooled: int) -> dict[str, object]:
    (title,) = titles(study)
    return {"study": study.name, "round": title, "attempt": 1, "images": marks(right=right, fooled=fooled)}


def test_the_answers_of_all_people_are_counted_together(study: Study, tmp_path: Path) -> None:
    of_it = replace(study, folder=tmp_path)
    put(tmp_path, "a", saved(study, right=6, fooled=3))
    put(tmp_path, "b", saved(study, right=4, fooled=4))
    (table,) = people_tables(of_it)
    row = table.numbers.iloc[0]
    assert row[["people", "right", "marked", "fooled", "generated"]].tolist() == [2, 10, 20, 7, 10]
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(10, 20, method="wilson"), abs=1e-9)
    assert table.text["Finding"].item() == "no evidence that they can be told apart"
    assert row["trial_ids"] == titles(study)[row["round"]]


def test_what_are_no_first_answers_to_this_study_is_left_out_and_said(study: Study, tmp_path: Path) -> None:
    good = saved(study, right=6, fooled=3)
    put(tmp_path, "a", good)
    wrong = {
        "b: the same as a.json": good,
        "c: of another study": {**good, "study": "other"},
        "d: of a round that the study does not have": {**good, "round": "x"},
        "e: given after the person had seen which images are real": {**good, "attempt": 2},
        "f: an image that is not marked as real or generated": {**good, "images": [{"is": "real", "marked": "?"}]},
        "g: without a marked image": {**good, "images": []},
        "h: no answers of real_or_fake.html": ["real"],
        "i: no answers of real_or_fake.html": {**good, "attempt": True},
    }
    for what, content in wrong.items():
        put(tmp_path, what[0], content)
    (tmp_path / ANSWERS_FOLDER / "j.json").write_text("{", encoding="utf-8")
    (tmp_path / ANSWERS_FOLDER / "k.json").mkdir()
    found = study_answers(replace(study, folder=tmp_path))
    assert len(found.found) == 1
    expected = [f"answers/{what[0]}.json: {what[3:]}." for what in wrong]
    assert list(found.left_out[:-2]) == expected
    assert found.left_out[-2].startswith("answers/j.json: not JSON (") and "k.json" in found.left_out[-1]
