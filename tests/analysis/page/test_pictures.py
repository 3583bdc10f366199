"""Which pictures a page has room for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_study.analysis.page.drawings import ALL_SHEETS_BYTES, picture_drawings
from gan_study.analysis.page.pictures import (
    MARKUP_BYTES,
    GrowthPictures,
    PagePictures,
    Picture,
)
from gan_study.analysis.page.report import render, report_tables
from gan_study.analysis.records.load import load_study
from tests.analysis.pictured import draw_here
from tests.analysis.planted import MINORITY, planted_study, study_of, with_arrays, with_samples


def picture(name: str, num_bytes: int) -> Picture:
    return Picture(title=name, alt=f"What {name} shows.", uri="x" * num_bytes)


def pictures(*, samples: int, growths: int) -> PagePictures:
    return PagePictures(
        samples=(picture("first", samples), picture("second", samples)),
        panels=(),
        growths=(GrowthPictures(title="growth", alt="", film="x" * growths, strip=""),),
        extremes=(),
    )


def test_pictures_take_the_room_in_the_order_of_their_worth() -> None:
    # One sample, and the growth, which is two pictures, fill it.
    found = pictures(samples=3000, growths=1500).within(4500 + 3 * MARKUP_BYTES)
    assert [each.title for each in found.samples] == ["first"]
    assert [each.title for each in found.growths] == ["growth"]
    assert found.num_left_out == 1


def test_pictures_of_a_large_study_stay_within_their_room() -> None:
    """Twelve films and strips of noise, which no format makes small, have not all room in 3 MB."""
    noise = np.random.default_rng(0).integers(0, 256, (4 * 4 * 2, 3, 32, 32), dtype=np.uint8)
    snapshots = {
        "snapshots/training": noise[:8],
        "snapshots/training_label": np.repeat(MINORITY, 4),
        "snapshots/generated": noise,
        "snapshots/label": np.repeat(MINORITY, 16),
        "snapshots/generator_steps": np.tile(np.repeat([16, 32, 64, 128], 4), 2),
    }
    records = [
        with_arrays(with_samples(record, size=32), snapshots) if record.losses and record.seed == 1 else record
        for ratio in (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
        for record in planted_study(ratio)
    ]
    whole = draw_here(picture_drawings(study_of(records))).pictures
    assert (len(whole.samples), len(whole.growths)) == (12, 12)
    sizes = [each.num_bytes for each in (*whole.pairs, *whole.samples, *whole.growths)]
    room = sum(sizes) - 1
    found = whole.within(room)
    # All samples, and all growths but the last.
    assert (len(found.samples), len(found.growths), found.num_left_out) == (12, 11, 1)
    assert sum(each.num_bytes for each in (*found.pairs, *found.samples, *found.growths)) <= room
    assert all(each.num_bytes <= ALL_SHEETS_BYTES * 4 / 3 / 12 + MARKUP_BYTES for each in whole.samples)


def test_the_page_says_what_has_no_room(monkeypatch: pytest.MonkeyPatch, rich_folder: Path) -> None:
    study = load_study(rich_folder)
    drawn = draw_here(picture_drawings(study))
    tables = report_tables(study)
    bare = len(render(study, tables, replace(drawn, pictures=drawn.pictures.within(0)), ()).encode())
    # Room for the sample sheet, and for the line that says what is left out.
    first = (*drawn.pictures.pairs, drawn.pictures.samples[0])
    room = bare + sum(each.num_bytes for each in first) + MARKUP_BYTES
    monkeypatch.setattr("gan_study.analysis.page.report.MOST_PAGE_BYTES", room)
    page = render(study, tables, drawn, ())
    assert bare < len(page.encode()) <= room
    assert page.count('class="film"') == 0
    assert "2 images are left out to keep the page below 10 MB" in page
