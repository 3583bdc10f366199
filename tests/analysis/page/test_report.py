import html
import re
import shlex
from pathlib import Path

import pytest

from gan_study.analysis.page.drawing import Drawings
from gan_study.analysis.page.drawings import picture_drawings
from gan_study.analysis.page.report import lost_trials, render, report_tables, templates, write_report
from gan_study.analysis.plots.charts import charts
from gan_study.analysis.plots.image_map import map_frame
from gan_study.analysis.records.load import load_study
from tests.analysis.pictured import draw_here, with_pictures
from tests.analysis.planted import (
    array_path,
    class_arrays,
    planted_record,
    planted_study,
    with_arrays,
    with_samples,
    write_study,
)


def shown(page: str) -> str:
    """The text of a page as a reader sees it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.split("<body>")[1])).split())


def text_of_page(folder: Path) -> str:
    """That of the page of a study, for tests that do not ask about its figures: to draw them takes longest."""
    study = load_study(folder)
    drawn, plotted = draw_here(picture_drawings(study)), charts(study, map_frame(study))
    return shown(render(study, report_tables(study), drawn, plotted))


def test_the_page_opens_with_the_answer_and_holds_the_numbers(rich_page: str) -> None:
    text = shown(rich_page)
    first = text[text.index("do GAN-made images") :][:1100]
    assert "shapes (3 classes; rare: malignant <b>& and normal, with 5 to 10 training images each)" in first
    assert "Minority F1 dcgan helps: +0.12 [0.07, 0.17] over no balancing" in first
    assert "No balancing 0.42 0.52" in first and "Chosen GAN dcgan 0.54 0.64 +0.12 [0.07, 0.17]" in first
    assert "changes test minority F1 by +0.120 (corrected interval +0.070 to +0.170, 3 seeds)" in first
    assert "dcgan +0.120 [+0.070, +0.170] helps – 0.540 [0.441, 0.639] 0.640 [0.541, 0.739]" in text
    assert "gan-study run" in text
    assert "torch 2.9.0" in text
    assert "objective: minority_f1" in text


def test_the_command_that_reproduces_it_is_one_for_a_shell(plain_page: str, plain_folder: Path) -> None:
    assert "<study> & " in plain_folder.name
    (command,) = re.findall(r"<code>(gan-study run .*?)</code>", plain_page)
    assert shlex.split(html.unescape(command)) == ["gan-study", "run", str(plain_folder / "study.json")]


def test_a_page_of_one_condition_speaks_of_no_menu(rich_page: str) -> None:
    assert '<form id="filters"' not in rich_page
    assert (
        re.findall(r"[^.]*\bmenu\b[^.]*", shown(re.sub(r"<script.*?</script>", "", rich_page, flags=re.S))) == []
    )


def test_caveats_stand_once(plain_page: str) -> None:
    first, more = plain_page.split('<details id="caveats"')
    inside = [part.split("</ul>")[0] for part in (first.split("Before you believe it")[1], more)]
    found = [re.findall(r"<li>(.*?)</li>", part) for part in inside]
    assert len(found[0]) == 2 and len(found[1]) > 2
    assert len(set(found[0] + found[1])) == len(found[0]) + len(found[1])
    assert f'<a href="#caveats">{len(found[1])} more caveats</a>' in first


def test_names_and_reasons_are_escaped(rich_page: str, plain_page: str) -> None:
    for page in (rich_page, plain_page):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; loss is not finite" in page
        assert "malignant &lt;b&gt;&amp;" in page
        assert "<b>" not in page
        assert "<study>" not in page


def test_names_of_any_characters_and_lengths_leave_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of it is text, with what is not to be seen by its code; pictures are drawn of them, too."""
    monkeypatch.setattr(
        "gan_study.analysis.page.report.draw_apart", lambda study, plotted: draw_here(picture_drawings(study))
    )
    names = ("be\x1b[31m\nnign\x01", "\udcffM\u202e`|](javascript:done())$x^2$ \\input{x}", "x" * 10_000)
    confirmed = [record for record in planted_study() if record.phase == "confirm"]
    pictured = [with_pictures(with_samples(record)) if record.losses else record for record in confirmed]
    records = [with_arrays(record, class_arrays(names, record.minority_classes)) for record in pictured]
    report = write_report(write_study(tmp_path, records)).parent
    for path in report.rglob("*.*"):
        assert not set(path.read_text(encoding="utf-8")) & set("\x1b\x01\u202e"), path
    assert r"be\x1b[31m\nnign\x01" in (report / "report.html").read_text(encoding="utf-8")
    assert r"\textbackslash{}udcffM" in (report / "tables" / "class_counts.tex").read_text(encoding="utf-8")
    assert "&#92;udcffM&#92;u202e&#96;&#124;&#93;(javascript:done())" in (
        report / "tables" / "class_counts.md"
    ).read_text(encoding="utf-8")


