import pandas as pd

from gan_study.analysis.tables.row_trials import GAINS, SCORES, SEARCH, row_sources
from gan_study.analysis.tables.table import Table, traced
from tests.analysis.planted import confirmed_arm, planted_record, search_trials

RECORDS = [
    planted_record(balancer="none", validation=0.4, phase="baseline", seed=0),
    *search_trials("dcgan", (0.1, 0.2), first=0),
    *confirmed_arm("none", validation=(0.4,), test=(0.4,)),
    *confirmed_arm("dcgan", validation=(0.5,), test=(0.5,), gan=True),
    *confirmed_arm("none", validation=(0.4,), test=(0.4,), ratio=50.0),
    *confirmed_arm("dcgan", validation=(0.5,), test=(0.5,), gan=True, ratio=50.0),
]
SEARCHED = ("search-shapes-simple_cnn-dcgan-10-0-0", "search-shapes-simple_cnn-dcgan-10-0-1")
NONE_10, DCGAN_10 = (f"confirm-shapes-simple_cnn-{name}-10-1-None" for name in ("none", "dcgan"))
NONE_50, DCGAN_50 = (f"confirm-shapes-simple_cnn-{name}-50-1-None" for name in ("none", "dcgan"))
ARMS = pd.DataFrame({"imbalance_ratio": [10.0, 50.0], "balancer": ["dcgan", "dcgan"]})


def test_a_score_is_made_from_its_own_trials_and_a_gain_from_its_partners_too() -> None:
    assert row_sources(ARMS, RECORDS, SCORES) == [(DCGAN_10,), (DCGAN_50,)]
    assert row_sources(ARMS, RECORDS, GAINS) == [(NONE_10, DCGAN_10), (NONE_50, DCGAN_50)]


def test_a_row_of_the_search_is_made_from_its_search_trials_too() -> None:
    assert row_sources(ARMS, RECORDS, SEARCH)[0] == (*SEARCHED, NONE_10, DCGAN_10)


def test_a_column_that_is_not_there_limits_nothing() -> None:
    text = pd.DataFrame({"imbalance_ratio": [50.0], "balancer": ["dcgan"]})
    assert row_sources(text, RECORDS, SCORES) == [(DCGAN_50,)]
    assert row_sources(text[["balancer"]], RECORDS, SCORES) == [(DCGAN_10, DCGAN_50)]


def test_a_traced_row_names_its_trials_where_all_rows_share_a_condition_too() -> None:
    one_ratio = Table(name="t", title="T", numbers=ARMS[:1], rows=ARMS[:1], origin=SCORES)
    found = traced(one_ratio, RECORDS)
    assert list(found.text.columns) == ["Balancer"]
    assert found.sources == ((DCGAN_10,),)
    assert found.numbers["trial_ids"].tolist() == [DCGAN_10]


def test_ids_that_a_table_gives_itself_are_kept() -> None:
    numbers = ARMS.assign(trial_ids=["a b", "c"])
    found = traced(Table(name="t", title="T", numbers=numbers, rows=ARMS), RECORDS)
    assert found.numbers["trial_ids"].tolist() == ["a b", "c"]
