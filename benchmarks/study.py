"""One study of 64 search trials three times: as it is, with nothing shared among its trials, and naively.

`python -m benchmarks.study` has the digits, `--data mnist --root DIR` 600 images of MNIST. The trials of all
runs, one at a time, are the same to the last setting. In the second each has a folder of its own to keep things
in, so that it trains its GAN from the first epoch and all that measures images itself. In the third it does so
with the plain loops of benchmarks/reference.py, its GAN, its classifier and what measures images; their random
numbers are others. Written to benchmarks/results: the wall times, whether every number is the same, and how the
trials rank.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

import ray
import torch
from pydantic import JsonValue
from rich.console import Console
from scipy.stats import spearmanr

from benchmarks.naive import PlainlyTrained
from gan_study.study.plan.config import StudyConfig
from gan_study.study.plan.recipe import study_config
from gan_study.study.plan.trials import PlannedTrial
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import run_study
from gan_study.study.run.tune_adapter import SessionSearcher
from gan_study.trainables.records.record import TrialRecord
from gan_study.trainables.trial.request import TrialRequest
from gan_study.trainables.trial.trainable import GanStudyTrainable

RESULTS = Path(__file__).parent / "results"
EPOCHS = (5, 10, 25, 50, 100)
# So coarse that one GAN is asked for at several lengths, and to fill a class half or wholly.
LEARNING_RATES = (5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 8e-4, 1e-3, 2e-3)
SHARES = (0.5, 1.0)
NUM_TRIALS = 64
SETTINGS = (
    "classifier.epochs=2",
    "baselines=[class_weights]",
    "balancers={cgan: {gan: {batch_size: 64}}}",
    "search.parameters.balancing/name={kind: choice, options: [cgan]}",
    f"search.parameters.balancing/gan/epochs={{kind: choice, options: {list(EPOCHS)}}}",
    f"search.parameters.balancing/gan/learning_rate={{kind: choice, options: {list(LEARNING_RATES)}}}",
    f"search.parameters.balancing/dose={{kind: choice, options: {list(SHARES)}}}",
    # At random throughout: which points are tried is not what is timed.
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.max_concurrent=1",
)
MNIST = ("data.name=mnist", "data.image_size=28", "data.train_size=600")


class SharesNothing(SessionSearcher):
    """Gives each trial a place of its own for what it caches, and nothing to leave there for others."""

    def request(self, planned: PlannedTrial) -> TrialRequest:
        """What a worker is asked to do for a planned trial."""
        request = super().request(planned)
        own = request.places.cache / request.trial_id
        places = replace(request.places, cache=own, gans=own / "gans")
        return replace(request, places=places, checkpoint_steps=frozenset())


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A study that was run: how long it took, in seconds, and its records."""

    wall: float
    trials: Sequence[TrialRecord]

    def in_trials(self) -> dict[str, float]:
        """Seconds of all trials together, by stage."""
        stages = sorted({stage for trial in self.trials for stage in trial.seconds})
        return {stage: sum(trial.seconds.get(stage, 0.0) for trial in self.trials) for stage in stages}

    def outcomes(self) -> dict[str, object]:
        """All numbers of each trial."""
        return {trial.trial_id: trial.outcome() for trial in self.trials}

    def ranking(self) -> list[str]:
        """The search trials, the largest gain first."""
        searched = [trial for trial in self.trials if trial.phase == "search"]
        return [t.trial_id for t in sorted(searched, key=lambda t: (-(t.objective or 0.0), t.trial_id))]

    def gains(self) -> list[float]:
        """What the search trials gained, in the order of their names."""
        searched = sorted((t for t in self.trials if t.phase == "search"), key=lambda t: t.trial_id)
        return [t.objective or 0.0 for t in searched]

    def summary(self) -> dict[str, JsonValue]:
        """Its results."""
        in_trials = self.in_trials()
        outside = self.wall - sum(in_trials.values())
        return {
            "wall_seconds": round(self.wall, 1),
            "seconds_by_stage": {stage: round(seconds, 1) for stage, seconds in in_trials.items()},
            "seconds_outside_trials": round(outside, 1),
            "seconds_outside_trials_per_trial": round(outside / len(self.trials), 2),
            "trials": len(self.trials),
        }


def timed(
    config: StudyConfig,
    searcher: type[SessionSearcher],
    trainable: type[GanStudyTrainable] = GanStudyTrainable,
) -> Timed:
    """A run of `config` whose trials `searcher` hands out and `trainable` runs."""
    quiet = RunOptions(console=Console(quiet=True))
    with (
        tempfile.TemporaryDirectory() as folder,
        patch("gan_study.study.run.tuner.SessionSearcher", searcher),
        patch("gan_study.study.run.tuner.GanStudyTrainable", trainable),
    ):
        started = perf_counter()
        result = run_study(config, out=Path(folder) / "study", options=quiet)
        wall = perf_counter() - started
    # The three take half an hour: progress is printed.
    print(f"{trainable.__name__}, {searcher.__name__}: {wall:.1f} s", file=sys.stderr, flush=True)
    # A trial that failed at once would look like a quick one.
    reasons = {trial.failure for trial in result.trials if trial.status != "complete"}
    if reasons:
        raise RuntimeError(f"not every trial came to its end: {reasons}")
    return Timed(wall=wall, trials=result.trials)


def compared(shared: Timed, alone: Timed, naive: Timed) -> dict[str, JsonValue]:
    """The three runs beside each other."""
    return {
        "threads": 1,
        "torch": torch.__version__,
        "as it is": shared.summary(),
        "nothing shared": alone.summary(),
        "naive": naive.summary(),
        "nothing shared, times as it is": round(alone.wall / shared.wall, 2),
        "naive, times as it is": round(naive.wall / shared.wall, 2),
        "nothing shared: every number is the same": shared.outcomes() == alone.outcomes(),
        "nothing shared: the ranking is the same": shared.ranking() == alone.ranking(),
        "naive: rank correlation of the gains": round(float(spearmanr(shared.gains(), naive.gains())[0]), 3),
        "naive: its best tenth holds the best": shared.ranking()[0] in naive.ranking()[: NUM_TRIALS // 10],
    }


def publish(name: str, found: Mapping[str, JsonValue]) -> None:
    """Writes what was found to benchmarks/results, and prints it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(found, indent=2) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(text)


def main() -> None:
    """Runs all three, writes what was found and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=("digits", "mnist"), default="digits")
    parser.add_argument("--root", help="where MNIST lies")
    parser.add_argument("--trials", type=int, default=NUM_TRIALS)
    arguments = parser.parse_args()
    of_data = MNIST if arguments.data == "mnist" else ()
    of_root = (f"data.root={arguments.root}",) if arguments.root else ()
    config = study_config("quickstart", [*SETTINGS, *of_data, *of_root, f"search.trials={arguments.trials}"])
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    shared, alone = timed(config, SessionSearcher), timed(config, SharesNothing)
    naive = timed(config, SharesNothing, PlainlyTrained)
    found = {"data": arguments.data, **compared(shared, alone, naive)}
    publish(f"study-{arguments.data}", found)


if __name__ == "__main__":
    main()
