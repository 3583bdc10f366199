from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from gan_study.analysis.records.load import Study, load_study
from gan_study.analysis.tables.markup import latex_text, to_latex, to_markdown
from gan_study.analysis.tables.scores import answer_table, class_count_table, search_table, tables
from gan_study.analysis.tables.table import write_tables
from tests.analysis.planted import (
    MINORITY,
    planted_record,
    planted_study,
    predicted_study,
    predicting,
    write_study,
)


def study_of(folder: Path, *ratios: float) -> Study:
    return load_study(write_study(folder, [record for ratio in ratios for record in planted_study(ratio)]))


def test_the_answer_table_is_sorted_by_gain_with_none_at_zero(tmp_path: Path) -> None:
    table = answer_table(study_of(tmp_path, 10.0)).text
    assert table["Balancer"].tolist() == ["acgan_<x>", "class_weights", "dcgan", "smote", "none"]
    row = table.set_index("Balancer").loc["dcgan"]
    assert row["Gain in minority F1"] == "+0.120 [+0.070, +0.170]"
    assert row["Minority F1"] == "0.540 [0.441, 0.639]"
    assert row["Seeds"] == 3
    assert list(table.columns) == ["Balancer", "Minority recall", "Minority F1", "Gain in minority F1", "Seeds"]


def test_ratios_are_a_column_where_there_are_several(tmp_path: Path) -> None:
    study = study_of(tmp_path, 10.0, 50.0)
    assert answer_table(study).text["Imbalance ratio"].tolist() == [10.0] * 5 + [50.0] * 5
    by_name = {table.name: table for table in tables(study)}
    assert list(by_name["gain"].text.columns) == ["Balancer", "Ratio 10", "Ratio 50"]


def test_a_loss_stands_below_none(tmp_path: Path) -> None:
    records = [
        planted_record(balancer="none", validation=0.4, test=0.4),
        planted_record(balancer="harm", validation=0.3, test=0.3),
    ]
    table = answer_table(load_study(write_study(tmp_path, records))).text
    assert table["Balancer"].tolist() == ["none", "harm"]
    assert table["Gain in minority F1"].tolist() == ["–", "−0.100"]


def test_the_search_table_counts_the_budget_and_keeps_validation_beside_test(tmp_path: Path) -> None:
    table = search_table(study_of(tmp_path, 10.0))
    row = table.text.set_index("Balancer").loc["dcgan"]
    assert row["Search trials"] == "5 (1 pruned, 1 failed)"
    assert row["Best validation gain"] == "+0.200"
    assert "Confirmed test gain" not in table.text
    # 0.20 in the search, 0.12 confirmed.
    assert row["Best minus test"] == "+0.080"
    assert table.text.set_index("Balancer").loc["smote", "Best minus test"] == "–"
    numbers = table.numbers.set_index("balancer").loc["dcgan"]
    assert (numbers["search_trials"], numbers["complete"], numbers["pruned"], numbers["failed"]) == (5, 3, 1, 1)
    assert numbers["confirmed_test_gain_mean"] == pytest.approx(0.12, abs=1e-12)
    assert table.text.set_index("Balancer").loc["smote", "Search trials"] == "0"


def test_class_counts_come_with_their_parts() -> None:
    text = class_count_table(planted_study()).text
    assert text.columns.tolist() == [
        "Class",
        "Minority",
        "Available",
        "Imbalanced",
        "Training",
        "Validation",
        "Test",
    ]
    assert text.iloc[2].tolist() == ["normal", "yes", 200, 7, 5, 2, 12]


def test_every_table_is_written_three_ways(tmp_path: Path) -> None:
    study = study_of(tmp_path, 10.0)
    write_tables(study, tables(study), tmp_path / "out")
    for table in tables(study):
        assert all((tmp_path / "out" / f"{table.name}.{kind}").stat().st_size for kind in ("csv", "md", "tex"))
    gains = pd.read_csv(tmp_path / "out" / "gain.csv").set_index("balancer")
    assert gains.loc["dcgan", "mean"] == pytest.approx(0.12, abs=1e-12)
    assert gains.loc["dcgan", "low"] == pytest.approx(0.070317, abs=1e-6)
    assert len(pd.read_csv(tmp_path / "out" / "trials.csv")) == len(study.records)


def test_latex_escapes_every_special_character() -> None:
    assert latex_text(r"a_b & 5% $x$ #1 {y} ~ ^ \ −1 –") == (
        r"a\_b \& 5\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{} $-$1 --"
    )


def test_latex_and_markdown_of_a_small_table() -> None:
    frame = pd.DataFrame({"Balancer": ["a|b_<i>"], "Seeds": [3]})
    latex = to_latex(frame, title="50% & more").splitlines()
    assert r"\caption{50\% \& more}" in latex
    assert r"\begin{tabular}{lr}" in latex
    assert r"a\textbar{}b\_\textless{}i\textgreater{} & 3 \\" in latex
    assert to_markdown(frame) == "| Balancer | Seeds |\n| --- | ---: |\n| a&#124;b&#95;&lt;i&gt; | 3 |\n"


def test_the_table_equals_what_scikit_learn_finds_in_the_stored_predictions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records, f1s, recalls = [], [], []
    for seed in (1, 2, 3):
        labels = rng.integers(0, 3, 90)
        probabilities = (
            rng.dirichlet(np.ones(3), 90).astype(np.float32) + 0.4 * np.eye(3, dtype=np.float32)[labels]
        )
        predicted = probabilities.argmax(axis=1)
        f1s.append(f1_score(labels, predicted, labels=list(MINORITY), average="macro"))
        recalls.append(recall_score(labels, predicted, labels=list(MINORITY), average="macro"))
        blank = planted_record(balancer="none", validation=0.4, test=0.4, seed=seed)
        records.append(predicting(blank, "test", labels, probabilities))
    study = load_study(write_study(tmp_path, records))
    numbers = {table.name: table.numbers for table in tables(study)}
    assert numbers["minority_f1"]["mean"].item() == pytest.approx(np.mean(f1s), abs=1e-12)
    assert numbers["minority_recall"]["mean"].item() == pytest.approx(np.mean(recalls), abs=1e-12)
    assert answer_table(study).text["Minority F1"].item().startswith(f"{np.mean(f1s):.3f} [")


def test_every_recorded_metric_has_a_column_the_studys_own_last(tmp_path: Path) -> None:
    records = [
        replace(record, scores={part: {**scores, "mine:score": 3.5} for part, scores in record.scores.items()})
        for record in predicted_study()
    ]
    found = {table.name: table for table in tables(load_study(write_study(tmp_path, records)))}
    columns = list(found["all_metrics"].rows.columns)[4:]
    assert columns[:2] == ["Minority recall", "Minority F1"] and columns[-1] == "Mine:score"
    assert {"AUPRC", "Minority ROC AUC", "MCC", "ECE", "Brier", "Worst class recall"} < set(columns)
    assert set(found["all_metrics"].rows["Mine:score"]) == {"3.500 [3.500, 3.500]"}
