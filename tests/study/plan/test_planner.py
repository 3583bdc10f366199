from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.trials import TrialCount, is_done, num_trials
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import dump
from gan_study.trainables.gans.catalog import VARIANTS
from tests.study.simulation import Simulation, made_up_record

STUDY = {
    "name": "test",
    "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["0"]},
    "baselines": ["random_oversampling", "random_undersampling", "class_weights", "image_transforms"],
    "search": {
        "parameters": {
            "balancing/name": {"kind": "choice", "options": ["vanilla_gan", "wgan_gp"]},
            "imbalance/ratio": {"kind": "choice", "options": [5, 20]},
        },
        "trials": 16,
        "startup_trials": 2,
        "lag": 4,
    },
    "confirm": {"seeds": [1, 2, 3]},
}


def study(**changes):
    return parse_study({**STUDY, "search": {**STUDY["search"], **changes}})


def finished(config, *, num_workers=1, seed=0, **options):
    simulation = Simulation()
    simulation.run(config, num_workers=num_workers, seed=seed, **options)
    return simulation


def test_three_phases_each_complete():
    simulation = finished(study())
    assert len(simulation.phase("baseline")) == 2 * 5  # two ratios; none and four simple methods
    assert len(simulation.phase("search")) == 16
    assert len(simulation.phase("confirm")) == 2 * (5 + 2) * 3
    assert num_trials(study(), None) == TrialCount(number=len(simulation.records))


def test_a_study_is_done_once_every_trial_has_its_record():
    simulation = finished(study())
    records, closed = simulation.records, simulation.closed
    assert is_done(study(), record_of=records.get, closed=closed, saved=None)
    assert not is_done(study(), record_of=records.get, closed=None, saved=None)
    for phase in ("baseline", "confirm"):
        lost = next(trial_id for trial_id, record in records.items() if record.phase == phase)
        rest = {trial_id: record for trial_id, record in records.items() if trial_id != lost}
        assert not is_done(study(), record_of=rest.get, closed=closed, saved=None)


def test_only_the_confirmation_reads_the_test_part_and_with_fresh_seeds():
    records = finished(study()).records.values()
    assert {record.phase for record in records} == {"baseline", "search", "confirm"}
    for record in records:
        assert record.config["evaluation"]["test"] == (record.phase == "confirm")
        assert (record.seed in (1, 2, 3)) == (record.phase == "confirm")
        assert ("test" in record.scores) == (record.phase == "confirm")


def test_what_a_confirmation_looks_at_is_the_studys_to_say():
    image_features = {"kind": "inception", "weights": "/weights.pth"}
    confirm = {**STUDY["confirm"], "test_each_epoch": True, "image_features": image_features, "fits": 2}
    told = finished(parse_study({**STUDY, "confirm": confirm}))
    (evaluation,) = {str(record.config["evaluation"]) for record in told.phase("confirm")}
    expected = {"test": True, "test_each_epoch": True, "fits": 2, "image_features": image_features}
    assert evaluation == str(expected)
    assert not any(record.config["evaluation"]["test_each_epoch"] for record in told.phase("search"))


def test_every_method_is_confirmed_with_the_same_seeds():
    confirmed = Counter((r.balancer, r.config["imbalance"]["ratio"]) for r in finished(study()).phase("confirm"))
    assert len(confirmed) == 14
    assert set(confirmed.values()) == {3}


def test_equal_allocation_gives_every_balancer_and_ratio_the_same_budget():
    simulation = finished(study())
    budget = Counter((r.balancer, r.config["imbalance"]["ratio"]) for r in simulation.phase("search"))
    assert budget == {(b, r): 4 for b in ("vanilla_gan", "wgan_gp") for r in (5, 20)}
    searched = [r for r in simulation.phase("confirm") if r.balancer in ("vanilla_gan", "wgan_gp")]
    assert {r.selection.search_trials for r in searched} == {4}


def test_the_first_trial_of_each_has_its_defaults():
    first = {}
    for record in sorted(finished(study()).phase("search"), key=lambda r: r.search.number):
        first.setdefault((record.balancer, record.config["imbalance"]["ratio"]), record)
    assert len(first) == 4
    for (balancer, _), record in first.items():
        # A length that is searched is exact: the default's least, without its cap.
        exact = {"most_generator_steps": None, "milestones": []}
        assert record.config["balancing"]["gan"] == {**dump(VARIANTS[balancer].defaults), **exact}


def test_a_parameter_is_asked_for_only_where_it_exists():
    for record in finished(study()).phase("search"):
        has_penalty = "balancing/gan/weights/gradient_penalty" in record.search.params
        assert has_penalty == (record.balancer == "wgan_gp")


