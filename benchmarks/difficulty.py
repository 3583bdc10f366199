"""How much is gained on harder data: wrong labels, overlap, borderline images and shift, as a Markdown table.

    python -m benchmarks.difficulty [--seeds 5] [--steps 2000]

The digits of the quickstart, made harder by `data.difficulty` one way at a time. Every row trains its own GAN, as
the data differ; gains over no balancing are pairs of the same data, split and seed. How hard a row is, is said as
studies say it: the share of the rare classes' images that are safe among their five nearest.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.hardness import shares_of_rare
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.records.record import Selection
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

METHODS = ("class_weights", "random_oversampling", "dcgan")
# Of confirmed trials only those of the first round measure their images.
SCORING = Purpose(phase="confirm", selection=Selection(search_trials=0, round=2))


def levels() -> Iterator[tuple[str, dict[str, JsonValue]]]:
    """The settings of `data.difficulty` by what each row is called."""
    yield "as they are", {}
    for share in (0.1, 0.2):
        yield f"label noise {share:g}", {"label_noise": share}
    for share in (0.2, 0.4):
        yield f"class overlap {share:g}", {"class_overlap": share}
    # At the same mean overlap as a class overlap of 0.2.
    yield "borderline 0.44", {"borderline_share": 0.44}
    yield "shift: 25 grey levels, 10 degrees", {"shift": {"brightness": 25, "rotation_degrees": 10}}


def config_of(difficulty: Mapping[str, JsonValue], method: str, seed: int, steps: int) -> TrialConfig:
    """One trial of the quickstart's data, harder."""
    gan: dict[str, JsonValue] = {"gan": {"batch_size": 16, "generator_steps": steps}} if method == "dcgan" else {}
    return parse_trial(
        {
            "seed": seed,
            "evaluation": {"test": True},
            "data": {"name": "digits", "image_size": 16, "difficulty": dict(difficulty)},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {"epochs": 10},
            "balancing": {"name": method, **gan},
        }
    )


def score(config: TrialConfig, folder: Path) -> float:
    """Minority F1 on test images."""
    *_, last = run_trial(config, SCORING, device=torch.device("cpu"), checkpoints=Checkpoints(folder=folder))
    assert isinstance(last, TrialOutcome)
    found = last.record.scores["test"]["minority_f1"]
    assert found is not None, "every class has test images"
    return found


def gains(config_of_method: Callable[[str, int], TrialConfig], seeds: Sequence[int], folder: Path) -> list[str]:
    """Cells of a row: the score without balancing, and the gain of each method with its Student-t interval.

    Both arms of a gain have the same seed; `folder` keeps the GANs' states.
    """
    scores = {
        method: np.array([score(config_of_method(method, seed), folder) for seed in seeds])
        for method in ("none", *METHODS)
    }
    paired = ((scores[method] - scores["none"]).tolist() for method in METHODS)
    return [f"{scores['none'].mean():.3f}", *(estimate_text(t_interval(each), signed=True) for each in paired)]


def safe_share(config: TrialConfig) -> float:
    """The share of the rare classes' images in the pool whose neighbours are of their class."""
    pool = image_source(config.data).pool().images
    labels = config.imbalance.minority(pool.class_counts(), pool.class_names)
    return float(np.mean([shares["safe"] for shares in shares_of_rare(pool, labels).values()]))


def table(seeds: Sequence[int], steps: int) -> str:
    """A row a level: how hard, no balancing, and the gain of each method with its Student-t interval."""
    lines = [f"| digits | safe | none | {' | '.join(METHODS)} |", "| --- |" + " --- |" * (2 + len(METHODS))]
    for name, difficulty in levels():
        with tempfile.TemporaryDirectory() as folder:
            cells = gains(partial(config_of, difficulty, steps=steps), seeds, Path(folder))
        safe = safe_share(config_of(difficulty, "none", 0, steps))
        lines.append(f"| {name} | {safe:.0%} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    given = parser.parse_args()
    print(table(range(1, given.seeds + 1), given.steps))
