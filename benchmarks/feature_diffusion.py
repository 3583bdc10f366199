"""Whether diffusion in feature space pays, against SMOTE there and a head fitted again, with paired seeds.

`python -m benchmarks.feature_diffusion fashion_mnist --root DIR` fits a CNN to long-tailed images at ratio 100,
freezes its body, fills the rare classes with features, and fits a new head: Han et al. 2024 ("Latent-based
Diffusion Model for Long-tailed Recognition", arXiv 2404.04517), with a rectified flow (Liu et al. 2023) instead of
their DDIM. It prints test scores of each trial, then means and differences.
`benchmarks.feature_diffusion:FEATURE_DIFFUSION` is a balancer that any study can name (docs/plugins.md).
"""

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from benchmarks.difficulty import SCORING
from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry, FillsClasses
from gan_study.trainables.base.seeding import derive_seed, seeded_global_state, torch_generator
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.loss_plans import FittingPlan, HeadStage
from gan_study.trainables.data.images import TrainingSet, mean_weights
from gan_study.trainables.flow.flow import spread_times
from gan_study.trainables.gans.trainer import class_balanced_batches, descend
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.run import run_trial

BATCH_SIZE, LEARNING_RATE, SAMPLER_STEPS = 256, 1e-3, 50
# Features without spread in the training set stay as they are.
LEAST_DEVIATION = 1e-6
METRICS = ("balanced_accuracy", "minority_f1", "minority_recall")


class FeatureVelocity(nn.Module):
    """The velocity [N, D] of noisy features [N, D] at times [N] in [0, 1], for labels [N]."""

    def __init__(self, num_features: int, num_classes: int, *, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(num_features + 1, width)
        self.label = nn.Embedding(num_classes, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(3)
        )
        self.leave = nn.Linear(width, num_features)

    def forward(self, features: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """The velocities."""
        hidden = self.enter(torch.cat([features, times[:, None]], dim=1)) + self.label(labels)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        velocities: Tensor = self.leave(hidden)
        return velocities


@settings
class FeatureDiffusion(FillsClasses):
    """Features of a flow that is trained on the classifier's features of all classes; its head is fitted again."""

    generator_steps: int = Field(default=2000, ge=1)
    """Steps of the flow."""
    width: int = Field(default=256, ge=1)
    """Units of its hidden layers."""
    steps_share: float = Field(default=0.5, gt=0, lt=1)
    """The share of all steps that the new head takes, as for `feature_smote`."""

    def balance(self, training: TrainingSet, *, seed: int) -> Iterator[BalancedSet]:
        """Yields `training` and the plan, once."""
        rebalance = partial(with_flow_features, wanted=self.additions(training), settings=self)
        stage = HeadStage(rebalance=rebalance, steps_share=self.steps_share)
        yield BalancedSet(training=training, plan=FittingPlan(head_stage=stage))


def with_flow_features(
    features: Tensor,
    labels: Tensor,
    weights: Tensor,
    seed: int,
    *,
    wanted: Mapping[int, int],
    settings: FeatureDiffusion,
) -> tuple[Tensor, Tensor, Tensor]:
    """Features [N, D], labels [N] and weights [N], and as many of a flow for each label as are `wanted`."""
    if not wanted:
        return features, labels, weights
    mean, deviation = features.mean(dim=0), features.std(dim=0)
    scale = torch.where(deviation > LEAST_DEVIATION, deviation, 1.0)
    network = train_flow((features - mean) / scale, labels, seed, settings=settings)
    made = torch.cat([torch.full((number,), label) for label, number in wanted.items()]).to(labels)
    found = sample(network, made, features.shape[1], torch_generator(seed, "noise", device=labels.device))
    # The bodies here end in a ReLU.
    new = (found * scale + mean).clamp(min=0)
    means = mean_weights(labels, weights, num_classes=int(labels.max()) + 1).to(weights)
    return torch.cat([features, new]), torch.cat([labels, made]), torch.cat([weights, means[made]])


def train_flow(rows: Tensor, labels: Tensor, seed: int, *, settings: FeatureDiffusion) -> FeatureVelocity:
    """The velocity network after its training on `rows` [N, D], in batches with equal shares of all classes."""
    with seeded_global_state(derive_seed(seed, "initialisation")):
        network = FeatureVelocity(rows.shape[1], int(labels.max()) + 1, width=settings.width).to(rows.device)
    random = torch_generator(seed, "flow", device=rows.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.generator_steps)
    batches = class_balanced_batches(labels, BATCH_SIZE, random)
    for _, batch in zip(range(settings.generator_steps), batches, strict=False):
        noise = torch.randn(BATCH_SIZE, rows.shape[1], generator=random, device=rows.device)
        times = spread_times(BATCH_SIZE, random, dtype=rows.dtype)
        points = torch.lerp(noise, rows[batch], times[:, None])
        loss = mse_loss(network(points, times, labels[batch]), rows[batch] - noise)
        descend(optimiser, loss)
        decay.step()
    return network.eval()


@torch.no_grad()
def sample(network: FeatureVelocity, labels: Tensor, num_features: int, random: torch.Generator) -> Tensor:
    """Features [N, D] of `labels` [N], in steps of Euler's method."""
    points = torch.randn(len(labels), num_features, generator=random, device=labels.device)
    for number in range(SAMPLER_STEPS):
        times = torch.full((len(labels),), number / SAMPLER_STEPS, device=labels.device)
        points = points + network(points, times, labels) / SAMPLER_STEPS
    return points


FEATURE_DIFFUSION = BalancerEntry(
    name="feature_diffusion",
    settings=FeatureDiffusion,
    summary="fits the head again, with features of a flow",
    only_plans=True,
)
ARMS = ("none", "crt", "feature_smote", "benchmarks.feature_diffusion:FEATURE_DIFFUSION")


def run(arm: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Scores of one trial on test images, means over the fits."""
    trial = parse_trial(
        {
            "seed": seed,
            "data": {"name": options.data, "root": str(options.root), "train_size": options.train_size},
            "imbalance": {"profile": "long_tailed", "ratio": 100},
            "classifier": {"name": "cnn3", "epochs": 15},
            "evaluation": {"test": True},
            "balancing": {"name": arm},
        }
    )
    *_, outcome = run_trial(trial, SCORING, device=torch.device("cpu"))
    assert isinstance(outcome, TrialOutcome)
    scores = outcome.record.scores["test"]
    return {metric: scores[metric] or 0.0 for metric in METRICS}


def main() -> None:
    """Print each trial, then means and differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the data set")
    parser.add_argument("--root", type=Path, required=True, help="its folder")
    parser.add_argument("--train-size", type=int, default=8000, help="images before the imbalance")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    for seed in range(1, options.seeds + 1):
        for arm, results in found.items():
            results.append(run(arm, seed, options))
            print(seed, arm, {name: round(value, 3) for name, value in results[-1].items()}, flush=True)
    for metric in METRICS:
        by_arm = {arm: np.array([each[metric] for each in results]) for arm, results in found.items()}
        print(metric, {arm: round(float(values.mean()), 3) for arm, values in by_arm.items()})
        for other in ARMS[:-1]:
            more = t_interval((by_arm[ARMS[-1]] - by_arm[other]).tolist())
            print(f"  flow less {other}: {estimate_text(more, signed=True)}")


if __name__ == "__main__":
    main()
