"""Whether pretraining on all classes and DiffAugment pay for few rare images, with paired seeds.

`python -m benchmarks.gan_start zeros` runs a `dcgan` trial for each seed without either, with DiffAugment, and
after pretraining, and prints mean gains over no balancing in minority F1 on the test set, and GAN-train. A trial
that is done is kept in benchmarks/results, so that it may be stopped and run again; `--write` puts the table of
all that is kept into docs/gan_length.md.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from pydantic import JsonValue

from benchmarks.gan_length import TASKS
from benchmarks.page import put_lines
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

RESULTS = Path(__file__).parent / "results" / "gan_start"
SEEDS, FITS = range(1, 6), 3
# No balancing, then the GAN as it is, and with each start.
ARMS: Mapping[str, JsonValue] = {
    "none": {"name": "none"},
    "dcgan": {"name": "dcgan", "gan": {}},
    "diff_augment": {"name": "dcgan", "gan": {"diff_augment": True}},
    "pretrain": {"name": "dcgan", "gan": {"pretrain": "all_classes"}},
}


def run(task: str, arm: str, seed: int, root: Path) -> dict[str, float]:
    """Test minority F1, the mean over the fits, and GAN-train with its reference, the mean over rare classes."""
    each = TASKS[task]
    trial = parse_trial(
        {
            "seed": seed,
            "data": {**each.data, "root": str(root / each.folder)},
            "imbalance": dict(each.imbalance),
            "classifier": {"epochs": each.epochs},
            "evaluation": {"test": True, "fits": FITS},
            "balancing": ARMS[arm],
        }
    )
    *_, outcome = run_trial(
        trial, Purpose(phase="confirm"), device=torch.device("cpu"), source=image_source(trial.data)
    )
    assert isinstance(outcome, TrialOutcome)
    found = {"f1": outcome.record.scores["test"]["minority_f1"] or 0.0}
    if outcome.record.gan is None:
        return found
    names = outcome.arrays["quality/metrics"].tolist()
    values = outcome.arrays["quality/values"]
    return found | {
        "gan_train": float(np.mean(values[:, names.index("gan_train")])),
        "reference": float(np.mean(values[:, names.index("gan_train_floor")])),
        "generator_steps": float(outcome.record.gan.generator_steps or 0),
    }


def table() -> Iterator[str]:
    """A line for each set and start, over the seeds that all of the set's have."""
    yield "| set | start | seeds | gain in minority F1 | against no such start | GAN-train (real images) | steps |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for task, each in TASKS.items():
        kept = {
            (arm, seed): json.loads(path.read_text())
            for arm in ARMS
            for seed in SEEDS
            if (path := RESULTS / f"{task}-{arm}-{seed}.json").exists()
        }
        for arm in list(ARMS)[1:]:
            seeds = [seed for seed in SEEDS if all((name, seed) in kept for name in ("none", "dcgan", arm))]
            if len(seeds) < 2:
                continue
            gains = [kept[arm, seed]["f1"] - kept["none", seed]["f1"] for seed in seeds]
            more = [kept[arm, seed]["f1"] - kept["dcgan", seed]["f1"] for seed in seeds]
            quality = [fmean(kept[arm, seed][name] for seed in seeds) for name in ("gan_train", "reference")]
            steps = fmean(kept[arm, seed]["generator_steps"] for seed in seeds)
            beside = "" if arm == "dcgan" else f"{fmean(more):+.3f} ± {stdev(more) / len(more) ** 0.5:.3f}"
            yield (
                f"| {each.title} | {arm} | {len(seeds)} | {fmean(gains):+.3f} | {beside} |"
                f" {quality[0]:.2f} ({quality[1]:.2f}) | {steps:,.0f} |"
            )


def main() -> None:
    """Measure what is missing, and write the table if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS])
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--root", type=Path, default=Path("../shared/data"), help="where the data sets lie")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for task in options.tasks:
        for seed in SEEDS:
            for arm in options.arms:
                path = RESULTS / f"{task}-{arm}-{seed}.json"
                if not path.exists():
                    path.write_text(json.dumps(run(task, arm, seed, options.root)))
                    print(path.stem, path.read_text(), flush=True)
    print("\n".join(table()))
    if options.write:
        put_lines("gan_length.md", "starts", list(table()))


if __name__ == "__main__":
    main()
