"""Simulated studies for the tests of what is planned."""

from collections import Counter

from gan_study.study.plan.config import parse_study
from gan_study.trainables.balancing.catalog import BALANCERS
from tests.study.simulation import Simulation

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


def suggestions(simulation):
    return [each for each in simulation.decisions if each.kind == "suggestion"]


def stages(simulation):
    """How many trials each balancer had at each ratio in each stage of the search."""
    return Counter(
        (each.stage, each.balancer, each.ratio) for each in simulation.decisions if each.kind == "suggestion"
    )


def replayed(config, simulation, *, num_workers, seed):
    """The study run anew from the decisions that another one left."""
    again = Simulation(decisions=list(simulation.decisions))
    again.run(config, num_workers=num_workers, seed=seed)
    # Whether confirmations begin early is a matter of who is idle; with how many fits, not.
    further = again.decisions[len(simulation.decisions) :]
    assert all(each.kind == "confirm fits" for each in further)
    return again


GRID = {
    "balancing/name": {"kind": "choice", "options": ["vanilla_gan"]},
    "balancing/gan/generator_steps@vanilla_gan": {"kind": "choice", "options": [5, 10, 20]},
    "balancing/gan/learning_rate": {"kind": "choice", "options": [1e-4, 1e-3, 1e-2]},
    "balancing/gan/weights/gradient_penalty": None,
    "balancing/dose": None,
}


def is_gan(trial, phase):
    return trial.purpose.phase == phase and BALANCERS[trial.config.balancing.name].is_gan
