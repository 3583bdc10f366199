"""The search: races, suggestions, last rounds, and what is decided stays."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from gan_study.study.plan.planner import Planner
from gan_study.study.plan.search_plan import plan_search
from gan_study.trainables.base.settings import dump
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.records.record import Milestone
from gan_study.trainables.trial.config import gan_settings
from tests.study.plan.planned import (
    EIGHT,
    ONE_RATIO,
    STUDY,
    finished,
    replayed,
    stages,
    study,
    suggestions,
)
from tests.study.simulation import Simulation


def test_every_survivor_has_the_same_share_at_each_ratio():
    simulation = finished(study())
    points = {key: number for key, number in stages(simulation).items() if key[0] == "search"}
    assert set(points) == {("search", b, r) for b in ("vanilla_gan", "wgan_gp") for r in (5, 20)}
    # 30 trials a ratio: two defaults, two last rounds of at most six, and eight points each.
    assert set(points.values()) == {8}
    searched = [s.selection.search_trials for s in simulation.closed.configurations]
    assert all(1 + 8 + 4 + 1 <= number <= 1 + 8 + 4 + 2 for number in searched)


def test_too_small_a_search_is_none_and_says_why():
    simulation = finished(study(trials=6, trials_each=25))
    assert simulation.phase("search") == [] and simulation.decisions == []
    said = {s.selection.unsearched for s in simulation.closed.configurations}
    assert said == {
        # At each ratio two defaults in three splits, and 24 trials of the survivor beside its default.
        "6 trials for 2 variants at 2 ratios: a search takes 60; "
        "smaller ones give worse settings than the defaults"
    }
    assert {s.selection.search_trials for s in simulation.closed.configurations} == {0}
    for selected in simulation.closed.configurations:
        assert selected.balancing == study().balancing_by(selected.balancer)


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
@pytest.mark.parametrize("balancers", [["dcgan"], ["dcgan", "cgan"], EIGHT[:4], EIGHT])
def test_as_many_trials_as_it_says_are_searched_and_one_fewer_is_none(allocation, balancers):
    parameters = {**STUDY["search"]["parameters"], "balancing/name": {"kind": "choice", "options": balancers}}
    said = plan_search(study(allocation=allocation, parameters=parameters, trials=1)).unsearched
    needed = int(re.search(r"a search takes (\d+)", said)[1])
    for trials, is_searched in ((needed - 1, False), (needed, True)):
        plan = plan_search(study(allocation=allocation, parameters=parameters, trials=trials))
        assert (plan.unsearched is None) == is_searched


def test_defaults_of_the_whole_space_come_on_top_of_its_points():
    variants, ratios = list(VARIANTS)[:14], [1, 2, 5, 10, 20, 50, 100]
    parameters = {
        "balancing/name": {"kind": "choice", "options": variants},
        "imbalance/ratio": {"kind": "choice", "options": ratios},
    }
    plan = plan_search(study(allocation="adaptive", parameters=parameters, trials=73, trials_each=25))
    # 25, a default of each further variant, and a last round of six at each further ratio.
    assert plan.unsearched.startswith("73 trials for 14 variants at 7 ratios: a search takes 74;")


def test_the_first_trial_of_each_has_its_defaults():
    first = {}
    for record in sorted(finished(study(pruning=None)).phase("search"), key=lambda r: r.search.number):
        first.setdefault((record.balancer, record.config["imbalance"]["ratio"]), record)
    assert len(first) == 4
    for (balancer, _), record in first.items():
        # Its length too, which is not exact: the training may end by itself.
        assert record.config["balancing"]["gan"] == dump(VARIANTS[balancer].defaults)


def test_eight_race_in_rounds_and_only_the_best_two_are_searched_to_the_end():
    simulation = finished(study(parameters=ONE_RATIO, trials=80, trials_each=25))
    counted = stages(simulation)
    assert Counter(stage for stage, *_ in counted)["defaults"] == 8
    # The better half of the first round has two more splits each.
    of_splits = [r for r in simulation.phase("search") if r.search.stage == "race"]
    assert len(of_splits) == 8 and len({r.balancer for r in of_splits}) == 4
    first = {r.balancer: r.objective for r in simulation.phase("search") if r.search.stage == "defaults"}
    assert {r.balancer for r in of_splits} == set(sorted(first, key=first.get)[-4:])
    last = {balancer for stage, balancer, _ in counted if stage == "last round"}
    assert len(last) == 2
    means = {
        name: sum([first[name], *(r.objective for r in of_splits if r.balancer == name)]) / 3
        for name in {r.balancer for r in of_splits}
    }
    assert last == set(sorted(means, key=means.get)[-2:])
    for selected in simulation.closed.configurations:
        assert (selected.selection.unsearched is None) == (selected.balancer in last)


def test_a_gain_is_measured_against_no_balancing_in_the_same_split():
    simulation = finished(study(parameters=ONE_RATIO, trials=80, trials_each=25))
    none = {
        r.seed: r.scores["validation"]["minority_f1"] for r in simulation.phase("baseline") if r.balancer == "none"
    }
    # The search's own split, those of the last round and of its check, and two of the race; none confirms.
    assert set(none) == {0, -1, -2, -3, -4}
    assert all(r.baseline == none[r.seed] for r in simulation.phase("search"))


def test_a_parameter_is_asked_for_only_where_it_exists():
    for record in finished(study()).phase("search"):
        has_penalty = "balancing/gan/weights/gradient_penalty" in record.search.params
        assert has_penalty == (record.balancer == "wgan_gp")


def test_objective_is_the_gain_over_no_balancing_at_the_same_ratio():
    simulation = finished(study())
    none = {
        (r.config["imbalance"]["ratio"], r.seed): r.scores["validation"]["minority_f1"]
        for r in simulation.phase("baseline")
        if r.balancer == "none"
    }
    for record in simulation.phase("search"):
        assert record.baseline == none[record.config["imbalance"]["ratio"], record.seed]


def test_the_last_round_decides_in_another_split_and_a_third_says_what_it_is_worth():
    simulation = finished(study())
    records = {r.trial_id: r for r in simulation.phase("search")}
    for selected in simulation.closed.configurations:
        selection = selected.selection
        round_ = [records[trial_id] for trial_id in selection.contenders]
        assert {r.seed for r in round_} == {-1} and {r.num_fits for r in round_} == {5}
        default, *others = (r.objective for r in round_)
        best = max(others)
        # Fits that differ by 0.016, five each; refits do not average away the split's 0.015 and the GAN's 0.010.
        assert selection.spread == pytest.approx((2 * (0.016**2 / 5 + 0.015**2 + 0.010**2)) ** 0.5)
        has_won = best > default + selection.spread
        has_stood = selection.check_gain > selection.default_check_gain
        assert (selection.trial_id is not None) == (has_won and has_stood)
        if selection.trial_id is not None:
            winner = records[selection.trial_id]
            assert winner.objective == best
            learning_rate = winner.config["balancing"]["gan"]["learning_rate"]
            assert selected.balancing.balancer.gan.learning_rate == learning_rate
        # Scores that nothing was chosen by.
        checked = [
            r
            for r in records.values()
            if r.search.stage == "check"
            and (r.balancer, r.config["imbalance"]["ratio"]) == (selected.balancer, selected.ratio)
        ]
        assert {r.seed for r in checked} == {-2}
        assert {selection.check_gain, selection.default_check_gain} == {r.objective for r in checked}
        taken_back = (default + selection.default_check_gain) / 2
        reported = taken_back if has_won and not has_stood else selection.check_gain
        assert selection.validation_objective == pytest.approx(reported)


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_stored_decisions_give_the_same_records_on_any_number_of_workers(allocation):
    config = study(allocation=allocation)
    reference = finished(config, num_workers=5, seed=3)
    for num_workers, seed in ((1, 0), (9, 2)):
        again = replayed(config, reference, num_workers=num_workers, seed=seed)
        assert again.records == reference.records
        assert again.closed == reference.closed


@pytest.mark.slow
@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_a_study_killed_at_every_moment_keeps_what_it_had_decided(allocation):
    config = study(allocation=allocation)
    simulation, before = Simulation(), []
    for seed in range(200):
        simulation.run(config, num_workers=3, seed=seed, kill_after=1)
        assert simulation.decisions[: len(before)] == before
        before = list(simulation.decisions)
    assert simulation.closed is not None and len(simulation.phase("confirm")) == 42
    suggested = [each for each in before if each.kind == "suggestion"]
    assert {r.search.number for r in simulation.phase("search")} == {each.number for each in suggested}
    assert replayed(config, simulation, num_workers=1, seed=0).records == simulation.records


def test_suggestions_learn_from_results():
    """With other scores for the same points, the points beyond those around the default differ."""

    def points(simulation):
        return [each.params for each in simulation.decisions if each.kind == "suggestion"]

    parameters = {**ONE_RATIO, "balancing/name": {"kind": "choice", "options": ["wgan_gp"]}}
    config = study(trials=40, parameters=parameters)
    usual, failing = (
        finished(config),
        finished(config, fails=lambda t: t.purpose.search and t.purpose.search.number % 3),
    )
    assert points(usual)[:9] == points(failing)[:9]
    assert points(usual)[9:20] != points(failing)[9:20]


def test_what_a_suggestion_had_seen_is_in_its_record():
    simulation = finished(study(), num_workers=3)
    by_number = {each.number: each for each in simulation.decisions if each.kind == "suggestion"}
    for record in simulation.phase("search"):
        assert record.search.seen == by_number[record.search.number].seen
    # The first knows nothing; with three workers the fourth has seen one end, and two run.
    assert by_number[0].seen.ended == ""
    known = [by_number[3].seen.ended, *(each.numbers for each in by_number[3].seen.running)]
    assert sorted("".join(known).replace("-", "").replace(",", "")) in (["0", "1", "2"], ["0", "2"])


def test_a_trial_that_waits_for_a_worker_is_not_said_to_run(monkeypatch):
    monkeypatch.setattr(Planner, "began", lambda planner, trial_id: None)
    decisions = finished(study(), num_workers=3).decisions
    suggestions = [each for each in decisions if each.kind == "suggestion"]
    assert any(each.seen.waiting for each in suggestions)
    for each in suggestions:
        # All that were suggested before have ended or wait.
        known = {*numbers_in(each.seen.ended), *numbers_in(each.seen.waiting)}
        assert not each.seen.running and known == set(range(each.number))


def numbers_in(ranges):
    ends = [each.split("-") for each in ranges.split(",") if each]
    return [number for each in ends for number in range(int(each[0]), int(each[-1]) + 1)]


def test_another_studys_search_informs_the_suggestions_and_is_never_chosen():
    parameters = {**ONE_RATIO, "balancing/name": {"kind": "choice", "options": ["wgan_gp"]}}
    config = study(trials=40, parameters=parameters)
    first = finished(config)
    prior = [replace(r, trial_id=f"other{n}") for n, r in enumerate(first.phase("search"))]
    informed = Simulation()
    informed.run(config, num_workers=1, seed=0, prior=prior)

    def points(simulation):
        return {str(sorted(d.params.items())) for d in suggestions(simulation) if d.stage == "search"}

    # With the same seed, too, no point is tried again that the other study knows.
    assert len(points(informed)) == len(points(first)) == 33
    assert not points(informed) & points(first)
    assert not {r.trial_id for r in prior} & set(informed.closed.configurations[0].selection.contenders)


def test_adaptive_leaves_the_variant_to_optuna_and_ends_with_a_last_round_at_each_ratio():
    simulation = finished(study(allocation="adaptive"))
    counted = stages(simulation)
    assert sum(number for (stage, *_), number in counted.items() if stage == "defaults") == 2
    # 60 trials, six of them reserved for the last round of each ratio.
    assert sum(number for (stage, *_), number in counted.items() if stage == "search") == 60 - 2 - 12
    last = [(balancer, ratio) for stage, balancer, ratio in counted if stage == "last round"]
    assert sorted(ratio for _, ratio in last) == [5, 20]
    for selected in simulation.closed.configurations:
        is_searched = (selected.balancer, selected.ratio) in last
        assert (selected.selection.unsearched is None) == is_searched


def test_adaptive_waits_for_every_baseline_and_searches_only_where_gains_can_be_measured():
    # Many workers: baselines of one ratio have ended long before those of another.
    simulation = finished(study(allocation="adaptive"), num_workers=12, seed=3)
    assert sum(number for (stage, *_), number in stages(simulation).items() if stage == "search") == 60 - 2 - 12

    def fails(trial):
        return trial.config.balancing.name == "none" and trial.arm.ratio == 5

    halved = finished(study(allocation="adaptive"), num_workers=4, fails=fails)
    assert {record.config["imbalance"]["ratio"] for record in halved.phase("search")} == {20}
    # All points that were asked for, beside the two defaults and a last round.
    assert sum(number for (stage, *_), number in stages(halved).items() if stage == "search") == 60 - 2 - 6
    assert len(halved.phase("confirm")) == 42


@pytest.mark.parametrize(
    ("allocation", "before", "after"),
    [("equal", 60, 61), ("equal", 60, 72), ("adaptive", 60, 68), ("adaptive", 60, 100)],
)
def test_a_search_with_more_trials_has_a_further_last_round_and_all_that_was_decided_stays(
    allocation, before, after
):
    simulation = finished(study(allocation=allocation, trials=before), num_workers=2)
    decided = list(suggestions(simulation))
    simulation.closed = None
    simulation.run(study(allocation=allocation, trials=after), num_workers=2, seed=1)
    everything = suggestions(simulation)
    assert everything[: len(decided)] == decided and len(everything) <= after
    added = everything[len(decided) :]
    # One trial more is none: a point needs contenders that are compared with the default, and a check. Of the
    # whole space a ratio's last round is opened anew only if its best variant has further points.
    wanted = {61: set(), 68: {"search"}}.get(after, {"search", "last round"})
    assert {each.stage for each in added} >= wanted
    for arm in {(each.balancer, each.ratio) for each in added if each.stage == "search"}:
        of_arm = [each for each in everything if (each.balancer, each.ratio) == arm]
        rounds = [each for each in of_arm if each.stage == "last round"]
        if allocation == "equal" or rounds:
            new = [each for each in added if each in rounds]
            assert allocation == "adaptive" or len(new) == 3
            assert len({str(each.params) for each in rounds}) == len(rounds)
            checked = [each for each in of_arm if each.stage == "check"]
            assert len({str(each.params) for each in checked}) == len(checked) <= 3


def test_a_point_of_a_search_with_more_trials_is_trained_on_beyond_its_first_rung():
    parameters = {**ONE_RATIO, "balancing/name": {"kind": "choice", "options": ["wgan_gp"]}}
    simulation = finished(study(trials=25, parameters=parameters))
    simulation.closed = None
    planner = simulation.run(study(trials=50, parameters=parameters), num_workers=1, seed=1, kill_after=5)
    trial = planner.next()
    assert trial.purpose.search.stage == "search" and trial.purpose.search.number >= 24
    milestone = Milestone(generator_steps=gan_settings(trial.config.balancing).milestones[0], objective=1.0)
    assert planner.judge(trial.trial_id, milestone).goes_on


def test_the_check_is_fitted_as_often_as_what_it_is_measured_against():
    simulation = finished(study())
    fits = {(r.seed, r.num_fits) for r in simulation.records.values() if r.seed in (-1, -2)}
    assert fits == {(-1, 5), (-2, 5)}


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
        if r.search.stage in ("defaults", "search")
    ]
    assert len(points) == len(set(points)) == 8
    assert len(simulation.phase("confirm")) == 42


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_numbers_that_are_equal_are_one_point_however_they_are_written(allocation):
    # Defaults are 5.0, 1.0 and 10.0; Optuna gives the options back as they stand.
    parameters = {
        "balancing/name": {"kind": "choice", "options": ["vanilla_gan", "wgan_gp"]},
        "imbalance/ratio": {"kind": "choice", "options": [5, 20]},
        "balancing/dose": {"kind": "choice", "options": [1]},
        "balancing/gan/generator_steps": {"kind": "choice", "options": [2000.0, 2500]},
        "balancing/gan/weights/gradient_penalty": {"kind": "int", "low": 10, "high": 11},
        "balancing/gan/learning_rate": None,
    }
    simulation = finished(study(allocation=allocation, trials=80, parameters=parameters), num_workers=2)
    ids = [trial.trial_id for trial in simulation.started]
    assert len(ids) == len(set(ids))
    assert len(simulation.phase("confirm")) == 42


def test_a_method_that_trains_nothing_can_be_searched_too():
    parameters = {"balancing/name": {"kind": "choice", "options": ["dcgan", "smote"]}}
    simulation = finished(study(trials=40, parameters=parameters), num_workers=2)
    assert {record.balancer for record in simulation.phase("search")} == {"dcgan", "smote"}
    assert {trial.arm.balancer for trial in simulation.started if trial.keeps_gan} == {"dcgan"}


def test_failures_do_not_stop_the_study_and_are_not_chosen():
    simulation = finished(study(), num_workers=2, fails=lambda t: t.config.balancing.name == "wgan_gp")
    assert len(simulation.phase("confirm")) == 42
    chosen = {s.balancer: s.selection for s in simulation.closed.configurations}
    assert chosen["wgan_gp"].contenders == ()
    assert chosen["wgan_gp"].unsearched == "no point of the search beat the default in a last round"
    assert len(chosen["vanilla_gan"].contenders) == 4


def test_without_its_baseline_a_ratio_is_not_searched():
    def fails(trial):
        return trial.config.balancing.name == "none" and trial.arm.ratio == 5

    simulation = finished(study(), fails=fails)
    assert {r.config["imbalance"]["ratio"] for r in simulation.phase("search")} == {20}
    assert len(simulation.phase("confirm")) == 42
    said = {s.ratio: s.selection.unsearched for s in simulation.closed.configurations}
    assert said == {
        5: "no balancing failed at this ratio, so no gain can be measured",
        20: None,
    }


@pytest.mark.parametrize("allocation", ["equal", "adaptive"])
def test_a_ratio_at_which_no_gan_is_trained_is_not_searched(allocation):
    simulation = finished(study(allocation=allocation), lacks_images=lambda ratio: ratio != 5)
    assert {each.stage for each in suggestions(simulation) if each.ratio == 5} <= {"defaults", "search"}
    assert {each.ratio for each in suggestions(simulation) if each.stage == "last round"} == {20}
    assert len(simulation.phase("confirm")) == 42
    said = {s.selection.unsearched for s in simulation.closed.configurations if s.ratio == 5}
    assert said == {"no rare class lacks an image at this ratio, so no GAN is trained"}


def test_when_time_is_up_no_point_is_searched_any_more_but_the_last_round_is_held():
    simulation = Simulation()

    def may_search(num_trials):
        return len(simulation.phase("search")) + num_trials <= 48

    simulation.run(study(), num_workers=2, seed=0, may_search=may_search)
    counted = Counter(r.search.stage for r in simulation.phase("search"))
    # Four defaults; of two variants at two ratios the last rounds and checks are 24 at most.
    assert 16 < counted["search"] <= 22 and counted["last round"] == 16
    assert len(simulation.phase("confirm")) == 42


def test_a_race_that_time_ended_leaves_the_defaults_and_says_so():
    simulation = Simulation()
    simulation.run(
        study(parameters=ONE_RATIO, trials=80),
        num_workers=2,
        seed=0,
        may_search=lambda num_trials: len(simulation.phase("search")) < 10,
    )
    said = {s.selection.unsearched for s in simulation.closed.configurations}
    assert said == {"the time budget ended the race of the defaults before it was decided"}
    assert sum(s.selection.search_trials for s in simulation.closed.configurations) == len(
        simulation.phase("search")
    )
