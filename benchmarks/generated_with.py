"""Generated images with a dose, a plan, a weight and a filter: gains on digits, as a Markdown table.

    python -m benchmarks.generated_with [--seeds 5] [--steps 400]

The digits of the quickstart with `dcgan`. A seed's GANs are trained once, as none of these settings changes them,
and every row fits its classifier to the same real images from the same weights: gains are pairs. Prints minority
F1 and recall on test images less those without balancing.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import torch
from pydantic import JsonValue

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.records.record import Selection
from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

PLANS, WEIGHTS, DOSES = ("none", "balanced_softmax", "class_weights"), (1.0, 0.3), (0.25, 0.5, 1.0)
METRICS = ("minority_f1", "minority_recall")
# Of confirmed trials only those of the first round measure their images.
MEASURING, SCORING = (
    Purpose(phase="confirm", selection=Selection(search_trials=0, round=number)) for number in (1, 2)
)


def rows() -> Iterator[tuple[str, dict[str, JsonValue]]]:
    """The ways of balancing by what each is called: the simple methods, then the GAN with each choice."""
    for name in PLANS:
        yield name, {"name": name}
    for plan, weight, dose in product(PLANS, WEIGHTS, DOSES):
        # Half a dose only by itself: with plans the ends say enough.
        if dose != 0.5 or (plan, weight) == ("none", 1.0):
            settings: dict[str, JsonValue] = {"dose": dose, "plan": plan, "synthetic_weight": weight}
            yield f"dcgan, dose {dose:g}, plan {plan}, weight {weight:g}", {"name": "dcgan", **settings}
    for dose in (0.25, 1.0):
        yield f"dcgan, dose {dose:g}, filter applied", {"name": "dcgan", "dose": dose, "filter": "apply"}


def run(
    balancing: Mapping[str, JsonValue], seed: int, steps: int, folder: Path, store: dict[str, State]
) -> TrialOutcome:
    """One trial; the plain GAN's also measures its images."""
    is_gan = balancing["name"] == "dcgan"
    gan: dict[str, JsonValue] = {"gan": {"batch_size": 16, "generator_steps": steps}} if is_gan else {}
    config = parse_trial(
        {
            "seed": seed,
            "evaluation": {"test": True},
            "data": {"name": "digits", "image_size": 16},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {"epochs": 10},
            "balancing": {**balancing, **gan},
        }
    )
    is_plain = {"dose": 1.0, "plan": "none", "synthetic_weight": 1.0}.items() <= balancing.items()
    checkpoints = Checkpoints(folder=folder, keeps_looked_at=True)
    purpose = MEASURING if is_plain else SCORING
    *_, last = run_trial(config, purpose, device=torch.device("cpu"), checkpoints=checkpoints, store=store)
    assert isinstance(last, TrialOutcome)
    return last


def gain_table(outcomes: Mapping[str, list[TrialOutcome]]) -> str:
    """The mean gains over no balancing, with their Student-t intervals over the seeds."""
    scores = {
        name: {metric: np.array([each.record.scores["test"][metric] for each in found]) for metric in METRICS}
        for name, found in outcomes.items()
    }
    lines = [
        "| balanced by | gain in minority F1 | gain in minority recall | images made |",
        "| --- | --- | --- | ---: |",
    ]
    for name, found in outcomes.items():
        gains = [
            estimate_text(t_interval((scores[name][metric] - scores["none"][metric]).tolist()), signed=True)
            for metric in METRICS
        ]
        made = np.mean([each.record.generated.num_made if each.record.generated else 0 for each in found])
        if name != "none":
            lines.append(f"| {name} | {' | '.join(gains)} | {made:.0f} |")
    return "\n".join(lines)


def filter_table(outcomes: Mapping[str, list[TrialOutcome]]) -> str:
    """The share of images that pass the filter, by class, over all seeds, beside that of held-out real images."""
    lines = ["| class | generated images that pass | held-out real images that pass |", "| --- | ---: | ---: |"]
    measured = [each.arrays for found in outcomes.values() for each in found if "quality/values" in each.arrays]
    names, metrics = measured[0]["classes/names"], measured[0]["quality/metrics"].tolist()
    places = [metrics.index(name) for name in ("filter_passed", "filter_passed_floor")]
    means = np.mean([each["quality/values"] for each in measured], axis=0)
    for label, values in zip(measured[0]["quality/classes"], means, strict=True):
        lines.append(f"| {names[label]} | {values[places[0]]:.2f} | {values[places[1]]:.2f} |")
    reasons = measured[0]["filter/reasons"].tolist()
    rejected = np.sum([each["filter/rejected"].sum(axis=0) for each in measured], axis=0)
    made = np.sum([each["counts/made"].sum() for each in measured])
    shares = (f"{reason} {share:.2f}" for reason, share in zip(reasons, rejected / made, strict=True))
    return "\n".join([*lines, "", f"Rejected, as shares of all generated images: {', '.join(shares)}."])


def main() -> None:
    """Print both tables after each seed, so that a run that is cut off has said something."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    store: dict[str, State] = {}
    with tempfile.TemporaryDirectory() as folder:
        outcomes: dict[str, list[TrialOutcome]] = {name: [] for name, _ in rows()}
        for seed in range(1, asked.seeds + 1):
            for name, balancing in rows():
                outcomes[name].append(run(balancing, seed, asked.steps, Path(folder), store))
            print(
                f"{seed} of {asked.seeds} seeds",
                gain_table(outcomes),
                filter_table(outcomes),
                sep="\n\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
