"""What a page looks like in a browser: nothing is cut off, no label lies over another, the answer comes first."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gan_study.analysis.page.report import write_report
from gan_study.analysis.records.trial import Trial
from gan_study.trainables.records.record import GeneratedImages, SearchTrial
from tests.analysis.planted import (
    class_arrays,
    confirmed_arm,
    planted_study,
    search_trials,
    softmax,
    with_arrays,
    with_samples,
    write_study,
)
from tests.browser import chromium, needs_chromium, opened

pytestmark = needs_chromium

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
METHODS = ("none", "random_oversampling", "class_weights", "smote", "dcgan", "projection_sngan")
# Two of them nearly coincide.
RATIOS = (2.0, 5.0, 5.5, 50.0, 100.0)
MOST_PAGES, FIRST_SCREEN = 10, 900


def of_ten_classes(record: Trial) -> Trial:
    """`record` with scores and counts of ten classes, the last five of them rare."""
    if not record.stored:
        return record
    rng = np.random.default_rng([record.seed, len(record.balancer)])
    counts = np.array([500] * 5 + [max(4, int(500 / record.imbalance_ratio))] * 5)
    arrays = {name: counts for name in record.stored if name.startswith("counts/")}
    for part in record.scores:
        arrays |= {f"{part}/{name}": rng.uniform(0.3, 0.9, (2, 10)) for name in ("precision", "recall", "f1")}
        arrays[f"{part}/confusion_matrix"] = rng.integers(0, 9, (2, 10, 10)) + 60 * np.eye(10, dtype=int)
    found = with_arrays(record, {**class_arrays(CLASSES, range(5, 10)), **arrays})
    return trained(found, rng) if record.phase == "confirm" else searched(found)


def trained(record: Trial, rng: np.random.Generator) -> Trial:
    """A confirmed trial with predictions, several fits, losses of the classifier and how its GANs went."""
    labels = np.repeat(np.arange(10), 6)
    likely = softmax(rng.normal(size=(2, 60, 10)) + 2 * np.eye(10)[labels])
    reached = record.scores["test"]["minority_f1"]
    arrays = {
        "test/labels": labels,
        "test/probabilities": likely.astype(np.float32),
        "scores/metrics": np.array(["minority_f1"]),
        "test/overall": np.array([[reached], [reached]]) + rng.normal(scale=0.01, size=(2, 1)),
        "classifier/training_loss": np.array([[2.0, 1.0, 0.5, 0.3]] * 2),
        "classifier/validation_loss": np.array([[np.nan, 1.2, np.nan, 0.6]] * 2),
    }
    if record.losses:
        steps = np.arange(250, 3001, 250)
        arrays |= {
            "gan/taken_from": np.array([2250]),
            "gan/reason": np.array(["cap"]),
            "gan/still_improving": np.array([record.seed % 2]),
            "gan/length_steps": steps[None],
            "gan/length_distances": (1 / steps + rng.uniform(0, 1e-4, len(steps)))[None],
        }
        record = replace(record, generated=GeneratedImages(dose=0.5, num_made=200, num_passed=1))
    return with_arrays(record, arrays)


def searched(record: Trial) -> Trial:
    """A search trial with a point of three parameters, the dose among them."""
    if record.search is None:
        return record
    number = record.search.number
    dose = (0.25, 0.5, 1.0)[number % 3]
    params = {
        "balancing/gan/learning_rate": 1e-5 * 2**number,
        "balancing/gan/generator_steps": 500 * (number + 1),
        "balancing/dose": dose,
        "balancing/plan": ("none", "balanced_softmax")[number % 2],
    }
    made = GeneratedImages(dose=dose, num_made=int(400 * dose), num_passed=1)
    return replace(record, search=SearchTrial(number=number, params=params), generated=made)


def ten_classes() -> list[Trial]:
    """Five ratios, four methods and two GANs, of which another one is best at the largest ratios; a search."""
    records = []
    for place, ratio in enumerate(RATIOS):
        for number, method in enumerate(METHODS):
            gan = number >= 4
            reached = 0.8 - 0.12 * place + (0.02 * number * (place if number == 5 else 1) if number else 0.0)
            scores = [reached, reached + 0.01, reached - 0.01, reached + 0.004]
            records += confirmed_arm(method, validation=scores, test=scores, gan=gan, ratio=ratio)
        records += search_trials("dcgan", [0.01 * n for n in range(12)], first=0, ratio=ratio)
    return [
        with_samples(of_ten_classes(record)) if record.losses else of_ten_classes(record) for record in records
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def ten_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("ten"), ten_classes())
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def half_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of which most of the confirmation failed."""
    records = [
        record
        if record.phase != "confirm" or record.seed == 1
        else replace(record, status="failed", failure="no room", scores={}, arrays=None, stored={})
        for record in planted_study()
    ]
    folder = write_study(tmp_path_factory.mktemp("half"), records)
    write_report(folder)
    return folder


def shown(browser: Browser, folder: Path, *, width: int, dark: bool) -> Page:
    """The page of a study once every chart is drawn."""
    page, complaints = opened(browser, folder / "report" / "report.html", width=width, dark=dark)
    number = page.locator(".vega").count()
    page.wait_for_function("n => document.querySelectorAll('[data-drawn]').length === n", arg=number)
    assert complaints == []
    return page


