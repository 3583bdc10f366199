"""Which pictures a page has room for."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_study.analysis.page_pictures import MARKUP_BYTES, GrowthPictures, PagePictures, Picture
from gan_study.analysis.report import write_report
from gan_study.trainables.record import TrialRecord
from tests.analysis.pictured import with_pictures
from tests.analysis.planted import planted_study, with_samples, write_study


def picture(name: str, num_bytes: int) -> Picture:
    return Picture(section="s", title=name, alt=f"What {name} shows.", uri="x" * num_bytes)


def pictures(*, figures: int, samples: int, growths: int) -> PagePictures:
    return PagePictures(
        figures=(picture("figure", figures),),
        samples=(picture("first", samples), picture("second", samples)),
        panels=(),
        growths=(GrowthPictures(title="growth", alt="", film="x" * growths, strip=""),),
        extremes=(),
    )


def test_pictures_take_the_room_in_the_order_of_their_worth() -> None:
    # The figure, one sample, and the growth, which is two pictures, fill it.
    found = pictures(figures=500, samples=3000, growths=1500).within(5000 + 4 * MARKUP_BYTES)
    assert [each.title for each in found.samples] == ["first"]
    assert [each.title for each in found.growths] == ["growth"]
    assert found.num_left_out == 1
    assert found.figures[0].has_room


def test_a_figure_without_room_stays_in_words() -> None:
    found = pictures(figures=2101, samples=50, growths=1).within(100 + 2 * MARKUP_BYTES)
    assert (found.figures[0].uri, found.figures[0].has_room) == (None, False)
    assert found.figures[0].alt == "What figure shows."
    assert len(found.samples) == 2
    assert found.num_left_out == 2


def fat(folder: Path, record: TrialRecord) -> TrialRecord:
    """`record` with samples, and with a growth of noise that no PNG makes smaller."""
    record = with_samples(folder, with_pictures(folder, record), size=(900, 300))
    path = folder / record.artifacts["growth"]
    with Image.open(path) as opened:
        text = opened.info["growth"].replace('"size": 8', '"size": 128')
    noise = np.random.default_rng(record.seed).integers(0, 256, (5 * 132, 2 * 536, 3), dtype=np.uint8)
    info = PngInfo()
    info.add_itxt("growth", text)
    Image.fromarray(noise).save(path, pnginfo=info)
    return record


def test_a_page_of_a_large_study_stays_below_10_mb_and_says_what_is_left_out(tmp_path: Path) -> None:
    records = [
        fat(tmp_path, record) if record.losses and record.seed <= 1 else record
        for ratio in (10.0, 50.0)
        for record in planted_study(ratio)
    ]
    page = write_report(write_study(tmp_path, records))
    assert 5_000_000 < page.stat().st_size < 10_000_000
    text = page.read_text(encoding="utf-8")
    assert "pictures have no room in a page of less than 10 MB" in text
    assert text.count('class="film"') >= 1