def test_the_page_needs_nothing_beside_it(rich_page: str) -> None:
    page = re.sub(r"<script>.*?</script>", "", rich_page, flags=re.DOTALL)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(
        source.startswith(("data:image/", "data:text/csv;", "#", "tables/", "plots/", "real_or_fake.html"))
        for source in sources
    )
    assert page.count("<img ") == len(re.findall(r'<img (?:class="film" )?src="[^"]*" alt="[^"]+"', page)) > 5
    assert "<link" not in page
    assert "prefers-color-scheme: dark" in page


def test_pruned_and_failed_trials_are_listed(rich_page: str) -> None:
    assert "15 confirm complete, 5 search complete, 1 search failed, 1 search pruned" in shown(rich_page)
    assert "stopped early by the search" in rich_page


def test_trials_that_were_lost_alike_are_one_row() -> None:
    pruned = [
        planted_record(balancer="dcgan", validation=None, phase="search", status="pruned", number=i)
        for i in range(3)
    ]
    failed = planted_record(balancer="dcgan", validation=None, phase="search", status="failed", failure="diverged")
    found = lost_trials([pruned[0], failed, planted_record(balancer="dcgan", validation=0.5), *pruned[1:]])
    assert [(each.status, each.reason, each.trial_ids) for each in found] == [
        ("pruned", "stopped early by the search", tuple(each.trial_id for each in pruned)),
        ("failed", "diverged", (failed.trial_id,)),
    ]


def test_of_many_trials_behind_a_row_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_study.analysis.page.report.MOST_LINKS", 2)
    templates.cache_clear()
    links = templates().get_template("table.html.j2").module.links_to(("a", "b", "c"))  # type: ignore[attr-defined]
    templates.cache_clear()
    assert re.findall(r'<a href="#([^"]+)">([^<]+)</a>', links) == [
        ("trial-a", "a"),
        ("trial-b", "b"),
        ("all-trials", "1 more among all trials"),
    ]


def test_what_an_earlier_report_left_goes_and_what_lies_beside_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings(files={"plots/old.png": b""})
    )
    report = write_report(write_study(tmp_path, [])).parent
    (report / "notes.txt").write_text("mine", encoding="utf-8")
    assert (report / "plots" / "old.png").exists()
    monkeypatch.setattr(
        "gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings(files={"plots/new.png": b""})
    )
    write_report(tmp_path)
    assert [path.name for path in (report / "plots").iterdir()] == ["new.png"]
    assert (report / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_tables_and_plots_are_files_too(rich_folder: Path) -> None:
    report = rich_folder / "report"
    names = {path.name for path in (report / "plots").iterdir()}
    assert {
        "gain.png",
        "gain.svg",
        "f1_by_seed.png",
        "confusion.png",
        "generator_loss.png",
        "class_counts.svg",
    } <= names
    page = (report / "report.html").read_text(encoding="utf-8")
    for name in {path.stem for path in (report / "plots").iterdir()}:
        assert {f"{name}.{kind}" for kind in ("csv", "svg", "png")} <= names
        assert len((report / "plots" / f"{name}.csv").read_text(encoding="utf-8").splitlines()) > 1, name
        assert f'href="plots/{name}.svg"' in page
    assert {"answer.csv", "answer.md", "answer.tex", "trials.csv"} <= {
        p.name for p in (report / "tables").iterdir()
    }


@pytest.mark.parametrize(
    "phases", [pytest.param((), marks=pytest.mark.slow), ("baseline",), ("baseline", "search")]
)
def test_an_interrupted_study_still_has_a_report(tmp_path: Path, phases: tuple[str, ...]) -> None:
    records = [record for record in planted_study() if record.phase in phases]
    # The first of these with its figures, as far as there are any.
    folder = write_study(tmp_path, records)
    text = text_of_page(folder) if phases else shown(write_report(folder).read_text(encoding="utf-8"))
    assert "There is no answer yet: the study has no confirmed trials." in text
    assert "There are no confirm trials" in text
    assert ("There are no search trials" in text) == ("search" not in phases)


def test_a_study_of_failures_still_has_a_report(tmp_path: Path) -> None:
    failed = planted_record(balancer="dcgan", validation=None, status="failed", failure="no room")
    text = text_of_page(write_study(tmp_path, [failed]))
    assert "no room" in text


def test_arrays_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    lost = with_samples(planted_record(balancer="dcgan", validation=0.4, test=0.4, gan=True))
    folder = write_study(tmp_path, [lost])
    (folder / array_path(lost)).unlink()
    assert f"{array_path(lost)}: is missing; it is left out wherever it is needed." in text_of_page(folder)


def test_one_seed_gives_a_report_without_intervals(tmp_path: Path) -> None:
    records = [record for record in planted_study() if record.seed <= 1]
    text = text_of_page(write_study(tmp_path, records))
    assert "dcgan +0.100 undecided at least 3 seeds 0.500 0.600" in text
