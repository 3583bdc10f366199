"""Whether self-attention pays in the projection GAN, with paired seeds.

`python -m benchmarks.self_attention --root DIR` runs `projection_sngan` with and without the block of Zhang et al.
2019 ("Self-Attention Generative Adversarial Networks", arXiv 1805.08318), on Fashion-MNIST with dress, coat,
sandal and sneaker at ratio 12. It prints test scores and the quality of the images of each trial, then means and
differences. `benchmarks.self_attention:PROJECTION_SAGAN` is a GAN variant that any study can name
(docs/plugins.md).
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from gan_study.analysis.inference.estimates import t_interval
from gan_study.analysis.wording import estimate_text
from gan_study.trainables.base.layers import draw_xavier
from gan_study.trainables.data.images import ImageShape, pyramid
from gan_study.trainables.gans.networks.convolutional import channels_of
from gan_study.trainables.gans.networks.residual import ResidualGenerator
from gan_study.trainables.gans.networks.spectral_norm import normalise_spectrally
from gan_study.trainables.gans.variant import Networks
from gan_study.trainables.gans.variants.projection_sngan import PROJECTION_SNGAN, WIDTHS
from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

# The channels of queries and keys, and of values, as shares of the map's (section 3 and the authors' code).
KEY_SHARE, VALUE_SHARE = 8, 2
ARMS: Mapping[str, str] = {"without": "projection_sngan", "with": "benchmarks.self_attention:PROJECTION_SAGAN"}
FITS = 3
QUALITIES = ("kid", "gan_train", "repeated_share")


class SelfAttention(nn.Module):
    """Maps [N, C, H, W] plus gamma times what each position finds at all others; gamma starts at 0 (section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        num_keys, num_values = (max(1, channels // share) for share in (KEY_SHARE, VALUE_SHARE))
        self.queries, self.keys = (nn.Conv2d(channels, num_keys, kernel_size=1) for _ in range(2))
        self.values = nn.Conv2d(channels, num_values, kernel_size=1)
        self.output = nn.Conv2d(num_values, channels, kernel_size=1)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """The maps [N, C, H, W]."""
        queries = self.queries(maps).flatten(2)
        # At half the size, as in the authors' code.
        keys, values = (max_pool2d(layer(maps), 2).flatten(2) for layer in (self.keys, self.values))
        shares = (queries.transpose(1, 2) @ keys).softmax(dim=2)
        found = (values @ shares.transpose(1, 2)).unflatten(2, maps.shape[2:])
        outputs: Tensor = maps + self.gamma * self.output(found)
        return outputs


class Attending(nn.Module):
    """`block`, and self-attention over its maps of so many `channels`, with spectral norm."""

    def __init__(self, block: nn.Module, channels: int) -> None:
        super().__init__()
        self.block = block
        self.attention = normalise_spectrally(draw_xavier(SelfAttention(channels)))

    def forward(self, *inputs: Tensor) -> Tensor:
        """The maps [N, C, H, W]."""
        maps: Tensor = self.attention(self.block(*inputs))
        return maps


def attending_networks(shape: ImageShape, latent_size: int, num_classes: int) -> Networks:
    """Those of `projection_sngan`, which attend at the middle size: 14 of 28 pixels, 16 of 32 and of 64."""
    networks = PROJECTION_SNGAN.networks(shape, latent_size, num_classes)
    inwards, (_, num_doublings) = channels_of(shape, WIDTHS), pyramid(shape.size)
    doublings = (num_doublings + 1) // 2
    halvings = max(1, num_doublings - doublings)
    generator, features = networks.generator, networks.discriminator.features
    assert isinstance(generator, ResidualGenerator) and isinstance(features, nn.Sequential)
    of_generator = (*inwards[::-1], inwards[0])
    generator.blocks[doublings - 1] = Attending(generator.blocks[doublings - 1], of_generator[doublings])
    features[halvings - 1] = Attending(features[halvings - 1], inwards[halvings - 1])
    return networks


PROJECTION_SAGAN = replace(
    PROJECTION_SNGAN,
    name="projection_sagan",
    summary="projection_sngan with self-attention in both networks",
    source="Zhang et al. 2019, arXiv:1805.08318",
    networks=attending_networks,
)


def run(variant: str, seed: int, root: Path, store: dict[str, State]) -> dict[str, float]:
    """Test scores of one trial, means over the fits, and measures of its images, means over the rare classes."""
    trial = parse_trial(
        {
            "seed": seed,
            "data": {"name": "fashion_mnist", "root": str(root), "train_size": 4000},
            "imbalance": {
                "profile": "step",
                "ratio": 12,
                "minority_classes": ["dress", "coat", "sandal", "sneaker"],
            },
            "classifier": {},
            "evaluation": {"test": True, "fits": FITS},
            "balancing": {"name": variant},
        }
    )
    started = process_time()
    *_, outcome = run_trial(trial, Purpose(phase="confirm"), device=torch.device("cpu"), store=store)
    assert isinstance(outcome, TrialOutcome)
    scores, metrics = outcome.record.scores["test"], outcome.arrays["quality/metrics"].tolist()
    means = np.mean(outcome.arrays["quality/values"], axis=0)
    return {
        "minority_f1": scores["minority_f1"] or 0.0,
        "minority_recall": scores["minority_recall"] or 0.0,
        **{name: float(means[metrics.index(name)]) for name in QUALITIES},
        "seconds": process_time() - started,
    }


def main() -> None:
    """Print each trial, then means and differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder of Fashion-MNIST")
    parser.add_argument("--seeds", type=int, nargs="*", default=(1, 2, 3))
    parser.add_argument("--arms", nargs="*", default=[*ARMS], choices=[*ARMS])
    options = parser.parse_args()
    torch.set_num_threads(1)
    store: dict[str, State] = {}
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in options.arms}
    for seed in options.seeds:
        for arm, results in found.items():
            results.append(run(ARMS[arm], seed, options.root, store))
            print(seed, arm, {name: round(value, 3) for name, value in results[-1].items()}, flush=True)
    for name in found[options.arms[0]][0]:
        by_arm = {arm: np.array([each[name] for each in results]) for arm, results in found.items()}
        means = "; ".join(f"{arm} {values.mean():.3f}" for arm, values in by_arm.items())
        more = t_interval((by_arm["with"] - by_arm["without"]).tolist()) if len(by_arm) == len(ARMS) else None
        print(f"{name}: {means}" + (f"; with less without {estimate_text(more, signed=True)}" if more else ""))


if __name__ == "__main__":
    main()
