import re
from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.search_plan import plan_search
from gan_study.study.plan.summary import TrialCount
from gan_study.study.plan.trials import is_done, num_trials
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import dump
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.record import Milestone
from gan_study.trainables.trial.config import gan_settings
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
        "trials": 60,
        "trials_each": 10,
    },
    "confirm": {"seeds": [1, 2, 3]},
}


EIGHT = ["vanilla_gan", "wgan_gp", "dcgan", "lsgan", "wgan", "dragan", "acgan", "cgan"]
ONE_RATIO = {"balancing/name": {"kind": "choice", "options": EIGHT}}


def study(**changes):
    return parse_study({**STUDY, "search": {**STUDY["search"], **changes}})


def finished(config, *, num_workers=1, seed=0, **options):
    simulation = Simulation()
    simulation.run(config, num_workers=num_workers, seed=seed, **options)
    return simulation


def test_three_phases_each_complete():
    simulation = finished(study())
    # Two ratios: none and four simple methods, and none in the splits of the last round and of its check.
    assert len(simulation.phase("baseline")) == 2 * (5 + 2)
    assert len(simulation.phase("search")) <= 60
    assert len(simulation.phase("confirm")) == 2 * (5 + 2) * 3
    assert num_trials(study(), None) == TrialCount(number=2 * 7 + 60 + 2 * 7 * 3, is_most=True)
    unsearched = finished(study(trials=5))
    assert len(unsearched.phase("baseline")) == 2 * 5
    assert num_trials(study(trials=5), None) == TrialCount(number=len(unsearched.records))


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
    assert evaluation == str({"test": True, "test_each_epoch": True, "fits": 2, "image_features": image_features})
    assert not any(record.config["evaluation"]["test_each_epoch"] for record in told.phase("search"))


def test_a_frozen_network_is_scored_beside_no_balancing_alone():
    confirm = {**STUDY["confirm"], "frozen_baseline": {"model": "resnet50"}}
    trials = finished(parse_study({**STUDY, "confirm": confirm})).records.values()
    asked = {(r.balancer, r.phase) for r in trials if "frozen_baseline" in r.config["evaluation"]}
    assert asked == {("none", "confirm")}


def test_every_method_is_confirmed_with_the_same_seeds():
    confirmed = Counter((r.balancer, r.config["imbalance"]["ratio"]) for r in finished(study()).phase("confirm"))
    assert len(confirmed) == 14
    assert set(confirmed.values()) == {3}


def suggestions(simulation):
    return [each for each in simulation.decisions if each.kind == "suggestion"]


def stages(simulation):
    """How many trials each balancer had at each ratio in each stage of the search."""
    return Counter(
        (each.stage, each.balancer, each.ratio) for each in simulation.decisions if each.kind == "suggestion"
    )


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
        "6 trials for 2 variants at 2 ratios: a search takes 60; smaller ones "
        "give worse settings than the defaults"
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


def replayed(config, simulation, *, num_workers, seed):
    """The study run anew from the decisions that another one left."""
    again = Simulation(decisions=list(simulation.decisions))
    again.run(config, num_workers=num_workers, seed=seed)
    # Whether confirmations begin early is a matter of who is idle; with how many fits, not.
    further = again.decisions[len(simulation.decisions) :]
    assert all(each.kind == "confirm fits" for each in further)
    return again


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


def test_milestones_are_the_rungs_below_a_gans_length_and_only_for_the_search():
    parameters = {
        **STUDY["search"]["parameters"],
        "balancing/gan/generator_steps": {"kind": "int", "low": 100, "high": 100},
    }
    config = parse_study(
        {
            **STUDY,
            "balancers": {name: {"gan": {"generator_steps": 100}} for name in ("vanilla_gan", "wgan_gp")},
            "search": {
                **STUDY["search"],
                "parameters": parameters,
                "pruning": {"rungs": [0.1, 0.3, 0.9, 1.5], "reduction_factor": 3},
            },
        }
    )
    gan = {"vanilla_gan", "wgan_gp"}
    milestones = {
        (r.phase, r.search.stage if r.search else None): tuple(r.config["balancing"]["gan"]["milestones"])
        for r in finished(config).records.values()
        if r.balancer in gan
    }
    assert milestones == {
        ("search", "defaults"): (10, 30, 90),
        ("search", "search"): (10, 30, 90),
        ("search", "last round"): (),
        ("search", "check"): (),
        ("confirm", None): (),
    }


def test_confirmations_of_what_is_settled_begin_while_the_search_still_runs():
    simulation = Simulation()
    simulation.run(study(), num_workers=80, seed=0, kill_after=45)
    assert simulation.closed is None
    started = Counter(trial.purpose.phase for trial in simulation.started)
    assert started["confirm"] > 0
    kept = [each for each in simulation.decisions if each.kind == "confirm fits"]
    assert len(kept) == 1
    simulation.run(study(), num_workers=40, seed=1)
    assert simulation.closed.fits == kept[0].fits
    assert len(simulation.phase("confirm")) == 42


GRID = {
    "balancing/name": {"kind": "choice", "options": ["vanilla_gan"]},
    "balancing/gan/generator_steps@vanilla_gan": {"kind": "choice", "options": [5, 10, 20]},
    "balancing/gan/learning_rate": {"kind": "choice", "options": [1e-4, 1e-3, 1e-2]},
    "balancing/gan/weights/gradient_penalty": None,
    "balancing/dose": None,
}


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


def is_gan(trial, phase):
    return trial.purpose.phase == phase and BALANCERS[trial.config.balancing.name].is_gan


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
