"""What a page looks like in a browser: nothing is cut off, no label lies over another, the answer comes first."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gan_study.analysis.records.trial import Trial
from gan_study.trainables.records.record import GeneratedImages, SearchTrial
from tests.analysis.pictured import write_page
from tests.analysis.planted import (
    class_arrays,
    confirmed_arm,
    planted_quality,
    planted_study,
    quality_arrays,
    search_trials,
    softmax,
    with_arrays,
    with_samples,
    write_study,
)
from tests.browser import chromium, needs_chromium, opened

pytestmark = needs_chromium

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# How far their images are from real ones, as multiples of the distance of real ones.
DISTANCES = {"dcgan": 3.0, "projection_sngan": 1.3, "smote": 1.1}
METHODS = ("none", "random_oversampling", "class_weights", "smote", "dcgan", "projection_sngan")
# Two of them nearly coincide.
RATIOS = (2.0, 5.0, 5.5, 50.0, 100.0)
MOST_PAGES = 10
# What ends within the first 900 pixels, by the width of the window: the samples of three classes follow below on a
# tablet, and the chart on a phone.
FIRST_PIXELS = 900
ANSWER = (".verdicts", ".tiles tbody")
FIRST_SCREEN = {
    1400: (*ANSWER, ".first .chart svg.marks", ".pair"),
    768: (*ANSWER, ".first .chart svg.marks"),
    390: ANSWER,
}
# The smallest letters of charts, in pixels: of names and titles of axes, and of any text.
SMALLEST_LABEL, SMALLEST_TEXT = {1400: 13, 768: 13, 390: 13}, {1400: 12, 768: 11, 390: 11}


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
    arrays: dict[str, np.ndarray] = {
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
    if record.balancer in DISTANCES:
        distance = DISTANCES[record.balancer] * (1 + 0.02 * record.imbalance_ratio)
        measured = {"normal": planted_quality(fid=30 * distance, kid=0.01 * distance)}
        arrays |= {**quality_arrays(measured), "quality/classes": np.array([CLASSES.index("dog")])}
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
            tested = [score + 0.003 * number for score in scores]
            records += confirmed_arm(method, validation=scores, test=tested, gan=gan, ratio=ratio)
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
    write_page(folder)
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
    write_page(folder)
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
# All that is seen in each chart: its texts, and its marks that are points, with their boxes.
CHARTS = """
() => {
  const seen = (part) => {
    for (let each = part; each.tagName !== 'svg'; each = each.parentElement) {
      const { opacity, visibility, display } = getComputedStyle(each);
      if (Number(opacity) === 0 || visibility === 'hidden' || display === 'none') return false;
    }
    return part.getBoundingClientRect().width > 0;
  };
  const box = ({ left, right, top, bottom }) => ({ left, right, top, bottom });
  return [...document.querySelectorAll('svg.marks')].map((svg) => {
    const all = (selector) => [...svg.querySelectorAll(selector)].filter(seen);
    return {
      name: svg.closest('[id]').id,
      box: box(svg.getBoundingClientRect()),
      texts: all('text').filter((each) => each.textContent.trim()).map((each) => ({
        text: each.textContent,
        box: box(each.getBoundingClientRect()),
        size: parseFloat(getComputedStyle(each).fontSize),
        label: each.closest('.role-axis-label, .role-axis-title') !== null,
        tick: each.closest('.role-axis-label') !== null && !/rotate/.test(each.getAttribute('transform')),
      })),
      points: all('.mark-symbol.role-mark path').map((each) => box(each.getBoundingClientRect())),
      cells: all('.mark-rect.role-mark path').length,
      numbers: all('.mark-text.role-mark text').length,
    };
  });
}
"""
# The texts of each table that are seen: its headings, and its cells row by row.
TABLES = """
() => {
  const seen = (parts) => [...parts].filter((each) => each.checkVisibility());
  return seen(document.querySelectorAll('main .table table')).map((table) =>
    [...table.rows].map((row) => seen(row.cells).map((cell) => cell.innerText.trim()))
  );
}
"""
# Headings of the printed page that may stand at the end of a page without what they are of.
LOOSE_HEADINGS = """
() => [...document.querySelectorAll('main h2, main h3')].flatMap((each) => {
  if (!each.checkVisibility()) return [];
  const loose = [];
  for (let part = each; part && !part.matches('figure, .table, .samples'); part = part.nextElementSibling) {
    if (part.matches('ul, dl, pre, details, div') || (part !== each && part.matches('h2, h3'))) break;
    const next = part.nextElementSibling;
    const leads = part === each || next?.matches('figure, .table, .samples');
    const { breakAfter, breakInside } = getComputedStyle(part);
    if (leads && breakAfter !== 'avoid') loose.push(part.innerText);
    if (part !== each && breakInside !== 'avoid') loose.push(part.innerText);
  }
  return loose;
})
"""

WIDE, PHONE = (1400, False), (390, True)
SIZES = (WIDE, (1400, True), (768, False), (768, True), (390, False), PHONE)
# Those of `make test`, of the small study and of the large one.
MANY, FEW = (WIDE, (1400, True), (768, False), PHONE), (WIDE, PHONE)


def pages() -> Iterator[object]:
    """Each study at each size; some of them in `make test`, and the study that failed at the first size alone."""
    in_test = {"rich_folder": MANY, "ten_folder": FEW, "half_folder": (WIDE,)}
    for study, size in product(in_test, SIZES):
        marks = [pytest.mark.slow if size in in_test[study] else pytest.mark.soak]
        width, dark = size
        yield pytest.param(study, width, dark, id=f"{study}-{width}{'-dark' if dark else ''}", marks=marks)


@pytest.mark.parametrize(("study", "width", "dark"), list(pages()))
def test_a_page_is_whole_and_clear_at_every_size(
    study: str, width: int, dark: bool, browser: Browser, request: pytest.FixtureRequest
) -> None:
    page = shown(browser, request.getfixturevalue(study), width=width, dark=dark)
    if study != "half_folder":
        assert late_parts(page, width) == []
        assert said_twice(page.evaluate(TABLES)) == []
    assert page.locator(".first > .caveats li").count() <= 2
    assert page.locator("#caveats li:visible").count() == 0
    assert page.locator("nav.side").is_visible() == (width == 1400)
    assert page.locator("details.contents").is_visible() == (width < 1400)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate("dispatchEvent(new Event('resize'))")
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF) == []
    charts = page.evaluate(CHARTS)
    assert len(charts) > 5
    assert [fault for chart in charts for fault in faults_of(chart, width)] == []
    if dark:
        assert {menu_brightness(page, part) < 0.3 for part in ("summary", ".vega-actions")} == {True}
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in found] == []
    page.close()


def late_parts(page: Page, width: int) -> list[str]:
    """What should be on the first screen and is not."""
    boxes = {part: page.locator(part).first.bounding_box() for part in FIRST_SCREEN[width]}
    return [
        part
        for part, box in boxes.items()
        if box is None or box["y"] < 0 or box["y"] + box["height"] > FIRST_PIXELS
    ]


def said_twice(tables: list[list[list[str]]]) -> list[tuple[str, ...]]:
    """The numbers of a condition and a method that stand in two tables, each with what it is of."""
    seen: Counter[tuple[str, ...]] = Counter()
    for headings, *rows in tables:
        names = [n for n, each in enumerate(headings) if each in ("Imbalance ratio", "Method", "Class", "Score")]
        for row in rows:
            key = tuple(row[n] for n in names)
            seen.update({(*key, cell) for cell in row if re.fullmatch(r"[+−]\d\.\d{3}( \[.*)?", cell)})
    return [each for each, times in seen.items() if times > 1]


def faults_of(chart: dict[str, Any], width: int) -> list[str]:
    """Texts outside a chart, over one another, under a point, too near or too small; cells without a number."""
    texts, whole = chart["texts"], chart["box"]
    found = [f"{each['text']} is cut" for each in texts if not holds(whole, each["box"])]
    found += [f"{a['text']} lies over {b['text']}" for a, b in combinations(texts, 2) if overlap(a, b)]
    ticks = [each for each in texts if each["tick"]]
    found += [
        f"{one['text']} touches {other['text']}" for one, other in combinations(ticks, 2) if touch(one, other)
    ]
    points = [{"box": each} for each in chart["points"]]
    found += [f"a point lies on {each['text']}" for each in texts if any(overlap(each, point) for point in points)]
    found += [f"{each['text']} is small" for each in texts if each["size"] < SMALLEST_TEXT[width]]
    found += [f"{each['text']} is small" for each in ticks if each["size"] < SMALLEST_LABEL[width]]
    if chart["name"] in ("chart-gain_map", "chart-classes") and chart["numbers"] != chart["cells"]:
        found.append(f"{chart['numbers']} numbers in {chart['cells']} cells")
    return [f"{chart['name']}: {each}" for each in found]


def holds(outer: dict[str, float], inner: dict[str, float]) -> bool:
    return (
        outer["left"] - 1 <= inner["left"]
        and inner["right"] <= outer["right"] + 1
        and outer["top"] - 1 <= inner["top"]
        and inner["bottom"] <= outer["bottom"] + 1
    )


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether letters do; the box of a text is higher than they are."""
    p, q = one["box"], other["box"]
    beside = p["left"] < q["right"] - 2 and q["left"] < p["right"] - 2
    return bool(beside and p["top"] < q["bottom"] - 3 and q["top"] < p["bottom"] - 3)


def touch(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two ticks of one line are less than three pixels apart."""
    p, q = one["box"], other["box"]
    return bool(abs(p["top"] - q["top"]) < 2 and max(p["left"], q["left"]) - min(p["right"], q["right"]) < 3)


def menu_brightness(page: Page, part: str) -> float:
    """That of a part of a chart's menu, from 0 to 1."""
    colour = page.locator(f".vega-embed {part}").first.evaluate("each => getComputedStyle(each).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / (3 * 255)


@pytest.mark.parametrize("study", ["rich_folder", pytest.param("ten_folder", marks=pytest.mark.slow)])
def test_it_prints_on_few_pages_with_headings_at_their_figures(
    study: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    page = shown(browser, request.getfixturevalue(study), width=1000, dark=False)
    assert 1 < len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4"))) <= MOST_PAGES
    page.emulate_media(media="print")
    assert page.evaluate(LOOSE_HEADINGS) == []
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