def test_objective_is_the_gain_over_no_balancing_at_the_same_ratio():
    simulation = finished(study())
    none = {
        r.config["imbalance"]["ratio"]: r.scores["validation"]["minority_f1"]
        for r in simulation.phase("baseline")
        if r.balancer == "none"
    }
    for record in simulation.phase("search"):
        assert record.baseline == none[record.config["imbalance"]["ratio"]]


def test_the_best_validation_gain_is_confirmed():
    simulation = finished(study())
    for selected in simulation.closed.configurations:
        tried = [
            r
            for r in simulation.phase("search")
            if (r.balancer, r.config["imbalance"]["ratio"]) == (selected.balancer, selected.ratio)
        ]
        best = max(tried, key=lambda r: r.objective)
        assert selected.selection.trial_id == best.trial_id
        assert selected.balancing.balancer.gan.learning_rate == best.config["balancing"]["gan"]["learning_rate"]


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_neither_workers_nor_their_speed_change_the_study(allocation):
    reference = finished(study(allocation=allocation))
    for num_workers, seed in ((2, 1), (4, 2), (9, 3)):
        other = finished(study(allocation=allocation), num_workers=num_workers, seed=seed)
        assert other.records == reference.records
        assert other.closed == reference.closed


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_a_study_killed_at_every_moment_ends_as_if_it_had_not_been(allocation):
    reference = finished(study(allocation=allocation))
    simulation = Simulation()
    for seed in range(len(reference.records)):
        simulation.run(study(allocation=allocation), num_workers=3, seed=seed, kill_after=1)
    assert simulation.records == reference.records
    assert simulation.closed == reference.closed


def test_suggestions_learn_from_results():
    """With other scores for the same points, the points beyond the random ones differ."""

    def points(simulation):
        ordered = sorted(simulation.phase("search"), key=lambda r: r.search.number)
        return [r.search.params for r in ordered]

    config = study(trials=40, startup_trials=2)
    usual, failing = (
        finished(config),
        finished(config, fails=lambda t: t.purpose.search and t.purpose.search.number % 3),
    )
    assert points(usual)[:8] == points(failing)[:8]
    assert points(usual)[20:] != points(failing)[20:]


def test_a_space_without_untried_points_ends_the_search_early():
    parameters = {
        **STUDY["search"]["parameters"],
        "balancing/gan/generator_steps": None,
        "balancing/gan/generator_steps@vanilla_gan": None,
        "balancing/gan/weights/gradient_penalty": None,
        "balancing/dose": None,
        "balancing/gan/learning_rate": {"kind": "choice", "options": [1e-4, 2e-4]},
    }
    simulation = finished(study(parameters=parameters), num_workers=3)
    points = [
        (r.balancer, r.config["imbalance"]["ratio"], r.search.params["balancing/gan/learning_rate"])
        for r in simulation.phase("search")
    ]
    assert len(points) == len(set(points)) == 8
    assert len(simulation.phase("confirm")) == 42


def test_failures_do_not_stop_the_study_and_are_not_chosen():
    simulation = finished(study(), num_workers=2, fails=lambda t: t.config.balancing.name == "wgan_gp")
    assert len(simulation.records) == 10 + 16 + 42
    chosen = {s.balancer: s.selection for s in simulation.closed.configurations}
    assert chosen["wgan_gp"].trial_id is None
    assert chosen["wgan_gp"].search_trials == 4
    assert chosen["vanilla_gan"].trial_id is not None


def test_without_its_baseline_a_ratio_is_not_searched():
    def fails(trial):
        return trial.config.balancing.name == "none" and trial.cell.ratio == 5

    simulation = finished(study(), fails=fails)
    assert {r.config["imbalance"]["ratio"] for r in simulation.phase("search")} == {20}
    assert len(simulation.phase("confirm")) == 42


def test_when_time_is_up_the_search_closes_and_stays_closed():
    simulation = Simulation()
    simulation.run(study(), num_workers=2, seed=0, kill_after=30, may_search=lambda: len(simulation.records) < 14)
    num_searched = len(simulation.phase("search"))
    assert 0 < num_searched < 16
    simulation.run(study(), num_workers=2, seed=1)
    assert len(simulation.phase("search")) == num_searched
    assert len(simulation.phase("confirm")) == 42


def test_milestones_are_the_rungs_of_the_pruner_and_only_for_the_search():
    parameters = {
        **STUDY["search"]["parameters"],
        "balancing/gan/generator_steps": {"kind": "int", "low": 100, "high": 100},
    }
    config = study(pruning={"grace_steps": 10, "reduction_factor": 3}, parameters=parameters)
    simulation = finished(config)
    gan = {"vanilla_gan", "wgan_gp"}
    milestones = {
        r.phase: r.config["balancing"]["gan"]["milestones"]
        for r in simulation.records.values()
        if r.balancer in gan
    }
    assert milestones == {"search": [10, 30, 90], "confirm": []}


