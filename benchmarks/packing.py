"""One study of equal trials, one at a time and as many as there are cores, one thread each: how well they pack.

`python -m benchmarks.packing` has the digits and trains one GAN with one learning rate after another for the same
number of epochs. Written to benchmarks/results: both wall times, their ratio, and which share of the time of all
workers lies outside trials, Tune and the start of the workers among it.
"""

import argparse
import os

import ray
import torch
from pydantic import JsonValue

from benchmarks.study import Timed, publish, timed
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.tune_adapter import SessionSearcher

SETTINGS = (
    "classifier.epochs=5",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [dcgan]}",
    "search.parameters.balancing/gan/learning_rate={kind: float, low: 1.0e-4, high: 1.0e-3}",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.cpus_per_trial=1",
)


def packed(trials: int, workers: int) -> Timed:
    """The study with so many trials at a time."""
    config = study_config(
        "quickstart",
        [
            *SETTINGS,
            f"search.trials={trials}",
            f"resources.max_concurrent={workers}",
        ],
    )
    return timed(config, SessionSearcher)


def summary(run: Timed, workers: int) -> dict[str, JsonValue]:
    """The results of a run."""
    in_trials = sum(run.in_trials().values())
    return {
        "workers": workers,
        "trials": len(run.trials),
        "wall_seconds": round(run.wall, 1),
        "seconds_in_trials": round(in_trials, 1),
        "share_outside_trials": round(1 - in_trials / (run.wall * workers), 3),
    }


def main() -> None:
    """Runs both, writes what was found and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(address="local", num_cpus=arguments.workers, include_dashboard=False, log_to_driver=False)
    alone, together = packed(arguments.trials, 1), packed(arguments.trials, arguments.workers)
    found: dict[str, JsonValue] = {
        "torch": torch.__version__,
        "one at a time": summary(alone, 1),
        "together": summary(together, arguments.workers),
        "ratio of wall times": round(alone.wall / together.wall, 2),
        "every number is the same": alone.outcomes() == together.outcomes(),
    }
    publish("packing", found)


if __name__ == "__main__":
    main()
