"""Only gains of one split are compared, and what was searched is what is said to have been."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_study.analysis.page.answer import answer
from gan_study.analysis.page.caveats import caveats
from gan_study.analysis.page.paper import methods_text
from gan_study.analysis.plots.samples import extreme_trials
from gan_study.analysis.plots.search import progress_data
from gan_study.analysis.plots.slices import slice_data
from gan_study.analysis.records.select import Task, by_arm
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.dose import dose_tables
from gan_study.analysis.tables.scores import search_table
from gan_study.analysis.tables.searched import nothing_searched, num_points
from gan_study.study.plan.decisions import CHECK, DEFAULTS, LAST_ROUND, RACE, SEARCH
from gan_study.trainables.records.record import COMPARABLE, GeneratedImages, SearchTrial, Selection
from tests.analysis.planted import confirmed_arm, search_trials, study_of, with_samples

TASK = Task("shapes", "simple_cnn")
NONE = confirmed_arm("none", validation=(0.4,) * 3, test=(0.40, 0.41, 0.42))
DCGAN = confirmed_arm("dcgan", validation=(0.5,) * 3, test=(0.40, 0.41, 0.43), gan=True)


def searched(*trials: tuple[str, float], dose: float = 0.5, first: int = 0) -> list[Trial]:
    """A search trial of dcgan for each stage and gain."""
    found = search_trials("dcgan", [gain for _, gain in trials], first=first)
    return [
        with_samples(
            replace(
                record,
                search=SearchTrial(number=first + place, params={"rate": first + place}, stage=stage),
                generated=GeneratedImages(dose=dose, num_made=10, num_passed=10),
            )
        )
        for place, (record, (stage, _)) in enumerate(zip(found, trials, strict=True))
    ]


IN_ONE_SPLIT = [*searched((DEFAULTS, 0.01), (SEARCH, 0.05)), *searched((SEARCH, 0.03), dose=1.0, first=2)]
others = st.lists(
    st.tuples(st.sampled_from([RACE, LAST_ROUND, CHECK]), st.floats(-0.4, 0.4)), min_size=1, max_size=5
)


def compared(records: list[Trial]) -> list[object]:
    """All that the report compares of a search."""
    table = search_table(study_of(records)).numbers.set_index("balancer").loc["dcgan"]
    (doses,) = dose_tables(records)
    return [
        table[["in_its_split", "best_validation_gain"]].tolist(),
        doses.rows.to_dict("list"),
        progress_data(records, TASK).to_dict("list"),
        slice_data(records, TASK).to_dict("list"),
        [[each.trial_id for each in pair] for pair in extreme_trials(records)],
    ]


@given(others)
@settings(max_examples=15, deadline=None)
def test_trials_of_other_splits_change_nothing_that_is_compared(elsewhere: list[tuple[str, float]]) -> None:
    further = searched(*elsewhere, first=10)
    records = [*NONE, *DCGAN, *IN_ONE_SPLIT]
    assert compared([*records, *further]) == compared(records)
    assert answer(study_of([*IN_ONE_SPLIT, *further])) == answer(study_of(IN_ONE_SPLIT))
    assert "+0.050" in answer(study_of(IN_ONE_SPLIT))[1]


def test_the_stages_of_one_split_are_those_of_the_search() -> None:
    assert {DEFAULTS, SEARCH} == COMPARABLE


def test_the_search_table_counts_all_trials_and_those_of_one_split_apart() -> None:
    further = searched((LAST_ROUND, 0.3), (CHECK, 0.2), first=10)
    table = search_table(study_of([*NONE, *DCGAN, *IN_ONE_SPLIT, *further]))
    row = table.rows.iloc[list(table.rows["balancer"]).index("dcgan")]
    assert row[["Search trials", "In the search's split", "Best validation gain"]].tolist() == ["5", 3, "+0.050"]


def test_the_methods_say_points_defaults_and_further_trials_apart() -> None:
    further = searched((LAST_ROUND, 0.3), (CHECK, 0.2), first=10)
    said = methods_text(study_of([*NONE, *DCGAN, *IN_ONE_SPLIT, *further]))
    assert "The search tried 2 configurations beside 1 default with Optuna, in one split" in said
    assert "2 further trials compared settings in other splits." in said


@pytest.mark.parametrize("raced", [[], searched((DEFAULTS, 0.01), (RACE, 0.02))], ids=["no trial", "a race"])
def test_a_study_without_a_search_says_so_and_why(raced: list[Trial]) -> None:
    reason = "search.trials is 0: the defaults are confirmed as they are"
    unsearched = [replace(each, selection=Selection(search_trials=0, unsearched=reason)) for each in DCGAN]
    records = [*NONE, *unsearched, *raced]
    assert num_points(records) == 0
    said = methods_text(study_of(records))
    assert f"Nothing was searched ({reason}): every method used the settings given to it." in said
    assert "The search tried" not in said
    assert ("The defaults were compared with one another." in said) == bool(raced)
    assert nothing_searched([*records, *IN_ONE_SPLIT]) == ""


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (searched((DEFAULTS, 0.1), (RACE, 0.1)), "Search trials in all: dcgan 2. All of them used the defaults."),
        (IN_ONE_SPLIT, "Only dcgan was searched: 2 points beside its default."),
    ],
    ids=["defaults", "one method"],
)
def test_the_budgets_speak_of_points_alone(records: list[Trial], words: str) -> None:
    said = " ".join(caveats(study_of([*NONE, *DCGAN, *records])))
    assert words in said and "the same number of" not in said


def test_a_default_that_ran_alone_was_not_searched() -> None:
    raced = [replace(each, balancer="lsgan") for each in searched((DEFAULTS, 0.1))]
    said = " ".join(caveats(study_of([*NONE, *DCGAN, *IN_ONE_SPLIT, *raced])))
    assert "Only dcgan was searched" in said
    assert {arm.balancer for arm in by_arm(raced)} == {"lsgan"}
