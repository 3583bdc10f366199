"""Whether a GAN in bf16 is worth as much to a classifier as one in float32, with paired seeds.

`python -m benchmarks.precision_f1` runs a `dcgan` trial in each precision for each of ten seeds, on the images of
the quickstart (digits at 16 pixels, ratio 5), and prints the mean difference in test minority F1 with its 95 %
interval. A trial that is done is kept in benchmarks/results, so that it may be stopped and run again; `--write`
puts the line into docs/benchmarks.md.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import torch
from pydantic import JsonValue

from benchmarks.page import put_lines
from gan_study.analysis.inference.estimates import t_interval
from gan_study.study.plan.recipe import study_config
from gan_study.trainables.base.settings import dump
from gan_study.trainables.gans.precision import Precision
from gan_study.trainables.records.record import Selection
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

RESULTS = Path(__file__).parent / "results" / "precision_f1"
SEEDS = range(101, 111)
PRECISIONS: tuple[Precision, ...] = ("float32", "bf16")
STEPS, FITS = 2000, 3


def minority_f1(precision: Precision, seed: int) -> float:
    """Test minority F1, the mean over the fits."""
    study = study_config("quickstart")
    gan: dict[str, JsonValue] = {"batch_size": 16, "generator_steps": STEPS, "precision": precision}
    trial = parse_trial(
        {
            "seed": seed,
            "data": dump(study.data),
            "imbalance": dump(study.imbalance),
            "classifier": dump(study.classifier),
            "evaluation": {"test": True, "fits": FITS},
            "balancing": {"name": "dcgan", "gan": gan},
        }
    )
    # A later round of seeds does not measure the images, which would take longer than the training.
    purpose = Purpose(phase="confirm", selection=Selection(search_trials=0, round=2))
    *_, outcome = run_trial(trial, purpose, device=torch.device("cpu"))
    assert isinstance(outcome, TrialOutcome)
    assert outcome.record.environment["gan_precision"] == precision
    found = outcome.record.scores["test"]["minority_f1"]
    assert found is not None, "the test part has images of both rare classes"
    return found


def lines() -> list[str]:
    """The mean difference over the seeds that were run in both precisions, with its interval; needs three."""
    found = {
        (precision, seed): float(json.loads(path.read_text()))
        for precision in PRECISIONS
        for seed in SEEDS
        if (path := _path(precision, seed)).exists()
    }
    seeds = [seed for seed in SEEDS if all((precision, seed) in found for precision in PRECISIONS)]
    return [describe([found["float32", seed] for seed in seeds], [found["bf16", seed] for seed in seeds])]


def describe(exact: Sequence[float], rounded: Sequence[float]) -> str:
    """Both means and their paired difference as a sentence."""
    difference = t_interval([theirs - ours for ours, theirs in zip(exact, rounded, strict=True)])
    return (
        f"Minority F1 on the test part of the quickstart's digits, with a `dcgan` of {STEPS:,} steps and"
        f" {len(exact)} paired seeds: {fmean(exact):.4f} in float32, {fmean(rounded):.4f} in bf16; the difference"
        f" is {difference.mean:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})."
    )


def _path(precision: str, seed: int) -> Path:
    return RESULTS / f"{precision}-{seed}.json"


def main() -> None:
    """Measure what is missing, and write the line if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), choices=list(SEEDS))
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for precision in PRECISIONS:
            path = _path(precision, seed)
            if not path.exists():
                path.write_text(json.dumps(minority_f1(precision, seed)))
                print(path.stem, path.read_text(), flush=True)
    print("\n".join(lines()))
    if options.write:
        put_lines("benchmarks.md", "precision f1", lines())


if __name__ == "__main__":
    main()
