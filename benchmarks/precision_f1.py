"""Whether bf16 costs anything: test minority F1 in both precisions, with paired seeds.

`python -m benchmarks.precision_f1` trains a `dcgan` in each precision for each of ten seeds, on the images of the
quickstart (digits at 16 pixels, ratio 5), and prints the mean difference in test minority F1 with its 95 %
interval. `--classifier NAME` trains that classifier in each precision instead, without a GAN, and prints a row for
each that was run. A trial that is done is kept in benchmarks/results, so that it may be stopped and run again;
`--write` puts what is printed into docs/benchmarks.md.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch
from pydantic import JsonValue

from benchmarks.page import put_lines
from gan_study.analysis.inference.estimates import t_interval
from gan_study.study.plan.recipe import study_config
from gan_study.trainables.base.precision import CpuPrecision
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.records.record import Selection
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

RESULTS = Path(__file__).parent / "results" / "precision_f1"
SEEDS = range(101, 111)
PRECISIONS: tuple[CpuPrecision, ...] = ("float32", "bf16")
STEPS, FITS, FEWEST_PAIRS = 2000, 3, 3
# Balances without a GAN, so that the classifier is all that is trained.
BALANCER = "random_oversampling"


def trial_of(classifier: str | None, precision: CpuPrecision, seed: int) -> TrialConfig:
    """A trial of the quickstart: its classifier on images of a GAN in `precision`, or `classifier` in it."""
    study = study_config("quickstart")
    gan: dict[str, JsonValue] = {"batch_size": 16, "generator_steps": STEPS, "precision": precision}
    fitted = study.classifier
    if classifier is not None:
        fitted = replace(fitted, name=classifier, precision=precision)
    return parse_trial(
        {
            "seed": seed,
            "data": dump(study.data),
            "imbalance": dump(study.imbalance),
            "classifier": dump(fitted),
            "evaluation": {"test": True, "fits": FITS},
            "balancing": {"name": "dcgan", "gan": gan} if classifier is None else {"name": BALANCER},
        }
    )


def minority_f1(trial: TrialConfig) -> float:
    """Test minority F1, the mean over the fits."""
    # A later round of seeds does not measure the images, which would take longer than the training.
    purpose = Purpose(phase="confirm", selection=Selection(search_trials=0, round=2))
    *_, outcome = run_trial(trial, purpose, device=torch.device("cpu"))
    assert isinstance(outcome, TrialOutcome)
    found = outcome.record.scores["test"]["minority_f1"]
    assert found is not None, "the test set has images of both rare classes"
    return found


def lines() -> list[str]:
    """A sentence on the GAN."""
    return [describe(*_pairs(None))]


def classifier_lines() -> Iterator[str]:
    """A row for each classifier that was run with enough seeds."""
    yield "| classifier | pairs | in float32 | in bf16 | difference |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for name in CLASSIFIERS:
        exact, rounded = _pairs(name)
        if len(exact) >= FEWEST_PAIRS:
            means = f"{fmean(exact):.4f} | {fmean(rounded):.4f}"
            yield f"| `{name}` | {len(exact)} | {means} | {gain(exact, rounded)} |"


def describe(exact: Sequence[float], rounded: Sequence[float]) -> str:
    """Both means of the GAN and their paired difference as a sentence."""
    return (
        f"Minority F1 on the test set of the quickstart's digits, with a `dcgan` of {STEPS:,} steps and"
        f" {len(exact)} paired seeds: {fmean(exact):.4f} in float32, {fmean(rounded):.4f} in bf16; the difference"
        f" is {gain(exact, rounded)}."
    )


def gain(exact: Sequence[float], rounded: Sequence[float]) -> str:
    """The mean paired difference with its interval."""
    difference = t_interval([theirs - ours for ours, theirs in zip(exact, rounded, strict=True)])
    return f"{difference.mean:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})"


def _pairs(classifier: str | None) -> tuple[list[float], list[float]]:
    """The scores in float32 and in bf16 of the seeds that were run in both."""
    seeds = [seed for seed in SEEDS if all(_path(classifier, name, seed).exists() for name in PRECISIONS)]
    exact, rounded = (
        [float(json.loads(_path(classifier, name, seed).read_text())) for seed in seeds] for name in PRECISIONS
    )
    return exact, rounded


def _path(classifier: str | None, precision: str, seed: int) -> Path:
    return RESULTS / f"{'' if classifier is None else f'{classifier}-'}{precision}-{seed}.json"


def main() -> None:
    """Measure what is missing, and write the rows if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", choices=list(CLASSIFIERS), help="instead of a GAN")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), choices=list(SEEDS))
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for precision in PRECISIONS:
            path = _path(options.classifier, precision, seed)
            if not path.exists():
                path.write_text(json.dumps(minority_f1(trial_of(options.classifier, precision, seed))))
                print(path.stem, path.read_text(), flush=True)
    found = lines() if options.classifier is None else list(classifier_lines())
    print("\n".join(found))
    if options.write:
        put_lines("benchmarks.md", f"{'' if options.classifier is None else 'classifier '}precision f1", found)


if __name__ == "__main__":
    main()
