"""Rounds of seeds, with planted answers to what is open."""

import json
from collections import defaultdict
from dataclasses import replace

import pytest

from gan_study.study.plan.config import Arm, parse_study
from gan_study.study.plan.rounds import (
    Rounds,
    SeedRound,
    all_arms,
    known_rounds,
    new_seeds,
    read_rounds,
    write_rounds,
)
from gan_study.study.plan.summary import TrialCount
from gan_study.study.plan.trials import is_done, num_trials
from gan_study.trainables.base.seal import sealed
from gan_study.trainables.base.settings import ConfigError
from tests.study.plan.test_planner import STUDY
from tests.study.simulation import Simulation

pytestmark = pytest.mark.usefixtures("planted_looks")

NUM_ARMS, NUM_BEFORE = 14, 10  # two ratios; baselines


def study(**confirm):
    confirm = {"seeds": [1, 2, 3], "until": "decided", "most_seeds": 8, **confirm}
    return parse_study({**STUDY, "search": {**STUDY["search"], "trials": 4}, "confirm": confirm})


def at(ratio, *balancers):
    return frozenset(Arm(balancer=name, ratio=ratio) for name in balancers)


def open_until(stops):
    """Open arms by what was recorded: each of `stops` until it has so many seeds, with its reference."""

    def open_arms(simulation):
        seeds = seeds_by_arm(simulation)
        found = frozenset(arm for arm, number in stops.items() if len(seeds[arm]) < number)
        return found | {replace(arm, balancer="random_oversampling") for arm in found}

    return open_arms


def seeds_by_arm(simulation):
    found = defaultdict(list)
    for record in simulation.phase("confirm"):
        found[Arm(balancer=record.balancer, ratio=record.config["imbalance"]["ratio"])].append(record.seed)
    return {arm: tuple(sorted(seeds)) for arm, seeds in found.items()}


STOPS = {Arm(balancer="wgan_gp", ratio=5.0): 5, Arm(balancer="vanilla_gan", ratio=20.0): 7}


def run(simulation=None, config=None, *, num_workers=1, seed=0, **options):
    simulation = simulation or Simulation()
    options = {"open_arms": open_until(STOPS), **options}
    simulation.run(config or study(), num_workers=num_workers, seed=seed, **options)
    return simulation


def test_rounds_go_on_for_the_arms_that_are_open_and_their_references():
    simulation = run()
    seeds = seeds_by_arm(simulation)
    assert len(seeds) == NUM_ARMS
    assert seeds.pop(Arm(balancer="wgan_gp", ratio=5.0)) == (1, 2, 3, 4, 5)
    assert seeds.pop(Arm(balancer="random_oversampling", ratio=5.0)) == (1, 2, 3, 4, 5)
    for balancer in ("vanilla_gan", "random_oversampling"):
        assert seeds.pop(Arm(balancer=balancer, ratio=20.0)) == (1, 2, 3, 4, 5, 6, 7)
    # Whatever is open, no balancing is there at every ratio.
    assert (
        seeds.pop(Arm(balancer="none", ratio=5.0))
        == seeds.pop(Arm(balancer="none", ratio=20.0))
        == tuple(range(1, 8))
    )
    assert set(seeds.values()) == {(1, 2, 3)}
    assert [each.seeds for each in simulation.rounds.rounds] == [(1, 2, 3), (4,), (5,), (6,), (7,)]
    assert [len(each.arms) for each in simulation.rounds.rounds] == [14, 6, 6, 4, 4]
    assert simulation.rounds.end == "cannot be decided"
    assert simulation.num_asked == 5


