"""Which trials share a training, and wait for it."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import Pause, Planner
from tests.study.plan.planned import GRID, STUDY, finished, is_gan, replayed, study
from tests.study.simulation import Simulation, made_up_record


def test_states_are_kept_at_the_steps_that_are_a_choice_and_wherever_a_gan_is_looked_at():
    simulation = finished(study(parameters=GRID, trials=15))
    kept = {
        (trial.purpose.phase, trial.checkpoint_steps, trial.keeps_gan)
        for trial in simulation.started
        if not is_gan(trial, "confirm")
    }
    assert kept == {
        ("baseline", frozenset(), False),
        ("search", frozenset({5, 10, 20}), True),
        ("confirm", frozenset(), False),
    }
    for trial in simulation.started:
        if is_gan(trial, "confirm"):
            assert (trial.checkpoint_steps, trial.keeps_gan) == (frozenset(), True)
    searched = [trial for trial in finished(study()).started if is_gan(trial, "search")]
    assert searched
    for trial in searched:
        assert (trial.checkpoint_steps, trial.keeps_gan) == (frozenset(), True)


def test_search_trials_that_differ_in_the_dose_alone_share_their_training():
    doses = {"kind": "choice", "options": [0.25, 0.5, 1.0]}
    of_one_gan = {key: None for key in GRID if key != "balancing/name"}
    config = study(parameters={**GRID, **of_one_gan, "balancing/dose": doses}, trials=30)
    trials = [trial for trial in finished(config).started if is_gan(trial, "search")]
    assert {trial.config.balancing.balancer.dose for trial in trials} == {0.25, 0.5, 1.0}
    for one, other in combinations(trials, 2):
        is_same_data = (one.arm, one.config.seed) == (other.arm, other.config.seed)
        assert one.shares_training_with(other) == is_same_data


def test_while_a_gan_is_in_training_trials_of_other_gans_go_before():
    """Seven baselines first; then two workers with a choice of nine points seldom train the same GAN at once."""
    simulation = Simulation()
    config = study(parameters=GRID, trials=15)
    simulation.run(config, num_workers=2, seed=0)
    searched = [
        trial
        for trial in simulation.started
        if trial.purpose.search is not None and trial.purpose.search.stage in ("defaults", "search")
    ]
    assert len(searched) == 9
    pairs_alike = sum(one.shares_training_with(other) for one, other in pairwise(searched))
    # Each of three GANs comes three times; put off for as long as one of the next four is of another.
    assert pairs_alike <= 3
    assert all(one.shares_training_with(one) for one in searched)


def test_a_gan_is_the_same_whatever_its_length_and_whatever_becomes_of_its_images():
    (trial, *_) = (t for t in finished(study(parameters=GRID, trials=15)).started if is_gan(t, "search"))
    config, balancing = trial.config, trial.config.balancing.balancer
    gan = balancing.gan

    def shares(**changes):
        return replace(trial, config=replace(config, **changes)).shares_training_with(trial)

    def shares_as(**changes):
        return shares(balancing=replace(config.balancing, balancer=replace(balancing, **changes)))

    assert shares_as(gan=replace(gan, generator_steps=gan.generator_steps + 1))
    assert shares_as(balance_to=balancing.balance_to / 2)
    assert shares_as(dose=0.25)
    assert shares_as(plan="class_weights", synthetic_weight=0.5, filter="apply")
    assert shares(classifier=replace(config.classifier, epochs=config.classifier.epochs + 1))
    assert not shares(seed=config.seed + 1)
    assert not shares(data=replace(config.data, image_size=16))
    assert not shares_as(image_size=16)
    assert not shares_as(gan=replace(gan, batch_size=gan.batch_size + 1))


def test_waiting_for_a_gan_in_training_stops_nothing():
    one_gan = {**GRID, "balancing/gan/learning_rate": None}
    simulation = finished(study(parameters=one_gan, trials=15), num_workers=3)
    # Three lengths, one of them the default, then the last round of two others, and its check.
    counted = Counter(r.search.stage for r in simulation.phase("search"))
    assert counted["defaults"] + counted["search"] == 4 and counted["last round"] == 4


class CountedLookups(dict):
    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)


def test_a_trial_costs_no_more_lookups_in_a_long_study():
    """The driver asks for the next trial several times a second."""
    lookups = {}
    for trials in (60, 180):
        simulation = Simulation(records=CountedLookups())
        simulation.run(study(trials=trials), num_workers=4, seed=0)
        lookups[trials] = simulation.records.asked / trials
    # If a trial looked through all that were there before, it would be three times as many.
    assert 0 < lookups[180] < 1.2 * lookups[60]


def shared_study(way="batched", **changes):
    return parse_study({**STUDY, **changes, "resources": {"gan_execution": {"way": way}}})


def confirmations_of(simulation):
    """Of each arm of a GAN, the trials of its confirmation in the order in which they began."""
    arms = {}
    for trial in simulation.started:
        if trial.purpose.phase == "confirm" and trial.arm.balancer in ("vanilla_gan", "wgan_gp"):
            arms.setdefault(trial.arm, []).append(trial)
    assert len(arms) == 4
    return arms


def test_confirmations_side_by_side_are_those_of_any_other_study():
    alone = finished(study())
    together = replayed(shared_study(), alone, num_workers=4, seed=1)
    assert together.records == alone.records
    for trials in confirmations_of(together).values():
        assert {trial.waits_for for trial in trials} == {frozenset(trial.trial_id for trial in trials)}
        assert {trial.execution.seeds for trial in trials} == {(1, 2, 3)}
    others = [trial for trial in together.started if trial.arm.balancer not in ("vanilla_gan", "wgan_gp")]
    assert {(trial.waits_for, trial.execution.is_shared) for trial in others} == {(frozenset(), False)}


@pytest.mark.parametrize("way", ["auto", "one_at_a_time"])
def test_one_at_a_time_no_trial_waits_for_another(way):
    started = finished(shared_study(way)).started
    assert {(trial.waits_for, trial.execution.is_shared) for trial in started} == {(frozenset(), False)}


@pytest.mark.parametrize("first_fails", [False, True])
def test_confirmations_wait_for_the_first_that_leaves_its_gans(first_fails):
    one_arm = {"balancing/name": {"kind": "choice", "options": ["vanilla_gan"]}}
    config = shared_study(baselines=[], search={**STUDY["search"], "parameters": one_arm, "trials": 0})
    records = {}
    planner = Planner(
        config,
        record_of=records.get,
        decisions=(),
        keep_decision=None,
        closed=None,
        keep=lambda closed: None,
        may_search=lambda num_trials: True,
        rounds=None,
        keep_rounds=None,
        questions=None,
    )

    def end(trial, **how):
        records[trial.config.trial_id] = made_up_record(trial, **how)

    baseline = planner.next()
    end(baseline)
    started = [planner.next() for _ in range(4)]
    assert [len(trial.waits_for) for trial in started] == [0, 3, 0, 0]
    first = started[1]
    assert planner.next() is Pause.WAIT
    end(first, fails=first_fails)
    second = planner.next()
    third = planner.next()
    assert second.waits_for == first.waits_for
    # One that has failed may have left nothing.
    assert (third is Pause.WAIT) == first_fails
    end(second)
    last = planner.next() if first_fails else third
    assert {trial.config.seed for trial in (first, second, last)} == {1, 2, 3}
    for trial in (*started, last):
        end(trial)
    assert planner.next() is Pause.DONE
