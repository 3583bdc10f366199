"""How a study that was short of time goes on, whatever the noise of the probe."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_study.study.plan.extensions import extensions, plan_on
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms
from gan_study.study.plan.time_plan import Plan, Records, concessions, default_selection, forecast_of
from tests.study.plan.test_time_plan import CONFIG, machine
from tests.study.simulation import Simulation

NOTHING = Records()
FIXED = replace(CONFIG, confirm=replace(CONFIG.confirm, until="fixed", fits=2))
SMALL = replace(FIXED, search=replace(FIXED.search, trials=60, trials_each=10))
# As many plans as there are concessions, on the machine where the study began.
PLANS = list(concessions(SMALL, machine(dcgan=1.0)))


def has_at_least(larger, smaller):
    """Whether a study has all that another has."""
    return (
        set(smaller.space().balancers) <= set(larger.space().balancers)
        and set(smaller.baselines) <= set(larger.baselines)
        and set(smaller.confirm.seeds) <= set(larger.confirm.seeds)
        and smaller.search.trials <= larger.search.trials
        and smaller.confirm.fits <= larger.confirm.fits
    )


@pytest.mark.parametrize("current", PLANS, ids=lambda plan: "-".join(plan.left_out) or "whole")
def test_whatever_was_left_out_comes_back_step_by_step(current):
    plans = list(extensions(SMALL, current))
    assert plans[0] == current and plans[-1] == Plan(config=SMALL)
    assert all(has_at_least(after.config, before.config) for before, after in pairwise(plans))
    one_core = machine(workers=1)
    seconds = [forecast_of(plan, one_core).total for plan in plans]
    assert all(before <= after for before, after in pairwise(seconds))
    # Each sentence is that of the study which has it.
    for plan in plans:
        names = plan.config.space().balancers
        left = plan.left_out.get("gans", "")
        assert all((name in left) == (name not in names) for name in CONFIG.space().balancers)


@settings(max_examples=8, deadline=None)
@given(
    place=st.integers(0, len(PLANS) - 1),
    noise=st.tuples(*[st.floats(0.9, 1.1)] * 3),
    seconds=st.floats(60, 30_000),
    is_done=st.booleans(),
)
def test_the_noise_of_a_probe_takes_nothing_away_and_adds_no_more_than_fits(place, noise, seconds, is_done):
    gans = dict(zip(("dcgan", "wgan_gp", "r3gan"), noise, strict=True))
    now, current = machine(**{name: 0.05 * each for name, each in gans.items()}), PLANS[place]
    plan = plan_on(SMALL, current, now, seconds, NOTHING, is_done=is_done)
    steps = list(extensions(SMALL, current))
    assert plan in steps
    fits = [each for each in steps[1:] if forecast_of(each, now).total <= seconds]
    nothing_fits = steps[min(1, len(steps) - 1)] if is_done else current
    assert plan == (fits[-1] if fits else nothing_fits)


def test_two_gans_of_about_one_speed_change_nothing_about_a_resumed_study():
    # A wgan_gp has 400 steps, an r3gan 800.
    first = machine(dcgan=0.02, wgan_gp=0.102, r3gan=0.05)
    again = machine(dcgan=0.02, wgan_gp=0.1, r3gan=0.051)
    current = next(plan for plan in concessions(CONFIG, first) if plan.left_out.get("gans"))
    assert current.config.space().balancers == ("dcgan", "r3gan")
    larger = list(extensions(CONFIG, current))[1]
    seconds = forecast_of(larger, first).total + 30
    for now in (first, again):
        for is_done in (False, True):
            assert plan_on(CONFIG, current, now, seconds, NOTHING, is_done=is_done) == larger


def test_a_study_that_was_changed_by_hand_goes_on_from_what_it_has():
    odd = replace(
        CONFIG, search=replace(CONFIG.search, trials=70), confirm=replace(CONFIG.confirm, seeds=(1, 4, 2))
    )
    plans = [plan.config for plan in extensions(CONFIG, Plan(config=odd))]
    assert plans[0] == odd and plans[-1] == CONFIG
    assert all(has_at_least(after, before) for before, after in pairwise(plans))
    assert plan_on(CONFIG, Plan(config=odd), machine(), 1.0, NOTHING, is_done=False).config == odd


def test_methods_that_are_added_after_the_choice_are_part_of_its_time():
    current = next(plan for plan in concessions(FIXED, machine()) if plan.left_out.get("gans"))
    known = Records(closed=default_selection(current.config))
    assert plan_on(FIXED, current, machine(), 1e9, known, is_done=True).config == FIXED
    larger = list(extensions(FIXED, current))[1]
    missing = forecast_of(larger, machine()).total - 1
    assert plan_on(FIXED, current, machine(), missing, known, is_done=False) == current


def test_an_arm_that_time_did_not_allow_for_is_confirmed_later_with_the_seeds_of_the_others():
    whole = replace(CONFIG, search=replace(CONFIG.search, trials=0), confirm=replace(CONFIG.confirm, fits=1))
    # Of so few images a GAN has its least length anyway: what was trained stays as it was asked for.
    left_out = [plan for plan in concessions(whole, machine(rare=20)) if plan.left_out.get("gans")]
    current = left_out[0].config
    simulation = Simulation()
    simulation.run(current, num_workers=1, seed=0, is_decided=lambda simulation: True)
    assert simulation.rounds.end == "decided"
    simulation.closed = None
    simulation.run(whole, num_workers=1, seed=0, is_decided=lambda simulation: True)
    seeds = {
        name: sorted(each.seed for each in simulation.phase("confirm") if each.balancer == name)
        for name in ("dcgan", "wgan_gp", "r3gan")
    }
    assert seeds == {name: [1, 2, 3, 4, 5] for name in seeds}
    assert simulation.rounds == Rounds(
        rounds=(SeedRound(seeds=(1, 2, 3, 4, 5), arms=simulation.rounds.rounds[0].arms),), end="decided"
    )
    assert set(simulation.rounds.rounds[0].arms) == set(all_arms(whole))
