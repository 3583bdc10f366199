import html
import re
import shlex
from pathlib import Path

import pytest

from gan_study.analysis.charts import charts
from gan_study.analysis.image_map import map_frame
from gan_study.analysis.load import load_study
from gan_study.analysis.page_pictures import page_pictures
from gan_study.analysis.report import render, report_tables, write_report
from tests.analysis.planted import planted_record, planted_study, with_samples, write_study


def shown(page: str) -> str:
    """The text of a page as a reader sees it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.split("<body>")[1])).split())


def text_of_page(folder: Path) -> str:
    """That of the page of a study, for tests that do not ask about its figures: to draw them takes longest."""
    study = load_study(folder)
    pictures, plotted = page_pictures(study, []), charts(study.records, map_frame(study))
    return shown(render(study, report_tables(study), pictures, plotted))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("study")
    records = [
        with_samples(folder, record) if record.balancer == "dcgan" and record.phase == "confirm" else record
        for record in planted_study()
    ]
    return write_report(write_study(folder, records)).read_text(encoding="utf-8")


def test_the_page_opens_with_the_answer_and_holds_the_numbers(page: str) -> None:
    text = shown(page)
    assert "changes test minority F1 by +0.120 (95 % interval +0.070 to +0.170, 3 seeds)" in text[:500]
    assert "dcgan 0.640 [0.541, 0.739] 0.540 [0.441, 0.639] +0.120 [+0.070, +0.170] 3" in text
    assert "gan-study run" in text
    assert "torch 2.9.0" in text
    assert "objective: minority_f1" in text


def test_the_command_that_reproduces_it_is_one_for_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "my <study> & yours"
    page = write_report(write_study(folder, planted_study())).read_text(encoding="utf-8")
    (command,) = re.findall(r"<code>(gan-study run .*?)</code>", page)
    assert shlex.split(html.unescape(command)) == ["gan-study", "run", str(folder / "study.json")]


def test_names_and_reasons_are_escaped(page: str) -> None:
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; loss is not finite" in page
    assert "malignant &lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert "<study>" not in page


def test_the_page_needs_nothing_beside_it(page: str) -> None:
    page = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(
        source.startswith(("data:image/", "data:text/csv;", "#", "tables/", "plots/", "real_or_fake.html"))
        for source in sources
    )
    assert page.count("<img ") == len(re.findall(r'<img src="[^"]*" alt="[^"]+"', page)) > 5
    assert "<link" not in page
    assert "prefers-color-scheme: dark" in page


def test_pruned_and_failed_trials_are_listed(page: str) -> None:
    assert "15 confirm complete, 5 search complete, 1 search failed, 1 search pruned" in shown(page)
    assert "stopped early by the search" in page


def test_tables_and_plots_are_files_too(tmp_path: Path) -> None:
    stale = tmp_path / "report" / "plots" / "stale.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    report = write_report(write_study(tmp_path, planted_study())).parent
    assert not stale.exists()
    names = {path.name for path in (report / "plots").iterdir()}
    assert {
        "gain.png",
        "gain.svg",
        "f1_by_seed.png",
        "search.png",
        "search_budget.png",
        "confusion.png",
        "losses.png",
    } <= names
    drawn = {path.stem for path in (report / "plots").glob("*.svg")}
    page = (report / "report.html").read_text(encoding="utf-8")
    for name in drawn:
        assert len((report / "plots" / f"{name}.csv").read_text(encoding="utf-8").splitlines()) > 1, name
        assert f'href="plots/{name}.csv"' in page
    assert {"answer.csv", "answer.md", "answer.tex", "trials.csv"} <= {
        p.name for p in (report / "tables").iterdir()
    }


@pytest.mark.parametrize("phases", [(), ("baseline",), ("baseline", "search")])
def test_an_interrupted_study_still_has_a_report(tmp_path: Path, phases: tuple[str, ...]) -> None:
    records = [record for record in planted_study() if record.phase in phases]
    text = shown(write_report(write_study(tmp_path, records)).read_text(encoding="utf-8"))
    assert "There is no answer yet: the study has no confirmed trials." in text
    assert "There are no confirm trials" in text
    assert ("There are no search trials" in text) == ("search" not in phases)


def test_a_study_of_failures_still_has_a_report(tmp_path: Path) -> None:
    failed = planted_record(balancer="dcgan", validation=None, status="failed", failure="no room")
    text = text_of_page(write_study(tmp_path, [failed]))
    assert "no room" in text


def test_a_sample_grid_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    lost = planted_record(
        balancer="dcgan", validation=0.4, test=0.4, gan=True, artifacts={"samples": "artifacts/x/samples.png"}
    )
    assert "The image file is gone." in text_of_page(write_study(tmp_path, [lost]))


def test_one_seed_gives_a_report_without_intervals(tmp_path: Path) -> None:
    records = [record for record in planted_study() if record.seed <= 1]
    text = text_of_page(write_study(tmp_path, records))
    assert "dcgan 0.600 0.500 +0.100 1" in text
