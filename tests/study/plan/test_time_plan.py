from dataclasses import replace
from itertools import pairwise

import pytest

from gan_study.search_spaces.space import BALANCER
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.costs import GanSpeed, Speeds, Workload
from gan_study.study.plan.time_plan import (
    CONTINGENCY,
    Machine,
    Records,
    concessions,
    forecast,
    forecast_of,
    plan_within,
    trials_left,
)
from gan_study.trainables.trial.config import gan_settings
from tests.study.simulation import Simulation

CONFIG = parse_study(
    {
        "name": "test",
        "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3"]},
        "baselines": ["random_oversampling", "duplicates", "class_weights", "real_upper_bound", "smote"],
        "balancers": {
            "wgan_gp": {"gan": {"generator_steps": 400}},
            "r3gan": {"gan": {"generator_steps": 800}},
        },
        "search": {
            "trials": 200,
            "parameters": {BALANCER: {"kind": "choice", "options": ["wgan_gp", "dcgan", "r3gan"]}},
        },
        "confirm": {"seeds": [1, 2, 3, 4, 5], "until": "decided", "most_seeds": 12, "fits": 3},
    }
)
GANS = ("wgan_gp", "dcgan", "r3gan")


def machine(*, workers=2, slower=1.0, rare=40, **gans):
    speeds = {name: GanSpeed(step=slower * gans.get(name, 0.02), image=0.0) for name in GANS}
    return Machine(
        speeds=Speeds(
            gans=speeds,
            classifier_step=0.01 * slower,
            classifier_start=0.1,
            domain_step=0.01 * slower,
            prediction=1e-5,
            data=0.1,
        ),
        workloads={None: Workload(training=(200,) * 9 + (rare,), minority=(9,), num_validation=400, num_test=400)},
        num_workers=workers,
    )


def keys(plans):
    """What each plan leaves out last."""
    return [list(plan.left_out)[-1] if plan.left_out else "nothing" for plan in plans]


def test_things_are_given_up_in_one_order():
    plans = list(concessions(CONFIG, machine(dcgan=1.0)))
    order = list(dict.fromkeys(keys(plans)))
    assert order == ["nothing", "search", "rounds", "fits", "floors", "gans", "seeds", "methods", "lengths"]
    # Half of the search while a race and 25 points of a survivor are left, then none.
    assert [plan.config.search.trials for plan in plans[:4]] == [200, 100, 50, 0]
    last = plans[-1].config
    assert last.space().balancers == ("dcgan",)
    assert last.confirm.seeds == (1, 2, 3)
    assert last.confirm.fits == 1
    assert last.baselines == ("duplicates", "class_weights", "real_upper_bound")
    assert "WARNING" in plans[-1].left_out["lengths"]


def test_of_few_images_a_gan_takes_its_least_length_anyway():
    assert "floors" in keys(concessions(CONFIG, machine(rare=40)))
    assert "floors" not in keys(concessions(CONFIG, machine(rare=20)))


def test_a_gan_is_not_cut_short_where_that_saves_no_time():
    def shortest(step):
        *_, last = concessions(CONFIG, machine(dcgan=step))
        return gan_settings(last.config.balancing_by("dcgan")).generator_steps, "lengths" in last.left_out

    steps = gan_settings(CONFIG.balancing_by("dcgan")).generator_steps
    assert shortest(1e-6) == (steps, False)
    assert shortest(1.0)[0] < steps / 4


def test_the_dearest_gan_goes_first_and_dcgan_last_whatever_it_costs():
    def left(**gans):
        return [p.config.space().balancers for p in concessions(CONFIG, machine(**gans)) if "gans" in p.left_out]

    assert left(wgan_gp=1.0)[0] == ("dcgan", "r3gan")
    assert left(r3gan=10.0)[0] == ("wgan_gp", "dcgan")
    assert left(dcgan=100.0)[-1] == ("dcgan",)


def test_each_concession_takes_less_time_than_the_one_before():
    alone = machine(workers=1)
    seconds = [forecast_of(plan, alone).total for plan in concessions(CONFIG, alone)]
    assert all(earlier > later for earlier, later in pairwise(seconds))


def test_more_time_never_gives_less():
    plans = list(concessions(CONFIG, machine()))
    budgets = [60 * 1.25**n for n in range(40)]
    places = [plans.index(plan_within(CONFIG, machine(), seconds)) for seconds in budgets]
    assert places == sorted(places, reverse=True)
    assert places[0] == len(plans) - 1 and places[-1] == 0 and len(set(places)) > 6


def test_a_plan_fits_and_the_next_larger_one_does_not():
    plans = list(concessions(CONFIG, machine()))
    chosen = plan_within(CONFIG, machine(), 900.0)
    larger = plans[plans.index(chosen) - 1]
    assert forecast_of(chosen, machine()).total <= 900 < forecast_of(larger, machine()).total


def test_a_slower_machine_leaves_out_as_much_or_more():
    plans = list(concessions(CONFIG, machine()))
    places = [plans.index(plan_within(CONFIG, machine(slower=slower), 1200.0)) for slower in (0.5, 1, 2, 4)]
    assert places == sorted(places) and places[0] < places[-1]


def test_a_forecast_is_its_phases_and_what_is_no_trial():
    found = forecast(CONFIG, machine())
    assert {phase: len(some) for phase, some in found.trials.items()} == {
        # Six, and no balancing in the splits of the last round, of its check, and in the two that the race adds.
        "baseline": 10,
        "search": 200,
        "confirm": 9 * 12,
    }
    assert found.total == CONTINGENCY * sum(found.seconds.values()) + found.beside
    assert forecast(CONFIG, machine(), with_rounds=False).total < found.total
    slow = forecast(CONFIG, replace(machine(), slowness=3.0))
    assert slow.beside == pytest.approx(3 * found.beside)


def test_what_has_a_record_takes_no_time():
    searched = replace(CONFIG.search, trials=0)
    small = replace(CONFIG, search=searched, confirm=replace(CONFIG.confirm, until="fixed"))
    simulation = Simulation()
    simulation.run(small, num_workers=1, seed=0, kill_after=20)
    recorded = Records(
        trial_ids=frozenset(simulation.records),
        num_searched=len(simulation.phase("search")),
        closed=simulation.closed,
    )
    left = trials_left(small, recorded)
    assert sum(map(len, left.values())) == 6 + 9 * 5 - 20
    simulation.run(small, num_workers=1, seed=0)
    everything = Records(trial_ids=frozenset(simulation.records), closed=simulation.closed)
    assert not any(trials_left(small, everything).values())
    assert len(trials_left(CONFIG, Records(num_searched=150))["search"]) == 50


def test_a_study_with_a_fixed_number_of_seeds_and_no_gan_has_less_to_give_up():
    simple = replace(
        CONFIG,
        search=replace(
            CONFIG.search,
            trials=0,
            parameters={BALANCER: replace(CONFIG.search.parameters[BALANCER], options=("mixup",))},
        ),
        confirm=replace(CONFIG.confirm, until="fixed", fits=1),
    )
    assert set(keys(concessions(simple, machine()))) == {"nothing", "seeds", "methods"}
