"""One rendered report for all tests that read a page: to draw it takes seconds."""

from pathlib import Path

import numpy as np
import pytest

from gan_study.analysis.page.drawings import picture_drawings
from gan_study.analysis.page.report import write_report
from gan_study.analysis.records.trial import Trial
from tests.analysis.pictured import draw_here, with_pictures
from tests.analysis.planted import (
    planted_quality,
    planted_study,
    with_arrays,
    with_generated,
    with_samples,
    with_test_epochs,
    write_study,
)


@pytest.fixture(scope="session")
def rich_records() -> list[Trial]:
    """A study with everything that a page can show: samples, pictures, quality, times and tested epochs."""
    records = [
        with_test_epochs(
            with_arrays(
                with_pictures(with_samples(record)),
                {
                    "gan/seconds": np.array([10.0 * record.seed]),
                    "gan/sampling_seconds": np.array([0.25 * record.seed]),
                },
            ),
            [0.5, 0.95],
        )
        if record.balancer == "dcgan" and record.phase == "confirm"
        else record
        for record in planted_study()
    ]
    return with_generated(records, "dcgan", *[{"normal": planted_quality(fid=None)}] * 3)


@pytest.fixture(scope="session")
def rich_folder(rich_records: list[Trial], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that study, with its report."""
    folder = write_study(tmp_path_factory.mktemp("rich"), rich_records)
    write_report(folder)
    return folder


@pytest.fixture(scope="session")
def rich_page(rich_folder: Path) -> str:
    """Its page."""
    return (rich_folder / "report" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose trials left nothing but scores, with its report, but for figures and charts."""
    folder = write_study(tmp_path_factory.mktemp("my <study> & yours"), planted_study())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gan_study.analysis.page.report.draw_apart", lambda study, plotted: draw_here(picture_drawings(study))
        )
        write_report(folder)
    return folder


@pytest.fixture(scope="session")
def plain_page(plain_folder: Path) -> str:
    """Its page."""
    return (plain_folder / "report" / "report.html").read_text(encoding="utf-8")
