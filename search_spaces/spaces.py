"""The named spaces; a recipe narrows or widens one of them."""

from collections.abc import Mapping

from gan_study.search_spaces.space import (
    AUTOENCODER_STEPS,
    BALANCER,
    FLOW_STEPS,
    GENERATOR_STEPS,
    RATIO,
    Space,
)
from gan_study.trainables.balancing.autoencoder.training import AutoencoderSettings
from gan_study.trainables.base.settings import ConfigError, nearest
from gan_study.trainables.base.tunable import Choice, Float, Int
from gan_study.trainables.flow.training import FlowSettings
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.length import TrainingLength

# About Adam 1e-4 (Gulrajani 2017) and 2e-4 (Radford 2015), up to the rate that spectral norm bears.
LEARNING_RATE = Float(low=5e-5, high=2e-3, log=True)
# A factor of three to either side of the paper's 10 (Gulrajani 2017, section 4).
GRADIENT_PENALTY = Float(low=3.0, high=30.0, log=True)
# How many times more than a variant's least number of generator steps are tried; below it images are noise.
LENGTH_FACTOR = 3
# A quarter, half or all of the images that rare classes lack. Full balancing is often not best (Ma and Zhang 2026,
# arXiv 2601.16120); of synthetic images Pink and Sykes 2026 (PMLR 318) find few best, one for four real ones.
DOSE = Choice(options=(0.25, 0.5, 1.0))
# From no imbalance to the ratio at which the long-tail literature reports.
ABLATION_RATIOS = (1, 2, 5, 10, 20, 50, 100)

_ALL_VARIANTS = Choice(options=tuple(VARIANTS))


def _lengths(defaults: TrainingLength) -> Int:
    least = defaults.generator_steps
    assert least is not None, "the default length is in generator steps"
    return Int(low=least, high=least * LENGTH_FACTOR, log=True)


GAN_VARIANTS = Space(
    name="gan_variants",
    summary="GAN variant, length, learning rate, gradient penalty and dose, at the study's own imbalance",
    parameters={
        BALANCER: _ALL_VARIANTS,
        **{f"{GENERATOR_STEPS}@{name}": _lengths(variant.defaults) for name, variant in VARIANTS.items()},
        "balancing/gan/learning_rate": LEARNING_RATE,
        "balancing/gan/weights/gradient_penalty": GRADIENT_PENALTY,
        "balancing/dose": DOSE,
    },
)

IMBALANCE_ABLATION = Space(
    name="imbalance_ablation",
    summary="gan_variants at every imbalance ratio in {1, 2, 5, 10, 20, 50, 100}",
    parameters={**GAN_VARIANTS.parameters, RATIO: Choice(options=ABLATION_RATIOS)},
)

SMALL = Space(
    name="small",
    summary="GAN variant, learning rate and dose, at each variant's default length",
    parameters={BALANCER: _ALL_VARIANTS, "balancing/gan/learning_rate": LEARNING_RATE, "balancing/dose": DOSE},
)

# A factor of four to either side of the default.
FLOW_LEARNING_RATE = Float(low=5e-4, high=8e-3, log=True)
# About the default; on Fashion-MNIST 5 steps already show clothes (docs/benchmarks.md).
SAMPLER_STEPS = Choice(options=(5, 10, 20))
# A factor of four to either side of the default; the authors' 300 numbers a grey image are the most.
AUTOENCODER_LEARNING_RATE = Float(low=2.5e-4, high=4e-3, log=True)
CODE_SIZE = Int(low=16, high=300, log=True)

GENERATORS = Space(
    name="generators",
    summary="dcgan, flow_matching and deep_smote: length, learning rate, dose, the flow's sampler steps, the size "
    "of codes",
    parameters={
        BALANCER: Choice(options=("dcgan", "flow_matching", "deep_smote")),
        f"{GENERATOR_STEPS}@dcgan": _lengths(VARIANTS["dcgan"].defaults),
        "balancing/gan/learning_rate": LEARNING_RATE,
        FLOW_STEPS: _lengths(FlowSettings()),
        "balancing/flow/learning_rate": FLOW_LEARNING_RATE,
        "balancing/flow/sampler_steps": SAMPLER_STEPS,
        AUTOENCODER_STEPS: _lengths(AutoencoderSettings()),
        "balancing/autoencoder/learning_rate": AUTOENCODER_LEARNING_RATE,
        "balancing/autoencoder/code_size": CODE_SIZE,
        "balancing/dose": DOSE,
    },
)

SPACES: Mapping[str, Space] = {
    space.name: space for space in (GAN_VARIANTS, IMBALANCE_ABLATION, SMALL, GENERATORS)
}


def named_space(name: str) -> Space:
    """The space called `name`; raises ConfigError with the nearest name if there is none."""
    if name not in SPACES:
        raise ConfigError(f"search.space: {name!r} is unknown; {nearest(name, SPACES)}")
    return SPACES[name]
