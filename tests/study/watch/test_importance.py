"""How much each searched parameter matters."""

import json
import math
from dataclasses import replace

import pytest

from gan_study.search_spaces.space import BALANCER, RATIO
from gan_study.study.plan.config import parse_study
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch.importance import FEWEST_TRIALS, importance_differences, importances, write_importances
from gan_study.trainables.base.tunable import Int
from tests.study.plan.planned import STUDY
from tests.study.simulation import Simulation

# Two methods at two ratios share the trials.
CONFIG = parse_study({**STUDY, "search": {**STUDY["search"], "trials": 4 * (FEWEST_TRIALS + 6), "pruning": None}})


@pytest.fixture(scope="module")
def searched():
    simulation = Simulation()
    simulation.run(CONFIG, num_workers=1, seed=0)
    stages = ("defaults", "search")
    complete = [r for r in simulation.phase("search") if r.status == "complete" and r.search.stage in stages]
    first = complete[0]
    return [
        record
        for record in complete
        if (record.balancer, record.imbalance_ratio) == (first.balancer, first.imbalance_ratio)
    ]


def of_one(records):
    (found,) = importances(CONFIG.space(), records)
    return found


def by_length(record):
    """`record` whose gain depends on one parameter alone."""
    (name,) = [name for name in record.search.params if "generator_steps" in name]
    return replace(record, objective=float(record.search.params[name]))


def test_a_parameter_that_decides_the_gain_has_the_largest_share(searched):
    found = of_one([by_length(record) for record in searched])
    assert found.missing is None
    assert found.num_trials == len(searched) >= FEWEST_TRIALS
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-4)
    assert "generator_steps" in max(found.shares, key=found.shares.__getitem__)
    assert BALANCER not in found.shares


def test_few_trials_and_equal_gains_have_no_numbers_and_say_why(searched):
    few = of_one(searched[: FEWEST_TRIALS - 1])
    assert few.shares == {}
    assert few.missing == f"{FEWEST_TRIALS - 1} of the {FEWEST_TRIALS} complete trials that are needed"
    equal = of_one([replace(record, objective=0.25) for record in searched])
    assert (equal.shares, equal.missing) == ({}, "all trials had the same gain")


def test_a_space_that_has_changed_since_is_said(searched):
    space, name = CONFIG.space(), next(name for name in searched[0].search.params if "generator_steps" in name)
    without = replace(space, parameters={key: value for key, value in space.parameters.items() if key != name})
    narrower = replace(space, parameters={**space.parameters, name: Int(low=10**6, high=10**7)})
    for changed in (without, narrower):
        (found,) = importances(changed, searched)
        assert found.shares == {}
        assert found.missing == "the search space of that name has changed since the search"


OTHERWISE = "importance.json: differs from what Optuna computes from the records"


def test_the_file_is_that_of_the_records_and_a_change_is_found(tmp_path, searched):
    root = tmp_path / "study"
    create_study_folder(root, CONFIG, {})
    folder = StudyFolder(root)
    folder.records.write_text("".join(record.to_line() + "\n" for record in searched))
    assert list(importance_differences(root)) == []
    write_importances(root)
    assert list(importance_differences(root)) == []
    (stored,) = json.loads(folder.importance.read_text())
    of_parameter = next(iter(stored["shares"]))
    # Another machine may round the last decimal to its other side.
    for change, differences in ((1e-6, []), (3e-6, [OTHERWISE])):
        shares = {**stored["shares"], of_parameter: stored["shares"][of_parameter] + change}
        folder.importance.write_text(json.dumps([{**stored, "shares": shares}]))
        assert list(importance_differences(root)) == differences
    folder.importance.write_text(json.dumps([stored, stored]))
    assert list(importance_differences(root)) == [OTHERWISE]


def test_in_a_search_of_the_whole_space_variant_and_ratio_are_parameters_too():
    config = parse_study({**STUDY, "search": {**STUDY["search"], "allocation": "adaptive", "pruning": None}})
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0)
    records = [
        replace(record, objective=float(record.imbalance_ratio))
        for record in simulation.phase("search")
        if record.status == "complete"
    ]
    (found,) = importances(config.space(), records, is_whole=True)
    assert (found.balancer, found.imbalance_ratio, found.missing) == (None, None, None)
    # Only what every variant has; of lengths, for which each has a range of its own, the place in it.
    length = "balancing/gan/generator_steps"
    assert set(found.shares) == {BALANCER, RATIO, "balancing/gan/learning_rate", "balancing/dose", length}
    assert max(found.shares, key=found.shares.__getitem__) == RATIO

    def place(record):
        key = f"{length}@{record.balancer}"
        domain = config.space().parameters[key]
        return math.log(record.search.params[key] / domain.low) / math.log(domain.high / domain.low)

    by_place = [replace(record, objective=place(record)) for record in records]
    (found,) = importances(config.space(), by_place, is_whole=True)
    assert max(found.shares, key=found.shares.__getitem__) == length
