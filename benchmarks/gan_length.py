"""How long a GAN has to be trained: what its images are worth after so many generator steps, on three sets.

`python -m benchmarks.gan_length dcgan r3gan` trains each variant with its own settings on 22 zeros of MNIST, 56
chest X-rays at 32 pixels and 500 coats of Fashion-MNIST. It keeps a file a training in benchmarks/results, so that
it may be stopped and run again. GAN-train is the recall of the rare class, on real images that nothing was trained
on, of a classifier that knows it from generated images alone (Shmelkov et al. 2018); the real-image reference is
that of the real ones, repeated as often. `--write` puts the table of all that is kept into docs/gan_length.md.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import process_time

import torch
from pydantic import JsonValue

from benchmarks.page import put_lines
from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.data.images import class_counts
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.image_quality.judge import RealImages, reference_recall
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.data import held_out, load_data

RESULTS = Path(__file__).parent / "results" / "gan_length"
MARKS = (125, 250, 500, 1000, 1500, 2000, 3000, 4000)
# A classifier's recall of one class varies by some hundredths from fit to fit.
FITS = 3
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Task:
    """A rare class to make images of."""

    title: str
    folder: str
    """Where the data lie, below the root."""
    data: Mapping[str, JsonValue]
    imbalance: Mapping[str, JsonValue]
    epochs: int
    """Of the classifier."""


TASKS: Mapping[str, Task] = {
    "zeros": Task(
        title="22 zeros, MNIST",
        folder="mnist",
        data={"name": "mnist", "train_size": 2700},
        imbalance={"profile": "fraction", "fraction": 0.1, "minority_classes": ["0"]},
        epochs=5,
    ),
    "x-rays": Task(
        title="56 X-rays, 32 pixels",
        folder="covid19",
        data={"name": "imagefolder", "image_size": 32, "channels": 1, "drop_duplicates": True},
        imbalance={"profile": "natural", "minority_classes": ["Normal"]},
        # 200 images: as many steps as elsewhere.
        epochs=50,
    ),
    "coats": Task(
        title="500 coats, Fashion-MNIST",
        folder="fashion_mnist",
        data={"name": "fashion_mnist", "train_size": 12500},
        imbalance={"profile": "counts", "minority_classes": ["coat"], "counts": {"coat": 625}},
        epochs=5,
    ),
}


def measure(task: Task, variant: str, root: Path, *, steps: int) -> Iterator[dict[str, float]]:
    """A row at each of MARKS up to `steps`; each has the CPU seconds of the training so far."""
    trial = parse_trial(
        {
            "seed": SEED,
            "data": {**task.data, "root": str(root / task.folder)},
            "imbalance": dict(task.imbalance),
            "classifier": {"epochs": task.epochs},
            "balancing": {
                "name": variant,
                "gan": {"generator_steps": steps, "milestones": [mark for mark in MARKS if mark < steps]},
            },
        }
    )
    data = load_data(trial, image_source(trial.data), torch.device("cpu"))
    real = RealImages(
        training=data.training, held_out=held_out(data.parts, torch.device("cpu")), classifier=trial.classifier
    )
    (label,) = data.parts.classes.minority
    seconds, started = 0.0, process_time()
    for balanced in trial.balancing.balancer.balance(data.training, seed=derive_seed(SEED, "balancing")):
        seconds += process_time() - started
        yield {
            "generator_steps": balanced.generator_steps,
            "gan_train": gan_train(balanced, real, label),
            "reference": reference(balanced, real, label),
            "seconds": seconds,
        }
        started = process_time()


def gan_train(balanced: BalancedSet, real: RealImages, label: int) -> float:
    """Recall of the class `label` on held-out images, known from the images alone that were made of it."""
    made = balanced.training.take(
        torch.nonzero(balanced.training.synthetic | (balanced.training.labels != label)).squeeze(1)
    )
    return fmean(real.recall(made, seed=seed)[label] or 0.0 for seed in range(FITS))


def reference(balanced: BalancedSet, real: RealImages, label: int) -> float:
    """The same where the real images are repeated as often."""
    made = balanced.training.labels[balanced.training.synthetic].numpy()
    numbers = class_counts(made, len(balanced.training.classes.names))
    return fmean(reference_recall(real, numbers, {}, seed=seed)[label] or 0.0 for seed in range(FITS))


def table() -> Iterator[str]:
    """A line for each variant and set that is kept."""
    yield f"| variant | set | {' | '.join(f'{mark:,}' for mark in MARKS)} | real images | seconds a 1,000 steps |"
    yield "| --- | --- |" + " ---: |" * (len(MARKS) + 2)
    for variant in VARIANTS:
        for name, task in TASKS.items():
            path = RESULTS / f"{variant}-{name}.json"
            if not path.exists():
                continue
            rows = json.loads(path.read_text())
            found = {row["generator_steps"]: f"{row['gan_train']:.2f}" for row in rows}
            cells = " | ".join(found.get(mark, "") for mark in MARKS)
            each = 1000 * rows[-1]["seconds"] / rows[-1]["generator_steps"]
            yield f"| `{variant}` | {task.title} | {cells} | {rows[-1]['reference']:.2f} | {each:.0f} |"


def main() -> None:
    """Measure what is missing, and write the table if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", choices=[[], *(name for name in BALANCERS if name in VARIANTS)])
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--steps", type=int, default=MARKS[-1])
    parser.add_argument("--root", type=Path, default=Path("../shared/data"), help="where the data sets lie")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.tasks:
        for variant in options.variants:
            path = RESULTS / f"{variant}-{name}.json"
            if path.exists():
                continue
            rows = []
            for row in measure(TASKS[name], variant, options.root, steps=options.steps):
                rows.append(row)
                print(variant, name, row, flush=True)
            path.write_text(json.dumps(rows))
    if options.write:
        put_lines("gan_length.md", "curves", list(table()))


if __name__ == "__main__":
    main()