def test_a_record_names_its_round():
    rounds = {(record.seed, record.selection.round) for record in run().phase("confirm")}
    assert rounds == {(1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (6, 4), (7, 5)}


@pytest.mark.parametrize("num_workers", [2, 5, 9])
def test_any_number_of_workers_runs_the_same_trials(num_workers):
    reference, other = run(), run(num_workers=num_workers, seed=num_workers)
    assert other.records == reference.records
    assert (other.rounds, other.closed) == (reference.rounds, reference.closed)
    assert other.num_asked == reference.num_asked


def test_killed_at_every_moment_it_ends_as_if_it_had_not_been():
    reference, simulation = run(), Simulation()
    for seed in range(len(reference.records)):
        run(simulation, num_workers=3, seed=seed, kill_after=1)
    assert not is_done(
        study(), record_of=simulation.records.get, closed=simulation.closed, saved=simulation.rounds
    )
    run(simulation)
    assert (simulation.records, simulation.rounds) == (reference.records, reference.rounds)
    assert simulation.num_asked == reference.num_asked
    # What was decided stays so, whatever would be answered now.
    run(simulation, open_arms=lambda simulation: pytest.fail("asked again"))
    assert simulation.records == reference.records


def test_a_study_is_done_once_it_is_decided_that_no_round_follows():
    simulation = run()
    records, closed, rounds = simulation.records, simulation.closed, simulation.rounds

    def done(saved, records=records):
        return is_done(study(), record_of=records.get, closed=closed, saved=saved)

    assert done(rounds)
    assert not done(None) and not done(replace(rounds, end=None))
    latest = max(simulation.phase("confirm"), key=lambda record: record.selection.round)
    assert not done(rounds, {name: record for name, record in records.items() if record is not latest})
    assert num_trials(study(), rounds) == TrialCount(number=len(records))


def test_how_many_trials_there_are_is_known_once_rounds_have_ended():
    assert num_trials(study(), None) == TrialCount(number=NUM_BEFORE + NUM_ARMS * 8, is_most=True)
    assert str(num_trials(study(), None)) == "at most 122"
    assert num_trials(study(most_seeds=3), None) == TrialCount(number=NUM_BEFORE + NUM_ARMS * 3)
    assert num_trials(study(until="fixed"), None) == TrialCount(number=NUM_BEFORE + NUM_ARMS * 3)
    rounds = known_rounds(study(), None)
    assert num_trials(study(), replace(rounds, asked_seeds=5)).number == NUM_BEFORE + NUM_ARMS * 5


def test_the_most_seeds_end_it():
    simulation = run(open_arms=open_until(dict.fromkeys(STOPS, 99)))
    assert simulation.rounds.end == "most seeds"
    assert [len(each.seeds) for each in simulation.rounds.rounds] == [3, 1, 1, 1, 1, 1]
    assert max(map(len, seeds_by_arm(simulation).values())) == 8
    assert simulation.num_asked == 5


def test_a_decision_ends_it_and_is_told_from_giving_up():
    simulation = run(is_decided=lambda simulation: len(simulation.phase("confirm")) > NUM_ARMS * 3)
    assert (simulation.rounds.end, len(simulation.rounds.rounds)) == ("decided", 2)
    assert run(open_arms=lambda simulation: frozenset()).rounds == Rounds(
        rounds=(SeedRound(seeds=(1, 2, 3), arms=all_arms(study())),), end="cannot be decided"
    )


def test_a_round_for_which_there_is_no_time_does_not_begin():
    asked = []

    def has_time_for(balancers):
        asked.append(balancers)
        return len(asked) < 2

    simulation = run(has_time_for=has_time_for)
    assert simulation.rounds.end == "time budget"
    assert sorted(asked[0]) == sorted(["none", "none", "vanilla_gan", "wgan_gp", *["random_oversampling"] * 2])
    assert len(simulation.phase("confirm")) == NUM_ARMS * 3 + 6
    # With time it stays so: another answer to the same question would be another study.
    run(simulation)
    assert len(simulation.phase("confirm")) == NUM_ARMS * 3 + 6


def test_a_fixed_study_has_one_round_and_asks_nothing():
    simulation = run(config=study(until="fixed"))
    assert (simulation.rounds, simulation.num_asked) == (None, 0)
    assert {record.selection.round for record in simulation.phase("confirm")} == {1}


def test_failed_trials_of_a_round_do_not_stop_it():
    simulation = run(fails=lambda trial: trial.config.seed == 4)
    assert simulation.rounds.end == "cannot be decided"
    assert {record.status for record in simulation.phase("confirm") if record.seed == 4} == {"failed"}


def test_an_arm_that_comes_back_gets_the_seeds_that_it_missed():
    none, late = Arm(balancer="none", ratio=None), Arm(balancer="duplicates", ratio=None)
    rounds = (
        SeedRound(seeds=(1, 2), arms=(none, late)),
        SeedRound(seeds=(3,), arms=(none,)),
        SeedRound(seeds=(4, 5), arms=(none, late)),
    )
    assert list(new_seeds(rounds)) == [{none: (1, 2), late: (1, 2)}, {none: (3,)}, {none: (4, 5), late: (3, 4, 5)}]


def test_seeds_that_were_asked_for_come_whatever_is_open():
    simulation = run(open_arms=lambda simulation: frozenset())
    assert simulation.rounds.end == "cannot be decided"
    simulation.rounds = replace(simulation.rounds, end=None, asked_seeds=5)
    run(
        simulation,
        open_arms=open_until({Arm(balancer="wgan_gp", ratio=5.0): 4}),
        is_decided=lambda simulation: True,
    )
    # First those that are open; then all, as nothing is; then the seeds are as many as were asked for.
    assert [len(each.arms) for each in simulation.rounds.rounds] == [14, 4, 14]
    assert set(seeds_by_arm(simulation).values()) == {(1, 2, 3, 4, 5)}
    assert simulation.rounds.end == "decided"


def test_seeds_that_were_added_to_the_configuration_are_one_more_round_of_every_arm():
    simulation = run()
    more = study(seeds=list(range(1, 11)), most_seeds=10)
    assert not is_done(more, record_of=simulation.records.get, closed=simulation.closed, saved=simulation.rounds)
    run(simulation, more, num_workers=2, kill_after=5)
    run(simulation, more, num_workers=3)
    assert set(seeds_by_arm(simulation).values()) == {tuple(range(1, 11))}
    assert simulation.rounds.end == "most seeds"
    late = {record.selection.round for record in simulation.phase("confirm") if record.seed in (8, 9, 10)}
    assert late == {6}
    assert is_done(more, record_of=simulation.records.get, closed=simulation.closed, saved=simulation.rounds)


def test_fits_are_decided_once_and_are_the_same_for_every_confirmed_trial():
    simulation = run()
    # Fits of a second and of a spread of 0.016; sets of half a second, of 12 fits for the two GANs of seven arms,
    # which nobody has tried: the root of 26.5 / 7 is 1.9.
    assert simulation.closed.fits == 2
    fits = {
        phase: {r.config["evaluation"]["fits"] for r in simulation.phase(phase)}
        for phase in ("baseline", "confirm")
    }
    assert fits == {"baseline": {3}, "confirm": {2}}
    closed = replace(simulation.closed, fits=4)
    again = Simulation(
        closed=closed, records={r.trial_id: r for r in simulation.records.values() if r.phase != "confirm"}
    )
    run(again)
    assert {record.num_fits for record in again.phase("confirm")} == {4}
    assert again.closed == closed


def test_fits_that_are_named_are_not_measured():
    simulation = run(config=study(fits=2))
    fits = {record.phase: record.config["evaluation"]["fits"] for record in simulation.records.values()}
    assert fits == {"baseline": 1, "confirm": 2}


def test_rounds_are_read_as_they_were_written(tmp_path):
    path, rounds = tmp_path / "rounds.json", run().rounds
    assert read_rounds(path) is None
    write_rounds(path, rounds)
    assert read_rounds(path) == rounds
    content = json.loads(path.read_text())
    path.write_text(json.dumps(sealed({**content, "end": "tired"})))
    with pytest.raises(ConfigError, match=r"rounds\.json is damaged: end: 'tired'"):
        read_rounds(path)