GRID = {
    "balancing/name": {"kind": "choice", "options": ["vanilla_gan"]},
    "balancing/gan/generator_steps@vanilla_gan": {"kind": "choice", "options": [5, 10, 20]},
    "balancing/gan/learning_rate": {"kind": "choice", "options": [1e-4, 1e-3, 1e-2]},
    "balancing/gan/weights/gradient_penalty": None,
    "balancing/dose": None,
}


def test_states_are_kept_at_the_steps_that_are_a_choice_and_wherever_a_gan_is_looked_at():
    simulation = finished(study(parameters=GRID, trials=9))
    kept = {
        (trial.purpose.phase, trial.checkpoint_steps, trial.keeps_gan)
        for trial in simulation.started
        if not is_gan(trial, "confirm")
    }
    assert kept == {
        ("baseline", frozenset(), False),
        ("search", frozenset({5, 10, 20}), False),
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
    config = study(parameters={**GRID, **of_one_gan, "balancing/dose": doses}, trials=3)
    trials = [trial for trial in finished(config).started if is_gan(trial, "search")]
    assert {trial.config.balancing.balancer.dose for trial in trials} == {0.25, 0.5, 1.0}
    assert all(one.shares_training_with(other) for one in trials for other in trials)


def is_gan(trial, phase):
    return trial.purpose.phase == phase and BALANCERS[trial.config.balancing.name].is_gan


def test_while_a_gan_is_in_training_trials_of_other_gans_go_before():
    """Five baselines first; then two workers with a choice of all nine points never train the same GAN at once."""
    simulation = Simulation()
    config = study(parameters=GRID, trials=9, lag=9)
    simulation.run(config, num_workers=2, seed=0, kill_after=14)
    searched = [trial for trial in simulation.started if trial.purpose.phase == "search"]
    assert len(searched) == 9
    pairs_alike = sum(one.shares_training_with(other) for one, other in pairwise(searched))
    # Each of three GANs comes three times; put off for as long as there is another to train.
    assert pairs_alike <= 1
    assert all(one.shares_training_with(one) for one in searched)


def test_a_gan_is_the_same_whatever_its_length_and_whatever_becomes_of_its_images():
    (trial, *_) = (t for t in finished(study(parameters=GRID, trials=9)).started if is_gan(t, "search"))
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
    assert len(finished(study(parameters=one_gan, trials=3, lag=3), num_workers=3).phase("search")) == 3


class CountedLookups(dict):
    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)


def test_a_trial_costs_no_more_lookups_in_a_long_study():
    """The driver asks for the next trial several times a second."""
    lookups = {}
    for trials in (8, 40, 80):
        simulation = Simulation(records=CountedLookups())
        simulation.run(study(trials=trials), num_workers=4, seed=0)
        lookups[trials] = simulation.records.asked
    early, late = (lookups[40] - lookups[8]) / 32, (lookups[80] - lookups[40]) / 40
    assert 0 < late < 1.2 * early


def shared_study(way="batched", **changes):
    return parse_study({**STUDY, **changes, "resources": {"gan_execution": {"way": way}}})


def confirmations_of(simulation):
    """Of each cell of a GAN, the trials of its confirmation in the order in which they began."""
    cells = {}
    for trial in simulation.started:
        if trial.purpose.phase == "confirm" and trial.cell.balancer in ("vanilla_gan", "wgan_gp"):
            cells.setdefault(trial.cell, []).append(trial)
    assert len(cells) == 4
    return cells


def test_confirmations_side_by_side_are_those_of_any_other_study():
    together = finished(shared_study(), num_workers=4, seed=1)
    assert together.records == finished(study()).records
    for trials in confirmations_of(together).values():
        assert {trial.waits_for for trial in trials} == {frozenset(trial.trial_id for trial in trials)}
        assert {trial.execution.seeds for trial in trials} == {(1, 2, 3)}
    others = [trial for trial in together.started if trial.cell.balancer not in ("vanilla_gan", "wgan_gp")]
    assert {(trial.waits_for, trial.execution.is_shared) for trial in others} == {(frozenset(), False)}


@pytest.mark.parametrize("way", ["auto", "one_at_a_time"])
def test_one_at_a_time_no_trial_waits_for_another(way):
    started = finished(shared_study(way)).started
    assert {(trial.waits_for, trial.execution.is_shared) for trial in started} == {(frozenset(), False)}


@pytest.mark.parametrize("first_fails", [False, True])
def test_confirmations_wait_for_the_first_that_leaves_its_gans(first_fails):
    one_cell = {"balancing/name": {"kind": "choice", "options": ["vanilla_gan"]}}
    config = shared_study(baselines=[], search={**STUDY["search"], "parameters": one_cell, "trials": 0})
    records = {}
    planner = Planner(
        config,
        record_of=records.get,
        closed=None,
        keep=lambda closed: None,
        may_search=lambda: True,
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
