"""Which members of a catalog a contract is tried on, and when.

`make fast` tries `FEW`, among which each way through the code is; `make test` tries every member once.
"""

from collections.abc import Iterable
from typing import Any

import pytest

FEW = frozenset(
    {
        # No balancing, a plan, images that no GAN makes, a second stage.
        *("none", "class_weights", "smote", "crt"),
        # A GAN for each class, one for all classes, one with a warm start and a gradient penalty; no GAN.
        *("dcgan", "acgan", "bagan_gp", "flow_matching"),
        # Classifiers with and without convolutions.
        *("simple_cnn", "mlp", "cnn2"),
    }
)

# Three GANs, two classifiers, and whatever has code of its own for the size or the channels of images.
BY_SHAPE = frozenset(
    {
        *("dcgan", "bagan_gp", "r3gan", "simple_cnn", "mlp"),
        *("wgan_gp", "projection_sngan", "image_transforms", "rand_augment", "cutmix"),
        *("flow_matching", "deep_smote"),
    }
)


def each(names: Iterable[str], *more: Any, others: pytest.MarkDecorator = pytest.mark.slow) -> list[Any]:
    """Parameters: each of `names` alone, or with `more` behind it; those that are not in `FEW` have a mark."""
    return [pytest.param(name, *more, marks=() if name in FEW else others) for name in names]
