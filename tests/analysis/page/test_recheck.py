import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_study.analysis.page.drawing import Drawings
from gan_study.analysis.page.recheck import recheck
from gan_study.analysis.page.report import write_report
from gan_study.analysis.records.trial import Trial
from gan_study.trainables.records.record import RecordError
from tests.analysis.planted import (
    array_path,
    planted_record,
    predicted_study,
    with_arrays,
    with_predictions,
    write_study,
)


@pytest.fixture(scope="module", autouse=True)
def _no_drawing() -> Iterator[None]:
    """Reports without figures and charts: nothing of them is checked, and they take longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings())
        patch.setattr("gan_study.analysis.page.report.charts", lambda records, points: ())
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_report(write_study(folder, predicted_study()))
    return folder


@pytest.fixture
def study(written: Path, tmp_path: Path) -> Path:
    """A study and its report that may be changed."""
    return shutil.copytree(written, tmp_path / "study")


def places(folder: Path) -> list[str]:
    return [difference.where for difference in recheck(folder).differences]


def changed(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def with_recall(record: Trial, value: float) -> Trial:
    return replace(record, scores={**record.scores, "test": {**record.scores["test"], "minority_recall": value}})


def test_a_report_as_it_was_written_agrees(written: Path) -> None:
    found = recheck(written)
    assert found.differences == ()
    assert found.notes == ()
    # Nine confirmed trials with both parts, two of the search and a baseline with validation alone.
    assert found.num_predictions == 21
    assert found.num_cells > 300


def test_a_score_changed_in_the_records_and_in_the_report_is_found(tmp_path: Path) -> None:
    records = predicted_study()
    planted = next(
        place for place, record in enumerate(records) if record.balancer == "dcgan" and record.seed == 2
    )
    records[planted] = with_recall(records[planted], 0.75)
    write_report(write_study(tmp_path, records))
    trial = records[planted].trial_id
    found = places(tmp_path)
    assert f"records.jsonl, trial {trial}, test.minority_recall" in found
    assert any(place.startswith("trials.csv") and place.endswith("test_minority_recall") for place in found)
    assert any(place.startswith("minority_recall.csv") and place.endswith("mean") for place in found)
    assert "report.html, results" in found
    assert not any(place.startswith("minority_f1.csv") for place in found)


def test_a_gain_of_the_search_follows_from_its_baseline(study: Path) -> None:
    records = predicted_study()
    planted = next(n for n, record in enumerate(records) if record.phase == "search")
    records[planted] = replace(records[planted], objective=0.5)
    write_study(study, records)
    assert places(study) == [f"records.jsonl, trial {records[planted].trial_id}, objective"]


def test_a_changed_cell_of_a_table_is_named(study: Path) -> None:
    path = study / "report" / "tables" / "gain.csv"
    row, column = 2, "mean"

    def raised(csv: str) -> str:
        lines = [line.split(",") for line in csv.splitlines()]
        at = lines[0].index(column)
        lines[row][at] = str(float(lines[row][at]) + 1e-6)
        return "\n".join(",".join(line) for line in lines) + "\n"

    changed(path, raised)
    assert places(study) == ["gain.csv, row 2, mean"]


def test_a_changed_cell_of_the_page_is_named(study: Path) -> None:
    def lowered(page: str) -> str:
        start = page.index('id="table-results"')
        at = re.compile(r">[+−]?0\.").search(page, start).end()
        return page[:at] + str((int(page[at]) + 1) % 10) + page[at + 1 :]

    changed(study / "report" / "report.html", lowered)
    assert places(study) == ["report.html, results"]


def test_a_changed_score_of_a_trial_in_the_page_is_named(study: Path) -> None:
    def lowered(page: str) -> str:
        start = page.index('<tr id="trial-')
        at = re.compile(r">[+−]?0\.").search(page, start).end()
        return page[:at] + str((int(page[at]) + 1) % 10) + page[at + 1 :]

    changed(study / "report" / "report.html", lowered)
    assert places(study) == ["report.html, trials"]


def test_what_is_written_for_a_paper_is_compared_too(study: Path) -> None:
    paper = study / "report" / "paper"
    changed(paper / "methods.md", lambda text: text.replace("3 fresh seeds", "30 fresh seeds"))
    changed(paper / "minority_f1.tex", lambda text: text.replace("smote & 0.", "smote & 1."))
    assert [place.split(":")[0] for place in places(study)] == ["minority_f1.tex", "methods.md"]


def test_another_answer_is_found(study: Path) -> None:
    changed(
        study / "report" / "report.html",
        lambda page: page.replace('<div class="answer">', '<div class="answer">So '),
    )
    assert places(study) == ["report.html"]


def test_a_table_of_fewer_rows_and_one_that_is_gone_are_found(study: Path) -> None:
    tables = study / "report" / "tables"
    changed(tables / "answer.md", lambda text: text[: text.rindex("| ", 0, -20)])
    (tables / "verdicts.csv").unlink()
    assert {"answer.md", "verdicts.csv"} <= {place.split(":")[0] for place in places(study)}


def test_scores_without_predictions_are_not_vouched_for(study: Path) -> None:
    record = predicted_study()[-1]
    (study / array_path(record)).unlink()
    found = recheck(study)
    first, second, *others = found.differences
    assert {first.where, second.where} == {
        f"trial {record.trial_id}, {part} predictions" for part in ("validation", "test")
    }
    assert "is missing" in first.said
    # The interval of a gain needs them too, wherever it stands; scores do not.
    assert others
    assert not [each.where for each in others if each.where.startswith(("minority_", "records", "trials"))]
    assert found.num_predictions == 19


def test_scores_of_a_class_that_its_predictions_do_not_give_are_found(study: Path) -> None:
    records = predicted_study()
    recall = records[-1].stored["test/recall"].copy()
    recall[0, 2] += 1e-6
    write_study(study, [*records[:-1], with_arrays(records[-1], {"test/recall": recall})])
    assert places(study) == [f"{array_path(records[-1])}, test/recall[0][2]"]


def test_every_fit_is_recomputed(tmp_path: Path) -> None:
    *others, last = predicted_study(fits=2)
    write_report(write_study(tmp_path, [*others, last]))
    assert places(tmp_path) == []
    in_record, in_arrays = f"records.jsonl, trial {last.trial_id}, ", f"{array_path(last)}, "

    write_study(tmp_path, [*others, replace(last, num_fits=3, fit_spread=0.5)])
    assert places(tmp_path) == [f"{in_record}num_fits", f"{in_record}fit_spread"]

    # The second fit takes one test image for another class.
    probabilities = last.stored["test/probabilities"].copy()
    probabilities[1, 0] = np.roll(probabilities[1, 0], 1)
    write_study(tmp_path, [*others, with_arrays(last, {"test/probabilities": probabilities})])
    found = places(tmp_path)
    assert f"{in_record}test.macro_f1" in found
    changed_arrays = [place.removeprefix(in_arrays) for place in found if place.startswith(in_arrays)]
    assert changed_arrays
    assert all(re.match(r"test/\w+\[1\]", place) for place in changed_arrays)


def test_validation_scores_wait_for_the_test_part_to_be_known(tmp_path: Path) -> None:
    search = planted_record(balancer="dcgan", validation=0.4, phase="search", seed=0, number=0, gan=True)
    write_report(write_study(tmp_path, [with_predictions(search)]))
    found = recheck(tmp_path)
    assert (found.num_predictions, found.differences) == (0, ())
    assert "need the class proportions of the test set" in found.notes[0]


def test_damaged_predictions_are_not_vouched_for(study: Path) -> None:
    path = study / array_path(predicted_study()[-1])
    path.write_bytes(path.read_bytes()[:100])
    assert "cannot be read" in recheck(study).differences[0].said


def test_a_study_without_a_report_is_an_error(study: Path) -> None:
    (study / "report" / "report.html").unlink()
    with pytest.raises(RecordError, match="has no report"):
        recheck(study)


def test_every_row_of_every_table_names_trials_that_are_there(written: Path) -> None:
    known = {json.loads(line)["trial_id"] for line in (written / "records.jsonl").read_text().splitlines()}
    page = (written / "report" / "report.html").read_text(encoding="utf-8")
    for trial_id in known:
        assert f'<tr id="trial-{trial_id}">' in page
    for path in (written / "report" / "tables").glob("*.csv"):
        header, *rows = path.read_text(encoding="utf-8").splitlines()
        if path.name != "trials.csv":
            assert header.split(",")[-1] == "trial_ids"
            assert rows
            for row in rows:
                assert set(row.split(",")[-1].split()) <= known
                assert row.split(",")[-1]


def own_score(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(probabilities[np.arange(len(labels)), labels], weights=weights))


def test_the_studys_own_objective_and_costs_are_computed_anew(tmp_path: Path) -> None:
    own = f"{__name__}:own_score"
    write_study(tmp_path, predicted_study())
    header = json.loads((tmp_path / "study.json").read_text())
    header["config"] |= {"objective": own, "costs": {"benign": {"normal": 4.0}}}
    (tmp_path / "study.json").write_text(json.dumps(header))
    write_report(tmp_path)
    trial = predicted_study()[-1]
    found = {difference.where: difference for difference in recheck(tmp_path).differences}
    labels, probabilities = trial.stored["test/labels"], trial.stored["test/probabilities"][0]
    scored = found[f"records.jsonl, trial {trial.trial_id}, test.{own}"]
    assert scored.said == "None"
    assert float(scored.recomputed) == pytest.approx(probabilities[np.arange(len(labels)), labels].mean())
    assert f"records.jsonl, trial {trial.trial_id}, test.expected_cost" in found
