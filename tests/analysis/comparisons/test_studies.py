"""Studies of several data sets side by side, with numbers worked by hand."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from gan_study.analysis.comparisons.studies import compare_studies
from gan_study.analysis.inference.ranks import alike, rank_methods, signed_rank_tests
from gan_study.analysis.page.studies import write_studies
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.studies import studies_sentences, studies_table
from gan_study.trainables.base.settings import UserError
from tests.analysis.page.test_report import shown
from tests.analysis.planted import confirmed_arm, study_of, write_study

DATASETS = ("animals", "birds", "cells", "digits", "eyes", "faces")


def of_dataset(name: str, *, smote: float, dcgan: float, ratio: float = 10.0) -> list[Trial]:
    """No balancing, and two methods that gain so much over it, each in three seeds."""
    gains = {"none": 0.0, "smote": smote, "dcgan": dcgan}
    return [
        trial
        for method, gain in gains.items()
        for trial in confirmed_arm(
            method,
            validation=(0.4 + gain,) * 3,
            test=(0.4 + gain, 0.41 + gain, 0.42 + gain),
            gan=method == "dcgan",
            ratio=ratio,
            dataset=name,
        )
    ]


def studies(number: int) -> list[Study]:
    """Studies of so many data sets: dcgan gains 0.1 and smote 0.05 on all of them but the first."""
    first = study_of(of_dataset(DATASETS[0], smote=0.05, dcgan=0.02))
    return [first, *(study_of(of_dataset(name, smote=0.05, dcgan=0.10)) for name in DATASETS[1:number])]


def test_a_data_set_counts_once_whatever_its_conditions_are() -> None:
    two = [
        *of_dataset("digits", smote=0.05, dcgan=0.10, ratio=10.0),
        *of_dataset("digits", smote=0.07, dcgan=0.30, ratio=50.0),
        *confirmed_arm("wgan", validation=(0.5,) * 3, test=(0.5,) * 3, gan=True, ratio=50.0, dataset="digits"),
    ]
    found = compare_studies([study_of(two), study_of(of_dataset("eyes", smote=0.01, dcgan=0.02))])
    assert found.datasets == ("digits", "eyes")
    assert found.gains["dcgan"] == pytest.approx((0.2, 0.02))
    assert found.gains["smote"] == pytest.approx((0.06, 0.01))
    # dcgan is the GAN that validation chose everywhere, but for the ratio at which wgan is not confirmed.
    assert found.gains["chosen GAN"] == pytest.approx((0.2, 0.02))
    assert found.left_out == ("wgan",)
    assert (found.ranking, dict(found.p_values)) == (None, {})
    assert "here are 2 data sets and 5 methods, so nothing is tested" in studies_sentences(found)[0]


def test_ranks_and_tests_over_six_data_sets_worked_by_hand() -> None:
    found = compare_studies(studies(6))
    assert found.ranking is not None
    # dcgan is first on five data sets and second on one, no balancing always last.
    assert found.ranking.mean_ranks == pytest.approx({"dcgan": 7 / 6, "smote": 11 / 6, "none": 3.0})
    # 12 * 6 / (3 * 4) * ((7/6)² + (11/6)² + 9 − 12) = 31/3, with two degrees of freedom.
    assert found.ranking.p_value == pytest.approx(np.exp(-31 / 6))
    # All six differences are positive: 2 / 2⁶ for each of the methods, times their number by Holm's procedure.
    assert found.p_values == pytest.approx(dict.fromkeys(found.gains, 4 * 2 / 2**6))
    table = studies_table(found)
    first = table.rows[table.rows["Method"] == "dcgan"].iloc[0]
    assert first.tolist() == ["dcgan", "+0.020", *["+0.100"] * 5, "+0.087", "1.17", "0.125"]
    said = studies_sentences(found)[0]
    assert said.startswith("Friedman's test over 6 data sets: the methods differ in rank (p = 0.0057).")
    assert "Not distinguishable: dcgan and smote; smote and none." in said


@pytest.mark.parametrize("seed", range(4))
def test_ranks_are_those_of_scipy_and_scikit_posthocs(seed: int) -> None:
    scores = pd.DataFrame(
        np.random.default_rng(seed).normal(size=(9, 5)) + np.arange(5) * 0.6, columns=list("abcde")
    )
    found = rank_methods({name: scores[name].tolist() for name in scores})
    assert found is not None
    assert found.p_value == pytest.approx(stats.friedmanchisquare(*(scores[name] for name in scores)).pvalue)
    expected = scikit_posthocs.posthoc_nemenyi_friedman(scores)
    for one in scores:
        for other in scores:
            together = any({one, other} <= set(group) for group in alike(found)) or one == other
            assert together == (expected.loc[one, other] >= 0.05), (one, other)


def test_differences_that_are_all_nothing_are_no_difference() -> None:
    assert signed_rank_tests({"a": (0.0,) * 6}) == {"a": 1.0}
    assert signed_rank_tests({"a": (0.1,) * 5}) == {}
    assert signed_rank_tests({}) == {}


@pytest.mark.slow
def test_the_page_lists_the_studies_links_their_reports_and_replaces_its_own_files_alone(tmp_path: Path) -> None:
    folders = [
        write_study(tmp_path / study.records[0].dataset, study.records, name=f"<{study.records[0].dataset}>")
        for study in studies(6)
    ]
    (folders[0] / "report").mkdir()
    (folders[0] / "report" / "report.html").write_text("its report", encoding="utf-8")
    out = tmp_path / "pages" / "comparison"
    written = write_studies(folders, out)
    page = written.page.read_text(encoding="utf-8")
    assert (written.page.parent / "../../animals/report/report.html").resolve().is_file()
    assert 'href="../../animals/report/report.html"' in page and "birds/report" not in page
    text = shown(page)
    assert "<animals>" in text and "<birds> (no report yet)" in text
    assert "Minority F1: dcgan helps: +0.10" in text and written.sentences[0] in text
    # Each of the two charts for a wide window and for a phone, in letters of the same size.
    assert "<script" not in page and page.count("<svg") == 2 * 2
    widths = [float(each) for each in re.findall(r'<svg [^>]*?width="([\d.]+)"', page)]
    assert all(width > 600 for width in widths[::2]) and all(width <= 332 for width in widths[1::2])
    assert min(map(float, re.findall(r'font-size="([\d.]+)px"', page))) >= 11
    with (out / "tables" / "studies.csv").open(encoding="utf-8") as file:
        rows = {row["balancer"]: row for row in csv.DictReader(file)}
    assert float(rows["dcgan"]["mean_rank"]) == pytest.approx(7 / 6)
    write_studies(folders[:2], out)
    assert not (out / "plots" / "critical_difference.svg").exists()
    (out / "tables" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="mine"):
        write_studies(folders, out)
