"""The report in a real browser, from a file and offline."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from gan_study.analysis.page.drawing import Drawing
from gan_study.analysis.page.drawings import page_drawings, picture_drawings
from gan_study.analysis.page.report import write_report
from gan_study.analysis.records.load import Study
from tests.analysis.pictured import draw_here, with_pictures
from tests.analysis.planted import planted_quality, planted_study, with_generated, write_study
from tests.browser import chromium, needs_chromium, opened

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    records = [
        with_pictures(record)
        if (record.balancer, record.phase, record.seed) == ("dcgan", "confirm", 1)
        else record
        for ratio in (10.0, 50.0)
        for record in with_generated(planted_study(ratio), "dcgan", {"normal": planted_quality()})
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: draw_here(_shown(study)))
        return write_report(write_study(folder, records))


def _shown(study: Study) -> Iterator[Drawing]:
    """What the page shows, without the files of charts."""
    yield from picture_drawings(study)
    yield from page_drawings(study)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def drawn(page: Page) -> int:
    """How many charts there are, once all of them are drawn."""
    number = page.locator(".vega").count()
    page.wait_for_function("n => document.querySelectorAll('[data-drawn]').length === n", arg=number)
    return number


def test_every_chart_is_drawn_and_nothing_complains(report: Path, browser: Browser) -> None:
    page, complaints = opened(browser, report)
    assert drawn(page) == 17
    assert page.locator(".vega svg.marks").count() == 17
    assert complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_scrolling_sideways_in_ink_that_stands_out(
    report: Path, browser: Browser, dark: bool
) -> None:
    page, complaints = opened(browser, report, width=360, dark=dark)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ink = page.locator(".vega .role-axis-label text").first.evaluate("text => getComputedStyle(text).fill")
    assert ink == ("rgb(231, 235, 239)" if dark else "rgb(27, 31, 36)")
    assert complaints == []


def test_a_menu_filters_charts_and_tables(report: Path, browser: Browser) -> None:
    page, complaints = opened(browser, report)
    drawn(page)
    cells = page.locator("#chart-gain_map .mark-text.role-mark text")
    rows = page.locator("#table-results tbody tr:visible")
    assert (cells.count(), rows.count()) == (8, 10)
    page.select_option("#filters select[name=imbalance_ratio]", "50")
    page.wait_for_function("document.querySelectorAll('#chart-gain_map .mark-text.role-mark text').length === 4")
    assert rows.count() == 5
    page.select_option("#filters select[name=balancer]", "dcgan")
    page.wait_for_function("document.querySelectorAll('#chart-gain_map .mark-text.role-mark text').length === 1")
    assert cells.text_content() == "+0.120"
    assert rows.count() == 1
    page.select_option("#filters select[name=imbalance_ratio]", "all")
    page.select_option("#filters select[name=balancer]", "all")
    page.wait_for_function("document.querySelectorAll('#chart-gain_map .mark-text.role-mark text').length === 8")
    assert rows.count() == 10
    assert complaints == []


def test_a_class_has_one_cell_for_each_method_over_all_ratios(report: Path, browser: Browser) -> None:
    page, _ = opened(browser, report)
    drawn(page)
    # Two of the three classes have an F1 in every trial, and four methods stand against no balancing.
    assert page.locator("#chart-classes .mark-rect.role-mark path").count() == 8


def test_one_map_is_shown_and_a_menu_chooses_another(report: Path, browser: Browser) -> None:
    page, complaints = opened(browser, report)
    drawn(page)
    points = page.locator("#chart-map .mark-symbol.role-mark path")
    # 20 real and 12 generated images of two classes.
    assert points.count() == 64
    page.select_option("#filters select[name=imbalance_ratio]", "50")
    assert points.count() == 64
    # A method that has neither a map nor curves.
    page.select_option("#filters select[name=balancer]", "smote")
    page.wait_for_function("!document.querySelector('#chart-map .mark-symbol.role-mark path')")
    assert complaints == []


def test_in_print_and_without_motion_a_strip_stands_for_the_film(report: Path, browser: Browser) -> None:
    page, _ = opened(browser, report)
    drawn(page)
    film, strip = page.locator(".film").first, page.locator(".strip img").first
    assert (film.is_visible(), strip.is_visible()) == (True, False)
    page.emulate_media(reduced_motion="reduce")
    assert (film.is_visible(), strip.is_visible()) == (False, True)
    page.emulate_media(media="print", color_scheme="dark", reduced_motion="no-preference")
    assert (film.is_visible(), strip.is_visible()) == (False, True)
    assert not page.locator("#filters").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_heading_sorts_by_number_and_back(report: Path, browser: Browser) -> None:
    page, _ = opened(browser, report)
    table = page.locator("#table-results")
    page.locator("#results .toggle input").first.check()
    table.get_by_role("button", name="Minority F1", exact=True).click()
    column = [float(text.split()[0]) for text in table.locator("tbody tr td:nth-child(6)").all_inner_texts()]
    assert column == sorted(column)
    assert column[0] < column[-1]
    table.get_by_role("button", name="Minority F1", exact=True).click()
    assert table.locator("th[aria-sort=descending]").count() == 1
    descending = [float(text.split()[0]) for text in table.locator("tbody tr td:nth-child(6)").all_inner_texts()]
    assert descending == sorted(column, reverse=True)


def test_hovering_tells_the_numbers(report: Path, browser: Browser) -> None:
    page, _ = opened(browser, report)
    drawn(page)
    page.locator("#chart-gain_map .mark-text.role-mark text").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "balancer" in page.locator("#vg-tooltip-element").inner_text()


def test_the_data_behind_a_chart_are_downloaded_and_lie_beside_it(
    report: Path, browser: Browser, tmp_path: Path
) -> None:
    page, _ = opened(browser, report)
    with page.expect_download() as download:
        page.locator("a[download='gain_map.csv']").click()
    download.value.save_as(tmp_path / "gain_map.csv")
    assert (tmp_path / "gain_map.csv").read_bytes() == (report.parent / "plots" / "gain_map.csv").read_bytes()
    rows = list(csv.DictReader((tmp_path / "gain_map.csv").read_text(encoding="utf-8").splitlines()))
    dcgan = [float(row["mean"]) for row in rows if row["balancer"] == "dcgan"]
    assert dcgan == pytest.approx([0.12, 0.12], abs=1e-12)


def test_a_row_leads_to_the_trials_that_it_was_made_from(report: Path, browser: Browser) -> None:
    page, _ = opened(browser, report)
    row = page.locator("#table-results tbody tr").first
    page.locator("#results .toggle input").first.check()
    row.locator("summary").click()
    link = row.locator("a").first
    name = link.inner_text()
    link.click()
    assert page.locator("tr:target code").inner_text() == name
