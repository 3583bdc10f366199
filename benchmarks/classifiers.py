"""Another classifier, another answer? The gain of each method by classifier, as a Markdown table.

    python -m benchmarks.classifiers [--seeds 8] [--steps 2000] [--backbone LIBRARY MODEL WEIGHTS]

The digits of the quickstart at ratio 5. A GAN does not depend on the classifier, so each seed's is trained once
and its images serve all of them; gains over no balancing are pairs of the same classifier, split and seed.
`--backbone` adds a linear model on the features of a frozen network: `torchvision resnet18 FILE`, or `gan_study
resnet32 FILE` with the weights of benchmarks/pretrain.py.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import JsonValue

from benchmarks.difficulty import METHODS, config_of, gains
from gan_study.trainables.trial.config import TrialConfig, dump_trial, parse_trial

# A small network, a fully connected one, and a large one.
CLASSIFIERS: Mapping[str, dict[str, JsonValue]] = {
    "simple_cnn": {"name": "simple_cnn", "epochs": 10},
    "mlp": {"name": "mlp", "epochs": 10},
    "resnet18": {"name": "resnet18", "epochs": 10},
}
# As the recipe `imagefolder-backbone` has: features are computed once, so that these epochs cost nothing.
FROZEN_EPOCHS = 100


def config_with(classifier: Mapping[str, JsonValue], method: str, seed: int, *, steps: int) -> TrialConfig:
    """One trial of the quickstart's data with this classifier."""
    plain = config_of({}, method, seed, steps)
    return parse_trial({**dump_trial(plain), "classifier": dict(classifier)})


def table(classifiers: Mapping[str, dict[str, JsonValue]], seeds: Sequence[int], steps: int) -> str:
    """A row a classifier: no balancing, and the gain of each method with its Student-t interval."""
    lines = [f"| classifier | none | {' | '.join(METHODS)} |", "| --- |" + " --- |" * (1 + len(METHODS))]
    with tempfile.TemporaryDirectory() as folder:
        for name, classifier in classifiers.items():
            cells = gains(partial(config_with, classifier, steps=steps), seeds, Path(folder))
            lines.append(f"| {name} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--backbone", nargs=3, metavar=("LIBRARY", "MODEL", "WEIGHTS"))
    given = parser.parse_args()
    chosen = dict(CLASSIFIERS)
    if given.backbone is not None:
        library, model, weights = given.backbone
        frozen: dict[str, JsonValue] = {"library": library, "model": model, "weights": weights}
        chosen[f"linear on frozen {model}"] = {"name": "backbone", "epochs": FROZEN_EPOCHS, "backbone": frozen}
    print(table(chosen, range(1, given.seeds + 1), given.steps))
