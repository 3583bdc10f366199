"""Which trials a study has, phase by phase."""

from collections import Counter

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.summary import TrialCount
from gan_study.study.plan.trials import is_done, num_trials
from tests.study.plan.planned import STUDY, finished, study
from tests.study.simulation import Simulation


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
