from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs

from gan_study.analysis.inference.ranks import alike, critical_difference
from gan_study.analysis.plots.across import PROFILES, profile_data, rank_data
from gan_study.analysis.plots.chart import make_chart
from gan_study.analysis.records.select import Condition, method_kinds
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.across import (
    Across,
    across_tables,
    across_tasks,
    ranking,
    ranking_text,
)
from tests.analysis.page.test_report import text_of_page
from tests.analysis.planted import confirmed_arm, planted_study, write_study

RATIOS = (2.0, 5.0, 10.0, 20.0, 50.0)


def ordered_study(ratios: Sequence[float] = RATIOS) -> list[Trial]:
    """At every ratio dcgan gains 0.2 and smote 0.1, but for a seed each side; acgan is tried at the first only."""
    spread = np.array([-0.02, 0.0, 0.02])
    found = []
    for ratio in ratios:
        found += confirmed_arm("none", validation=(0.4,) * 3, test=(0.4,) * 3, ratio=ratio)
        found += confirmed_arm("smote", validation=(0.5,) * 3, test=(0.5 + spread).tolist(), ratio=ratio)
        found += confirmed_arm("dcgan", validation=(0.6,) * 3, test=(0.6 + spread).tolist(), ratio=ratio, gan=True)
    return [*found, *confirmed_arm("acgan", validation=(0.1,) * 3, test=(0.1,) * 3, ratio=ratios[0], gan=True)]


def across_of(records: Sequence[Trial]) -> Across:
    found = across_tasks(records)
    assert found is not None
    return found


def test_only_methods_confirmed_in_every_task_compare() -> None:
    across = across_of(ordered_study())
    assert [task.imbalance_ratio for task in across.tasks] == list(RATIOS)
    assert list(across.gains) == ["smote", "dcgan"]
    assert across.left_out == ("acgan",)
    np.testing.assert_allclose(across.gains["dcgan"], [[0.18, 0.2, 0.22]] * 5, atol=1e-12)


def test_one_task_is_not_compared_across_tasks() -> None:
    assert across_tasks(planted_study()) is None
    assert across_tables(planted_study()) == ()


def test_ranks_and_friedman_worked_by_hand() -> None:
    found = ranking(across_of(ordered_study()))
    assert found is not None
    assert found.mean_ranks == {"dcgan": 1.0, "smote": 2.0, "none": 3.0}
    # 12 * 5 / (3 * 4) * (1 + 4 + 9 - 3 * 4 * 4 / 4) = 10, with two degrees of freedom: exp(-10 / 2).
    assert found.p_value == pytest.approx(np.exp(-5), abs=1e-9)
    # q = 2.343 (Demsar 2006, table 5a): 2.343 * sqrt(3 * 4 / 30).
    assert found.critical_difference == pytest.approx(1.482, abs=1e-3)
    # dcgan and none are 2 apart, the others 1.
    assert alike(found) == (("dcgan", "smote"), ("smote", "none"))
    assert "the methods differ in rank (p = 0.0067)" in ranking_text(found)


@pytest.mark.parametrize("seed", range(4))
def test_methods_are_alike_where_scikit_posthocs_finds_no_difference(seed: int) -> None:
    means = pd.DataFrame(
        np.random.default_rng(seed).normal(0, 1, (12, 6)) + np.arange(6) * 0.5, columns=list("abcdef")
    )
    tasks = tuple(Condition("shapes", "simple_cnn", float(ratio)) for ratio in range(12))
    gains = {name: tuple((gain,) for gain in means[name]) for name in means}
    found = ranking(Across(tasks=tasks, gains=gains, left_out=()))
    assert found is not None
    expected = scikit_posthocs.posthoc_nemenyi_friedman(means.assign(none=0.0))
    together = {frozenset(pair) for group in alike(found) for pair in combinations(group, 2)}
    assert together == {frozenset(pair) for pair in combinations(expected, 2) if expected.loc[pair] >= 0.05}


def test_the_critical_difference_of_demsars_example() -> None:
    # Demsar 2006, section 3.2.2: four algorithms on 14 data sets, 1.25.
    assert critical_difference(methods=4, tasks=14) == pytest.approx(1.25, abs=5e-3)


def test_four_tasks_are_too_few_to_rank() -> None:
    assert ranking(across_of(ordered_study(RATIOS[:4]))) is None


def test_the_table_has_interquartile_means() -> None:
    (table,) = across_tables(ordered_study())
    first = table.numbers.iloc[0]
    # Of 15 values 3 at each end are cut off: 0.18 twice, 0.20 five times and 0.22 twice are left.
    assert (first["balancer"], first["estimate"]) == ("dcgan", pytest.approx(0.2, abs=1e-12))
    assert 0.18 < first["low"] < 0.2 < first["high"] < 0.22
    assert table.text["Mean rank"].tolist() == ["1.000", "2.000"]
    assert table.text["Runs that gain"].tolist() == ["100%", "100%"]


def test_with_a_single_seed_there_is_a_mean_and_no_interval() -> None:
    """A study of one seed at two ratios, all of whose trials are done, has a report."""
    records = [
        record
        for ratio in (2.0, 5.0)
        for name, score in (("none", 0.4), ("dcgan", 0.6))
        for record in confirmed_arm(name, validation=(score,), test=(score,), ratio=ratio, gan=name == "dcgan")
    ]
    (table,) = across_tables(records)
    assert table.text["Interquartile mean of the gain"].tolist() == ["+0.200"]
    assert table.numbers[["low", "high"]].isna().all(axis=None)


def test_profiles_fall_from_all_runs_to_none() -> None:
    records = ordered_study()
    data = profile_data(across_of(records), method_kinds(records))
    shares = data.pivot(index="gain", columns="balancer", values="share_above")
    assert (shares.index[0], shares.index[-1]) == pytest.approx((0.08, 0.22), abs=1e-12)
    # At 0.15 every run of dcgan gains more and none of smote.
    middle = shares.index.get_indexer([0.15], method="nearest")[0]
    assert shares.iloc[middle].to_dict() == {"dcgan": 1.0, "smote": 0.0}
    assert shares["dcgan"].iloc[-1] == 0.0


def test_the_charts_have_every_method_and_half_the_critical_difference_to_both_sides() -> None:
    records = ordered_study()
    across = across_of(records)
    ranked = ranking(across)
    assert ranked is not None
    ranks = rank_data(ranked, method_kinds(records))
    assert ranks[["balancer", "mean_rank", "kind"]].to_numpy().tolist() == [
        ["dcgan", 1.0, "GAN"],
        ["smote", 2.0, "resampling or augmentation"],
        ["none", 3.0, "no balancing"],
    ]
    # Bars overlap where Nemenyi's test finds no difference: those of dcgan and none do not.
    assert (ranks["high"] - ranks["low"]).tolist() == pytest.approx([ranked.critical_difference] * 3)
    assert ranks["high"][0] < ranks["low"][2] and ranks["high"][0] > ranks["low"][1]
    profiles = make_chart(PROFILES, profile_data(across, method_kinds(records))).specification
    assert profiles["layer"][1]["encoding"]["color"]["scale"]["domain"] == ["smote", "dcgan"]


@pytest.mark.slow
def test_the_page_has_a_section_for_all_conditions(tmp_path: Path) -> None:
    text = text_of_page(write_study(tmp_path, ordered_study()))
    assert "Friedman's test over 5 conditions" in text
    assert "Left out because they were not confirmed under every condition: acgan." in text