# Elements that end to the right of the window and do not lie in a part of the page that scrolls by itself.
CUT_OFF = """
() => [...document.querySelectorAll('body *')].filter((each) => {
  const box = each.getBoundingClientRect();
  if (box.width <= 1 || box.right <= innerWidth + 1) return false;
  if (each.closest('.scroll, .tall, pre, svg, thead')) return false;
  return getComputedStyle(each).visibility !== 'hidden';
}).map((each) => each.outerHTML.slice(0, 120))
"""
# Pairs of labels of one axis, and of texts of one chart, that lie over one another.
OVERLAPPING = """
() => [...document.querySelectorAll('svg .role-axis-label, svg .mark-text.role-mark')].flatMap((group) => {
  const seen = (text) => text.textContent && getComputedStyle(text).opacity > 0;
  const texts = [...group.querySelectorAll('text')].filter(seen);
  const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], place) => boxes.slice(place + 1).filter(([, q]) =>
    p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3
  ).map(([b]) => `${a} | ${b}`));
})
"""

WIDE = (1400, False)
SIZES = (WIDE, (1400, True), (768, False), (768, True), (390, False), (390, True))


def pages() -> Iterator[object]:
    """Each study at each size; the large and the half study at the first size alone in `make test`."""
    for study, size in product(("rich_folder", "ten_folder", "half_folder"), SIZES):
        marks = [] if study == "rich_folder" and size == WIDE else [pytest.mark.slow]
        if study != "rich_folder" and size != WIDE:
            marks = [pytest.mark.soak]
        width, dark = size
        yield pytest.param(study, width, dark, id=f"{study}-{width}{'-dark' if dark else ''}", marks=marks)


@pytest.mark.parametrize(("study", "width", "dark"), list(pages()))
def test_nothing_is_cut_off_or_lies_over_something(
    study: str, width: int, dark: bool, browser: Browser, request: pytest.FixtureRequest
) -> None:
    page = shown(browser, request.getfixturevalue(study), width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate("dispatchEvent(new Event('resize'))")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(OVERLAPPING) == []
    page.close()


@pytest.mark.parametrize("study", ["rich_folder", pytest.param("ten_folder", marks=pytest.mark.slow)])
def test_the_answer_its_chart_and_samples_are_seen_first(
    study: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    page = shown(browser, request.getfixturevalue(study), width=1400, dark=False)
    for part in (".verdicts", ".tiles", ".first .chart svg.marks", ".pair"):
        box = page.locator(part).first.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= FIRST_SCREEN, part
    assert page.locator("nav.side").is_visible() and not page.locator("details.contents").is_visible()
    page.set_viewport_size({"width": 768, "height": 900})
    assert page.locator("details.contents").is_visible() and not page.locator("nav.side").is_visible()
    page.close()


@pytest.mark.parametrize("study", ["rich_folder", pytest.param("ten_folder", marks=pytest.mark.slow)])
def test_it_prints_on_few_pages(study: str, browser: Browser, request: pytest.FixtureRequest) -> None:
    page = shown(browser, request.getfixturevalue(study), width=1000, dark=False)
    assert 1 < len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4"))) <= MOST_PAGES
    page.close()


@pytest.mark.parametrize(
    ("study", "dark"),
    [
        ("rich_folder", False),
        pytest.param("rich_folder", True, marks=pytest.mark.slow),
        pytest.param("ten_folder", False, marks=pytest.mark.slow),
        pytest.param("half_folder", False, marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(study: str, dark: bool, browser: Browser, request: pytest.FixtureRequest) -> None:
    page = shown(browser, request.getfixturevalue(study), width=1400, dark=dark)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in found] == []
    page.close()


def test_a_sample_is_enlarged_and_a_chart_menu_has_a_name(rich_folder: Path, browser: Browser) -> None:
    page = shown(browser, rich_folder, width=1400, dark=False)
    page.locator(".pair button.enlarge").first.click()
    large = page.locator("dialog img").bounding_box()
    assert large is not None and large["width"] > 1000
    page.locator("dialog").click()
    expect(page.locator("dialog")).to_have_count(0)
    names = [each.get_attribute("aria-label") for each in page.locator(".vega-embed summary").all()]
    assert names and all(name and name.startswith("Save the chart: ") for name in names)
    page.close()


def test_more_columns_show_without_a_script(rich_folder: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto((rich_folder / "report" / "report.html").as_uri())
    headings = page.locator("#table-results th:visible")
    assert [each for each in headings.all_inner_texts() if each] == [
        "Method",
        "Gain in F1",
        "Verdict",
        "Seeds needed",
    ]
    page.locator("#results .toggle input").first.check()
    assert "Minority recall" in headings.all_inner_texts()
    context.close()


def test_one_colour_means_one_kind_of_method() -> None:
    from gan_study.analysis.plots.palette import CLASS_COLOURS, KIND_COLOURS

    assert not {each.lower() for each in CLASS_COLOURS} & {each.lower() for each in KIND_COLOURS.values()}
